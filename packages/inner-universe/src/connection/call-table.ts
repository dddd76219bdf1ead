import { systemTimers, type Timers } from '@inner-universe/nerv';
import { checkCallOptions } from '../controller/check-options.ts';
import { ConnectionError, makeCallError } from '../errors.ts';
import type { CallOptions } from './connection.ts';

interface PendingCall {
  readonly name: string;
  reject(error: unknown): void;
}

/**
 * The calls of one connection that are on their way. The SDK forgets them when its socket dies and knows no deadline;
 * here every call ends: by its answer, its deadline, its signal, or the end of the connection.
 */
export class CallTable {
  readonly #pending = new Set<PendingCall>();
  readonly #timers: Timers;
  #end: ConnectionError | undefined;

  constructor(timers: Timers = systemTimers) {
    this.#timers = timers;
  }

  /** Calls that wait for an answer. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Starts a call and keeps it until it ends. After an abort or a timeout the answer, when it comes, is dropped: the
   * call's outcome is unknown to the caller.
   * @throws {NervPersistenceError} `config/invalid` for a signal or a time that is none: nothing is started
   */
  async run<T>(name: string, start: () => Promise<T>, options: CallOptions = {}): Promise<T> {
    checkCallOptions(name, options);
    if (this.#end !== undefined) throw this.#end;
    if (options.signal?.aborted) throw abortReason(options.signal);
    return new Promise<T>((resolve, reject) => {
      let cancelTimeout: (() => void) | undefined;
      const settle = (finish: () => void): void => {
        if (!this.#pending.delete(call)) return;
        // First of all: whatever the signal of a caller does, his call ends.
        finish();
        cancelTimeout?.();
        options.signal?.removeEventListener('abort', onAbort);
      };
      const call: PendingCall = { name, reject: (error) => settle(() => reject(error)) };
      const onAbort = (): void => call.reject(abortReason(options.signal));
      options.signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.add(call);
      if (options.timeoutMs !== undefined) {
        const timeoutMs = options.timeoutMs;
        cancelTimeout = this.#timers.schedule(() => call.reject(makeTimeout(name, timeoutMs)), timeoutMs);
      }
      // What cannot even be encoded fails as the caller's mistake, as it is.
      try {
        start().then(
          (value) => settle(() => resolve(value)),
          (error: unknown) => call.reject(makeCallError(name, error)),
        );
      } catch (error) {
        call.reject(error);
      }
    });
  }

  /** Ends every call as unknown; later ones are refused at once. */
  end(cause: Error | undefined, requested: boolean): void {
    if (this.#end !== undefined) return;
    this.#end = requested
      ? new ConnectionError('connection/closed', 'The connection was closed here. Open a new one.', { cause })
      : new ConnectionError(
          'connection/lost',
          `The connection ended${cause ? `: ${cause.message}` : ''}. Connect again.`,
          {
            cause,
            retryable: true,
          },
        );
    for (const call of [...this.#pending]) {
      call.reject(
        new ConnectionError(
          'connection/lost',
          `The connection ended while '${call.name}' was on its way: it may have been applied. ` +
            'Send it again under the same request id; a request that was applied is not applied twice.',
          { details: { call: call.name, outcome: 'unknown' }, cause, retryable: true },
        ),
      );
    }
  }
}

function abortReason(signal: AbortSignal | undefined): unknown {
  return signal?.reason ?? new DOMException('The call was aborted.', 'AbortError');
}

function makeTimeout(name: string, timeoutMs: number): ConnectionError {
  return new ConnectionError(
    'connection/timeout',
    `'${name}' got no answer within ${timeoutMs} ms; its outcome is unknown. Try again, or allow more time.`,
    { details: { call: name, timeoutMs, outcome: 'unknown' }, retryable: true },
  );
}
