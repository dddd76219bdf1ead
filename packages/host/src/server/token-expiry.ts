import type { Timer, Timers } from '../clock/clock.ts';

/** Longest delay of a timer of Node; what is later is waited for in parts. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** What a wait for the end of a token goes by. */
export interface ExpiryOptions {
  /** How long the token is still valid, in milliseconds; 0 or less: it is not. */
  readonly leftMs: () => number;
  readonly timers: Pick<Timers, 'after'>;
}

/** Calls back once when a token has expired, in a turn of its own; the result ends the wait. */
export function whenExpired({ leftMs, timers }: ExpiryOptions, callback: () => void): () => void {
  const wait = (): void => {
    const delayMs = leftMs();
    if (delayMs <= 0) callback();
    else timer = timers.after(Math.min(delayMs, DELAY_MS_MAX), wait);
  };
  let timer: Timer = timers.after(0, wait);
  return () => timer.cancel();
}
