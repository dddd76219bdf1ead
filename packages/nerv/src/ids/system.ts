/**
 * The real clock and the real random source: the one file of NERV that touches the world. Everything else
 * takes a `Clock`, a `Random` or an `IdSource`, and uses these only when its caller gave none.
 */
import type { Clock, IdSource, Random, Timers } from './clock.ts';
import { TurnClock } from './turn-clock.ts';
import { UuidV7Source } from './uuid-v7.ts';

/** What Node 20 and browsers share of Web Crypto, as far as needed here. */
declare const crypto: { getRandomValues(bytes: Uint8Array): Uint8Array };
declare const console: { error(...data: readonly unknown[]): void };
declare function queueMicrotask(callback: () => void): void;
declare function setTimeout(callback: () => void, delayMs: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** The system's clock, in steps of a millisecond. */
export const systemClock: Clock = {
  nowMicros: () => BigInt(Date.now()) * 1000n,
  nowMs: () => Date.now(),
};

/**
 * The system's clock, read once and then standing still until the running code is done: for who emits events by the
 * thousand, to whom reading the time is the greater part of the cost.
 */
export const systemTurnClock: Clock = /* @__PURE__ */ new TurnClock(() => Date.now(), queueMicrotask);

/** The system's clock in milliseconds since 1970, as a function. */
export const systemNowMs: () => number = () => Date.now();

/** The system's cryptographic random source. */
export const systemRandom: Random = {
  fill(bytes) {
    crypto.getRandomValues(bytes);
  },
};

/** UUIDv7 by the system's clock, one order for the whole process. */
export const systemIds: IdSource = new UuidV7Source(systemClock, systemRandom);

/** The system's timers. They keep a process alive. */
export const systemTimers: Timers = {
  schedule(callback, delayMs) {
    let timer: unknown;
    const wait = (leftMs: number): void => {
      // A longer time, also one without end, would be taken for none at all.
      const ms = Math.min(leftMs, TIMER_MS_MAX);
      timer = setTimeout(ms < leftMs ? () => wait(leftMs - ms) : callback, ms);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};

/** The longest time that a timer of the system takes. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Where an error goes that nobody asked for: the console, so that it is seen. */
export const systemReport: (message: string, error: unknown) => void = (message, error) =>
  console.error(message, error);
