/**
 * The time, as handed to everything in NERV that needs it. Microseconds since 1970 (UTC), as SpacetimeDB counts.
 * May stand still and may run backwards; what needs order makes it itself.
 */
export interface Clock {
  nowMicros(): bigint;
}

/** How to ask a clock for milliseconds since 1970. */
export function millisecondsOf(clock: Clock): () => number {
  return () => Number(clock.nowMicros() / 1000n);
}

/** Random bytes, as handed to everything in NERV that needs them. Fills the whole array. */
export interface Random {
  fill(bytes: Uint8Array): void;
}

/** Makes ids that never come twice. Each id sorts after those made before it. */
export interface IdSource {
  nextId(): string;
}

/** Timers, as handed to everything in NERV that waits. */
export interface Timers {
  /** Calls back once, after at least so many milliseconds, unless the function it returns is called before. */
  schedule(callback: () => void, delayMs: number): () => void;
}
