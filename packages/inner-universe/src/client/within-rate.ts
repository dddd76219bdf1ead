import { RefusedError } from '../errors.ts';

/** The longest one pause: after it the module is asked again, whose limits may have changed. */
const PAUSE_MS_MAX = 60_000;
const PAUSE_MS_MIN = 10;

/** What a read waits with; `signal` calls it off. */
export interface RateWaiting {
  sleep(delayMs: number, signal: AbortSignal): Promise<void>;
}

/**
 * Reads a page, later where the module says that this identity reads faster than it may: a reader that is held up falls
 * behind, and loses nothing. Ends with the signal's reason when that is called off.
 */
export async function withinRate<T>(read: () => Promise<T>, waiting: RateWaiting, signal?: AbortSignal): Promise<T> {
  // What nobody can call off is called off by nobody.
  const calledOff = signal ?? new AbortController().signal;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== 'limit/rate') throw error;
      const seconds = Number(error.details['waitSeconds']);
      if (!Number.isFinite(seconds)) throw error;
      await waiting.sleep(Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, Math.ceil(seconds * 1_000))), calledOff);
      calledOff.throwIfAborted();
    }
  }
}
