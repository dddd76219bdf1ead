import { systemTimers, type Timers } from '@inner-universe/nerv';
import { checkCallOptions } from '../controller/check-options.ts';
import { ConnectionError } from '../errors.ts';
import type { CallOptions } from './connection.ts';

/**
 * Runs work that can be called off: it is given a signal that aborts when the caller's does or the time is over, and
 * the result rejects then at once, whatever the work does with its signal.
 * @throws {ConnectionError} `connection/timeout`; the caller's signal's reason; what the work throws
 */
export function runWithin<T>(
  name: string,
  call: CallOptions,
  work: (signal: AbortSignal | undefined) => Promise<T>,
  timers?: Timers,
): Promise<T> {
  const racing = (signal: AbortSignal | undefined): Promise<T> =>
    signal === undefined ? work(signal) : unlessAborted(signal, work);
  return runWithSignal(name, call, racing, timers);
}

/** `runWithin` for the calls of one area; nothing is set up for those that nobody may call off. */
export type CallRunner = <T>(
  name: string,
  call: CallOptions | undefined,
  work: (signal: AbortSignal | undefined) => Promise<T>,
) => Promise<T>;

/** A runner whose errors name the call as `area.name`. */
export function makeCallRunner(area: string, timers: Timers | undefined): CallRunner {
  return async (name, call, work) => {
    if (call === undefined) return work(undefined);
    checkCallOptions(`${area}.${name}`, call);
    return runWithin(`${area}.${name}`, call, work, timers);
  };
}

/** As `CallRunner`, for walks by pages: `timeoutMs` is for each page. */
export type WalkRunner = <T>(
  name: string,
  call: CallOptions | undefined,
  walk: (signal: AbortSignal | undefined) => AsyncGenerator<T, void, undefined>,
) => AsyncGenerator<T, void, undefined>;

/** A runner whose errors name the walk as `area.name`. */
export function makeWalkRunner(area: string, timers: Timers | undefined): WalkRunner {
  return (name, call = {}, walk) => {
    checkCallOptions(`${area}.${name}`, call);
    return walkWithin(`${area}.${name}`, call, walk, timers);
  };
}

async function* walkWithin<T>(
  name: string,
  call: CallOptions,
  walk: (signal: AbortSignal | undefined) => AsyncGenerator<T, void, undefined>,
  timers: Timers | undefined,
): AsyncGenerator<T, void, undefined> {
  const pages = walk(call.signal);
  let isAtRest = true;
  try {
    for (;;) {
      isAtRest = false;
      const page = await runWithin(name, call, () => pages.next(), timers);
      isAtRest = true;
      if (page.done === true) return;
      yield page.value;
    }
  } finally {
    // One that was called off may wait for its page for ever; nobody asks it for another.
    if (isAtRest) await pages.return();
  }
}

/**
 * As `runWithin`, but waits for the work to end: for work that has to put something away when it is called off.
 * @throws as `runWithin`, as far as the work minds its signal
 */
export async function runWithSignal<T>(
  name: string,
  { signal, timeoutMs }: CallOptions,
  work: (signal: AbortSignal | undefined) => Promise<T>,
  timers: Timers = systemTimers,
): Promise<T> {
  signal?.throwIfAborted();
  if (timeoutMs === undefined) return work(signal);
  const ending = new AbortController();
  const onAbort = (): void => ending.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const cancel = timers.schedule(() => ending.abort(makeTimeout(name, timeoutMs)), timeoutMs);
  try {
    return await work(ending.signal);
  } finally {
    cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}

async function unlessAborted<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work(signal), aborted]);
  } finally {
    // A signal may outlive many calls.
    signal.removeEventListener('abort', onAbort);
  }
}

function makeTimeout(name: string, timeoutMs: number): ConnectionError {
  return new ConnectionError(
    'connection/timeout',
    `'${name}' was not done within ${timeoutMs} ms and was called off. Try again, or allow more time.`,
    { details: { call: name, timeoutMs, outcome: 'unknown' }, retryable: true },
  );
}
