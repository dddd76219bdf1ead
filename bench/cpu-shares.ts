import { Session, type Profiler } from 'node:inspector/promises';

/** Parts of the house that processor time is told apart by; `waiting` is time in which this process did nothing. */
export const PARTS = ['importer', 'nerv', 'client', 'sdk', 'host', 'module', 'node', 'collector', 'waiting'] as const;
/** One of `PARTS`. */
export type Part = (typeof PARTS)[number];

/** Share of each part in the time a piece of work took, in percent, by sampling. */
export type Shares = Readonly<Record<Part, number>>;

const SAMPLING_INTERVAL_MICROS = 500;

/** Runs a piece of work under the processor's profiler and tells where its time went. */
export async function measureShares<T>(work: () => Promise<T>): Promise<{ result: T; shares: Shares }> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_MICROS });
    await session.post('Profiler.start');
    const result = await work();
    const { profile } = await session.post('Profiler.stop');
    return { result, shares: sumShares(profile) };
  } finally {
    session.disconnect();
  }
}

function sumShares(profile: Profiler.Profile): Shares {
  const partOf = new Map(profile.nodes.map((node) => [node.id, findPart(node.callFrame)]));
  const totals = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<Part, number>;
  const deltas = profile.timeDeltas ?? [];
  let all = 0;
  for (const [index, node] of (profile.samples ?? []).entries()) {
    const elapsed = Math.max(0, deltas[index] ?? 0);
    totals[partOf.get(node) ?? 'node'] += elapsed;
    all += elapsed;
  }
  return Object.fromEntries(PARTS.map((part) => [part, all === 0 ? 0 : (totals[part] / all) * 100])) as Record<
    Part,
    number
  >;
}

function findPart({ url, functionName }: { url: string; functionName: string }): Part {
  if (functionName === '(idle)') return 'waiting';
  if (functionName === '(garbage collector)') return 'collector';
  if (url.includes('/packages/cli/')) return 'importer';
  if (url.includes('/packages/nerv/') || url.includes('/@noble/')) return 'nerv';
  if (url.includes('/packages/inner-universe/')) return 'client';
  if (url.includes('/spacetimedb/')) return 'sdk';
  if (url.includes('spacetimedb_module')) return 'module';
  if (url.includes('/packages/host/') || url.includes('/sorted-btree/')) return 'host';
  return 'node';
}
