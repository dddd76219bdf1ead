import { NervPersistenceError } from '../errors.ts';

/** The error of who opens an outbox that is open. */
export function makeInUse(place: string, cause: unknown, holder: object = {}): NervPersistenceError {
  return new NervPersistenceError(
    'outbox/in-use',
    `${cause instanceof Error ? cause.message : `The outbox (${place}) is open already.`} ` +
      'One process at a time has an outbox, so that nothing is sent by two: close it there, or give this one another.',
    { details: { place, ...holder }, cause, retryable: true },
  );
}

/** The error for stored bytes that are not what was written. */
export function makeCorrupt(place: string, reason: string, details: object = {}): NervPersistenceError {
  return new NervPersistenceError(
    'outbox/corrupt',
    `The outbox ${place} is damaged: ${reason}. Nothing of it was sent or changed. What it held may have been sent ` +
      'before, so it is not guessed at: restore it, or move it away and make anew what was lost.',
    { details: { place, reason, ...details } },
  );
}

/** The error for storage that does not do what it is asked for. */
export function makeStorageFailed(place: string, cause: unknown): NervPersistenceError {
  return new NervPersistenceError(
    'outbox/storage-failed',
    `The outbox ${place} could not be read or written: ${cause instanceof Error ? cause.message : String(cause)}. ` +
      'Give it room and the right to write.',
    { details: { place }, cause, retryable: true },
  );
}

/** The error of a write for which there is no room. */
export function makeFull(held: { readonly writes: number; readonly bytes: number }): NervPersistenceError {
  return new NervPersistenceError(
    'outbox/full',
    `${held.writes} writes (${held.bytes} bytes) lie in the outbox; it takes no more until the server is back, or some ` +
      'that were rejected are discarded.',
    { details: { ...held }, retryable: true },
  );
}

/** How a write ends whose universe was closed before the server had answered. */
export function makeKept(id: string): NervPersistenceError {
  return new NervPersistenceError(
    'outbox/kept',
    'The universe was closed before the server answered. The write is kept in the outbox, and sent when that is opened again.',
    { details: { id } },
  );
}
