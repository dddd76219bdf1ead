/** How much is published, and how. */
export interface EventLoad {
  /** Events of a pipelined run. */
  readonly pipelined: number;
  /** Events of a run with one on its way at a time. */
  readonly oneByOne: number;
  /** Events of one batch, where a peer takes batches. */
  readonly batch: number;
}

/** What one run gave. Latencies are NaN where they were not measured. */
export interface EventFigures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** What every variant publishes: about 60 bytes of data. */
export function makeData(n: number): { readonly n: number; readonly sentAtMs: number; readonly text: string } {
  return { n, sentAtMs: nowMs(), text: 'twenty-four characters..' };
}

/** The time, in milliseconds, on a clock that all processes of a machine share. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Rate and percentiles of a run that took so long. */
export function summariseEvents(count: number, elapsedMs: number, latenciesMs: readonly number[] = []): EventFigures {
  const sorted = Float64Array.from(latenciesMs).sort();
  const percentile = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  return {
    perSecond: count / (elapsedMs / 1000),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    p999Ms: percentile(0.999),
  };
}

/** Runs a step so many times, each after the one before. */
export async function oneByOne(count: number, step: (n: number) => Promise<unknown>): Promise<EventFigures> {
  const latencies: number[] = [];
  const start = performance.now();
  for (let n = 0; n < count; n += 1) {
    const before = performance.now();
    await step(n);
    latencies.push(performance.now() - before);
  }
  return summariseEvents(count, performance.now() - start, latencies);
}

/** Starts all steps without awaiting any, then awaits them. */
export async function withoutAwaiting(count: number, step: (n: number) => Promise<unknown>): Promise<EventFigures> {
  const start = performance.now();
  const steps: Promise<unknown>[] = [];
  for (let n = 0; n < count; n += 1) steps.push(step(n));
  await Promise.all(steps);
  return summariseEvents(count, performance.now() - start);
}
