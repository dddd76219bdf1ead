import { Session, type Profiler } from 'node:inspector/promises';

/**
 * Parts that time is told apart by, each with the addresses of its code; the first that fits counts. `git` is reading
 * and parsing git's output. Three parts have no address: `node` is what runs on behalf of none of the others,
 * `collector` the garbage collector, `waiting` time in which the process did nothing.
 */
type Owners<Part extends string> = readonly (readonly [address: string, part: Part])[];

/** Share of each part in the time a piece of work took, in percent, by sampling. */
export type Shares<Part extends string> = Readonly<Record<Part, number>>;

const SAMPLING_INTERVAL_MICROS = 500;

const CLIENT_OWNERS = [
  ['/packages/cli/dist/git/log-parser', 'git'],
  ['/packages/cli/dist/git/repository', 'git'],
  ['/packages/cli/', 'importer'],
  ['/packages/nerv/', 'nerv'],
  ['/packages/inner-universe/', 'client'],
  ['/spacetimedb/', 'sdk'],
  ['spacetimedb_', 'module'],
  ['/packages/host/dist/storage/', 'disk'],
  ['/packages/host/', 'host'],
] as const;

/** The parts of a whole application, in the order in which they are reported. */
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

const HOST_OWNERS = [
  ['spacetimedb_', 'module'],
  ['/packages/host/dist/module/', 'system calls'],
  ['/packages/host/dist/datastore/', 'datastore'],
  ['/packages/host/dist/bsatn/', 'datastore'],
  ['/packages/host/dist/storage/', 'storage'],
  ['/packages/host/dist/database/', 'database'],
  ['/packages/host/dist/views/', 'database'],
  ['/packages/host/dist/subscriptions/', 'subscriptions'],
  ['/packages/host/dist/query/', 'subscriptions'],
  ['/packages/host/dist/session/', 'sessions'],
  ['/packages/host/dist/protocol/', 'sessions'],
  ['/packages/host/dist/', 'server'],
  ['/ws/lib/', 'socket'],
] as const;

/** The parts of a host that serves clients elsewhere. */
export const HOST_PARTS = [
  'module',
  'system calls',
  'datastore',
  'database',
  'storage',
  'subscriptions',
  'sessions',
  'server',
  'socket',
  'node',
  'collector',
  'waiting',
] as const;
/** One of `HOST_PARTS`. */
export type HostPart = (typeof HOST_PARTS)[number];

/** Whose code a file is, for each set of parts. */
function ownersOf(parts: readonly string[]): Owners<string> {
  return parts === HOST_PARTS ? HOST_OWNERS : CLIENT_OWNERS;
}

/** Runs a piece of work under the processor's profiler and tells where its time went. */
export async function measureShares<Name extends Part | HostPart, T>(
  parts: readonly Name[],
  work: () => Promise<T>,
): Promise<{ result: T; shares: Shares<Name> }> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_MICROS });
    await session.post('Profiler.start');
    const result = await work();
    const { profile } = await session.post('Profiler.stop');
    return { result, shares: sumShares(profile, parts) };
  } finally {
    session.disconnect();
  }
}

function sumShares<Name extends string>(profile: Profiler.Profile, parts: readonly Name[]): Shares<Name> {
  const partOf = attribute(profile, ownersOf(parts));
  const totals = new Map<string, number>();
  const deltas = profile.timeDeltas ?? [];
  let all = 0;
  for (const [index, node] of (profile.samples ?? []).entries()) {
    const elapsed = Math.max(0, deltas[index] ?? 0);
    const part = partOf.get(node) ?? 'node';
    totals.set(part, (totals.get(part) ?? 0) + elapsed);
    all += elapsed;
  }
  const shares = parts.map((part) => [part, all === 0 ? 0 : ((totals.get(part) ?? 0) / all) * 100]);
  // One entry for each of `parts`.
  return Object.fromEntries(shares) as Shares<Name>;
}

/** The part of every node of the tree of calls: what has no part of its own works for whoever called it. */
function attribute(profile: Profiler.Profile, owners: Owners<string>): ReadonlyMap<number, string> {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parts = new Map<number, string>();
  const visit = (id: number, caller: string): void => {
    const node = nodes.get(id);
    if (node === undefined) return;
    const part = ownPart(node.callFrame, owners) ?? caller;
    parts.set(id, part);
    for (const child of node.children ?? []) visit(child, part);
  };
  const [root] = profile.nodes;
  if (root !== undefined) visit(root.id, 'node');
  return parts;
}

function ownPart(
  { url, functionName }: { url: string; functionName: string },
  owners: Owners<string>,
): string | undefined {
  if (functionName === '(idle)') return 'waiting';
  if (functionName === '(garbage collector)') return 'collector';
  return owners.find(([address]) => url.includes(address))?.[1];
}
