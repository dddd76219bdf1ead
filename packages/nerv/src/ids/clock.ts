/**
 * The time, as handed to everything in NERV that needs it. Microseconds since 1970 (UTC), as SpacetimeDB counts.
 * May stand still and may run backwards; what needs order makes it itself.
 */
export interface Clock {
  nowMicros(): bigint;
  /** The same in whole milliseconds, where the clock has a cheaper way to them than a bigint. */
  nowMs?(): number;
}

/** How to ask a clock for whole milliseconds since 1970. */
export function millisecondsOf(clock: Clock): () => number {
  return () => clock.nowMs?.() ?? Number(clock.nowMicros() / 1000n);
}

/** Random bytes, as handed to everything in NERV that needs them. Fills the whole array. */
export interface Random {
  fill(bytes: Uint8Array): void;
}

/** Makes ids that never come twice. Each id sorts after those made before it. */
export interface IdSource {
  /** `nowMs` is the time in milliseconds since 1970, if the caller has just read it. */
  nextId(nowMs?: number): string;
}

/** Timers, as handed to everything in NERV that waits. */
export interface Timers {
  /** Calls back once, after at least so many milliseconds, unless the function it returns is called before. */
  schedule(callback: () => void, delayMs: number): () => void;
}
