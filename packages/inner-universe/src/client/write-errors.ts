import { ConnectionError, NervPersistenceError } from '../errors.ts';

/** The error of who calls a write off that was sent. */
export function makeUnknown(reason: unknown): NervPersistenceError {
  return new NervPersistenceError(
    'client/outcome-unknown',
    'The write was called off after it had been sent: it may be applied. Read what became of it.',
    { details: { outcome: 'unknown' }, cause: reason },
  );
}

/** The error of a write that took too long. */
export function makeTimeout(timeoutMs: number, outcome: 'not-sent' | 'unknown'): ConnectionError {
  const what =
    outcome === 'unknown'
      ? `was not answered within ${timeoutMs} ms: it may be applied. Read what became of it`
      : `could not be sent within ${timeoutMs} ms, and is not sent any more. Try again`;
  return new ConnectionError('connection/timeout', `The write ${what}, or allow more time.`, {
    details: { timeoutMs, outcome },
    retryable: outcome === 'not-sent',
  });
}

/** The error of an ephemeral event whose server did not come back. */
export function makeAway(waitedMs: number): ConnectionError {
  return new ConnectionError(
    'connection/unreachable',
    `The server was away for ${waitedMs} ms. Ephemeral events are not kept: publish it again when the server is back.`,
    { details: { waitedMs }, retryable: true },
  );
}

/** The error of a write that somebody discarded. */
export function makeDiscarded(id: string): NervPersistenceError {
  return new NervPersistenceError('outbox/discarded', 'The write was discarded from the outbox before it was sent.', {
    details: { id },
  });
}

/** The error of a write for which there is no room. */
export function makeQueueFull(held: { readonly writes: number; readonly bytes: number }): NervPersistenceError {
  const message = `${held.writes} calls (${held.bytes} bytes) wait to be sent. Await what you write before writing more.`;
  const details = { calls: held.writes, bytes: held.bytes };
  return new NervPersistenceError('client/queue-full', message, { details, retryable: true });
}
