import { NervPersistenceError, type PersistenceErrorCode } from '../errors.ts';

/** What an error of the host means to somebody who opens a universe. */
const CODES: Readonly<Record<string, PersistenceErrorCode>> = {
  'storage/in-use': 'universe/in-use',
  'storage/not-a-database': 'universe/not-a-universe',
  'host/not-a-host': 'universe/not-a-universe',
  'database/wrong-identity': 'universe/not-a-universe',
  'storage/newer-version': 'universe/newer-version',
  'host/newer-version': 'universe/newer-version',
  'database/newer-version': 'universe/newer-version',
  'storage/corrupt': 'universe/corrupt',
  'database/corrupt': 'universe/corrupt',
  'host/key-required': 'universe/key-required',
  'host/wrong-key': 'universe/wrong-key',
  'host/key-damaged': 'universe/corrupt',
  'storage/not-authentic': 'universe/corrupt',
  'storage/write-failed': 'universe/storage-failed',
  'storage/read-failed': 'universe/storage-failed',
};

/** The error of a universe that could not be opened, with the host's as its cause. */
export function makeOpenError(error: unknown, where: string): unknown {
  if (!(error instanceof Error) || error instanceof NervPersistenceError) return error;
  const { code, details } = error as { code?: unknown; details?: Readonly<Record<string, unknown>> };
  if (typeof code !== 'string') return error;
  return new NervPersistenceError(CODES[code] ?? 'universe/open-failed', error.message, {
    details: { ...details, universe: where, hostCode: code },
    cause: error,
  });
}
