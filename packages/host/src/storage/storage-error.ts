import type { HostErrorCode, HostErrorInit } from '../errors.ts';
import { HostError } from '../errors.ts';

/** The codes a `StorageError` may carry. */
export type StorageErrorCode = Extract<HostErrorCode, `storage/${string}`>;

/** What a `StorageError` is made of. */
export interface StorageErrorInit extends HostErrorInit {
  readonly code: StorageErrorCode;
}

/** What storage cannot do: damaged, foreign or newer files, a full disk, a limit, a directory in use. */
export class StorageError extends HostError {
  declare readonly code: StorageErrorCode;

  // Narrows what may be passed in; the base class does the work.
  constructor(init: StorageErrorInit) {
    super(init);
  }
}

/** Where and why stored bytes are not what was written. */
export interface Damage {
  readonly file: string;
  /** Position in the file of the first byte that is known to be part of the damage. */
  readonly byte: number;
  readonly reason: string;
}

/** The `storage/corrupt` error for stored bytes that are not what was written. */
export function makeCorruptError(damage: Damage): StorageError {
  return new StorageError({
    code: 'storage/corrupt',
    message:
      `Damaged storage: ${damage.reason}, in ${damage.file} at byte ${damage.byte}. Nothing was changed. ` +
      'Check the disk and restore the directory from a backup, or read out what is sound: `inner-universe salvage`, or ' +
      'salvageDatabase().',
    details: { ...damage },
  });
}

/** The `storage/closed` error. */
export function makeClosedError(): StorageError {
  return new StorageError({ code: 'storage/closed', message: 'The storage is closed. Open it again to use it.' });
}

/** The `storage/overloaded` error for an append that came while too much waited to become durable. */
export function makeOverloadedError(unsyncedBytes: number, limitBytes: number): StorageError {
  return new StorageError({
    code: 'storage/overloaded',
    message:
      `${unsyncedBytes} bytes wait to become durable, and the limit is ${limitBytes}: the disk is slower than the ` +
      'writers. Await whenWritable() before the next write.',
    details: { unsyncedBytes, limitBytes },
    retryable: true,
  });
}

/** The `storage/record-too-large` error. */
export function makeTooLargeError(recordBytes: number, limitBytes: number): StorageError {
  return new StorageError({
    code: 'storage/record-too-large',
    message: `A record of ${recordBytes} bytes is over the limit of ${limitBytes}. Split the transaction into smaller ones.`,
    details: { recordBytes, limitBytes },
  });
}
