import { ConnectionError } from '../errors.ts';
import { runWithin } from '../connection/run-within.ts';

/** Work that is waited for before something ends, for a while. */
export class Drains {
  readonly #drains: Set<() => Promise<void>> = new Set();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Has it waited for; the result takes that back. */
  add(drain: () => Promise<void>): () => void {
    this.#drains.add(drain);
    return () => void this.#drains.delete(drain);
  }

  /** Runs all at the same time. What fails, or is not done in time, is reported, and holds nobody up. */
  async run(timeoutMs: number): Promise<void> {
    await Promise.all(
      [...this.#drains].map(async (drain) => {
        try {
          await runWithin('drain', { timeoutMs }, drain);
        } catch (error) {
          this.#onError(
            error instanceof ConnectionError && error.code === 'connection/timeout'
              ? makeLate(timeoutMs, error)
              : error,
          );
        }
      }),
    );
  }
}

function makeLate(timeoutMs: number, cause: ConnectionError): ConnectionError {
  return new ConnectionError(
    'connection/timeout',
    `Work that was on its way was not done within ${timeoutMs} ms and is no longer waited for: what was not ` +
      'acknowledged may be lost. Allow more time (drainMs), or await what you write before stopping.',
    { details: { drainMs: timeoutMs, outcome: 'unknown' }, cause, retryable: true },
  );
}
