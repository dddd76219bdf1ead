import { Session, type Profiler } from 'node:inspector/promises';

/**
 * Parts of the house that time is told apart by. `git` is reading and parsing git's output, `disk` the host's storage,
 * `node` what runs on behalf of none of ours, `waiting` time in which this process did nothing: for git, or for fsync.
 */
export const PARTS = [
  'git',
  'importer',
  'nerv',
  'client',
  'sdk',
  'host',
  'module',
  'disk',
  'node',
  'collector',
  'waiting',
] as const;
/** One of `PARTS`. */
export type Part = (typeof PARTS)[number];

/** Share of each part in the time a piece of work took, in percent, by sampling. */
export type Shares = Readonly<Record<Part, number>>;

const SAMPLING_INTERVAL_MICROS = 500;

/** Whose code a file is, by a part of its address; the first that fits. */
const OWNERS: readonly (readonly [address: string, part: Part])[] = [
  ['/packages/cli/dist/git/log-parser', 'git'],
  ['/packages/cli/dist/git/repository', 'git'],
  ['/packages/cli/', 'importer'],
  ['/packages/nerv/', 'nerv'],
  ['/packages/inner-universe/', 'client'],
  ['/spacetimedb/', 'sdk'],
  ['spacetimedb_', 'module'],
  ['/packages/host/dist/storage/', 'disk'],
  ['/packages/host/', 'host'],
];

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
  const partOf = attribute(profile);
  const totals = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<Part, number>;
  const deltas = profile.timeDeltas ?? [];
  let all = 0;
  for (const [index, node] of (profile.samples ?? []).entries()) {
    const elapsed = Math.max(0, deltas[index] ?? 0);
    totals[partOf.get(node) ?? 'node'] += elapsed;
    all += elapsed;
  }
  const share = (part: Part): number => (all === 0 ? 0 : (totals[part] / all) * 100);
  return Object.fromEntries(PARTS.map((part) => [part, share(part)])) as Record<Part, number>;
}

/** The part of every node of the tree of calls: what has no part of its own works for whoever called it. */
function attribute(profile: Profiler.Profile): ReadonlyMap<number, Part> {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parts = new Map<number, Part>();
  const visit = (id: number, caller: Part): void => {
    const node = nodes.get(id);
    if (node === undefined) return;
    const part = ownPart(node.callFrame) ?? caller;
    parts.set(id, part);
    for (const child of node.children ?? []) visit(child, part);
  };
  const [root] = profile.nodes;
  if (root !== undefined) visit(root.id, 'node');
  return parts;
}

function ownPart({ url, functionName }: { url: string; functionName: string }): Part | undefined {
  if (functionName === '(idle)') return 'waiting';
  if (functionName === '(garbage collector)') return 'collector';
  return OWNERS.find(([address]) => url.includes(address))?.[1];
}
