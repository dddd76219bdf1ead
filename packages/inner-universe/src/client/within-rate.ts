import type { Timers } from '@inner-universe/nerv';
import { RefusedError } from '../errors.ts';

/** The longest one pause: after it the module is asked again, whose limits may have changed. */
const PAUSE_MS_MAX = 60_000;
const PAUSE_MS_MIN = 10;

/**
 * Reads a page, later where the module says that this identity reads faster than it may: a reader that is held up falls
 * behind, and loses nothing. Ends with the signal's reason when that is called off.
 */
export async function withinRate<T>(read: () => Promise<T>, timers: Timers, signal?: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== 'limit/rate') throw error;
      const seconds = Number(error.details['waitSeconds']);
      if (!Number.isFinite(seconds)) throw error;
      await pause(timers, Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, Math.ceil(seconds * 1_000))), signal);
    }
  }
}

function pause(timers: Timers, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      if (signal?.aborted === true) reject(signal.reason);
      else resolve();
    };
    const cancel = timers.schedule(end, delayMs);
    if (signal?.aborted === true) end();
    else signal?.addEventListener('abort', end, { once: true });
  });
}
