/*
 * The load that every variant of the benchmark is driven with: transfers between accounts, a fixed number of them on
 * their way at any time.
 */

/** Which accounts take part: every one as often as any other, or few of them most of the time. */
export type Skew = 'uniform' | 'zipf-1.5';

/** How much of the load there is. */
export interface Load {
  readonly accounts: number;
  readonly connections: number;
  readonly callsPerConnection: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly skew: Skew;
  readonly seed: number;
}

/** What was measured: transfers that were answered after the warm-up, and how long each took. */
export interface Measured {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Chooses the two accounts of one transfer; they differ. */
export type ChoosePair = () => readonly [from: number, to: number];

/** Numbers from 0 up to but not including 1, the same for the same seed (mulberry32). */
export function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Pairs of accounts as the load asks for them. */
export function makePairs({ accounts, skew, seed }: Load): ChoosePair {
  const random = makeRandom(seed);
  const choose = skew === 'uniform' ? () => Math.floor(random() * accounts) : makeZipf(accounts, 1.5, random);
  return () => {
    const from = choose();
    let to = choose();
    while (to === from) to = choose();
    return [from, to];
  };
}

/** Keeps `connections` × `callsPerConnection` calls on their way and measures those that end after the warm-up. */
export async function drive(load: Load, call: (connection: number) => Promise<unknown>): Promise<Measured> {
  const begin = performance.now() + load.warmUpSeconds * 1000;
  const end = begin + load.seconds * 1000;
  const latencies: number[] = [];
  let last = begin;
  const lane = async (connection: number): Promise<void> => {
    let now = performance.now();
    while (now < end) {
      const start = now;
      await call(connection);
      now = performance.now();
      if (now < begin || now >= end) continue;
      latencies.push(now - start);
      last = now;
    }
  };
  const lanes = Array.from({ length: load.connections * load.callsPerConnection }, (_, index) =>
    lane(index % load.connections),
  );
  await Promise.all(lanes);
  return summarise(latencies, (last - begin) / 1000);
}

/** Rate and percentiles of what was measured. */
export function summarise(latenciesMs: number[], seconds: number): Measured {
  const sorted = Float64Array.from(latenciesMs).sort();
  const percentile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { callsPerSecond: sorted.length / seconds, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}

/** Account `k` is chosen with a probability proportional to 1 / (k + 1)^exponent. */
function makeZipf(accounts: number, exponent: number, random: () => number): () => number {
  const cumulative = new Float64Array(accounts);
  let sum = 0;
  for (let index = 0; index < accounts; index += 1) {
    sum += 1 / (index + 1) ** exponent;
    cumulative[index] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = accounts - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
