import { errorMessage } from '../../errors.ts';
import { StorageError } from '../storage-error.ts';

/** Runs what reads `file`. @throws {StorageError} `storage/read-failed` in place of the file system's error. */
export async function reading<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toReadError(file, error);
  }
}

/** Runs what writes `file`. @throws {StorageError} `storage/write-failed` in place of the file system's error. */
export async function writing<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toWriteError(file, error);
  }
}

/** The `storage/write-failed` error for what the file system threw; one that is already ours stays as it is. */
export function toWriteError(file: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const reason = systemCode(error);
  const advice =
    reason === 'ENOSPC' || reason === 'EDQUOT'
      ? 'The disk is full: free some space'
      : 'Check the disk and the permissions of the directory';
  return new StorageError({
    code: 'storage/write-failed',
    message:
      `Writing ${file} failed (${errorMessage(error)}). What was acknowledged is safe, what was not may be lost. ` +
      `${advice}, then open the database again.`,
    details: { file, reason },
    cause: error,
  });
}

function toReadError(file: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  return new StorageError({
    code: 'storage/read-failed',
    message: `Reading ${file} failed (${errorMessage(error)}). Check the disk and the permissions of the directory.`,
    details: { file, reason: systemCode(error) },
    cause: error,
  });
}

/** The system's code of an error (`ENOSPC`, ...), or `unknown`. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}
