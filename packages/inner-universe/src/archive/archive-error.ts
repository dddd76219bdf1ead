import { NervPersistenceError } from '../errors.ts';

/** The error of bytes that are not what was written, by file and byte. */
export function makeDamaged(file: string, byte: number, reason: string): NervPersistenceError {
  return new NervPersistenceError(
    'archive/damaged',
    `The archive's file '${file}' is damaged at byte ${byte}: ${reason}. Restore it from a backup.`,
    { details: { file, byte, reason } },
  );
}

/** The error of files whose format is of a later release. */
export function makeNewerFormat(file: string, version: number, known: number): NervPersistenceError {
  return new NervPersistenceError(
    'archive/newer-format',
    `The archive's file '${file}' has format ${version}; this program reads up to ${known}. Update it.`,
    { details: { file, version, known } },
  );
}

/** The error of events that should be in an archive and are not. */
export function makeGap(message: string, details: Readonly<Record<string, string>>): NervPersistenceError {
  return new NervPersistenceError('archive/gap', message, { details });
}

/** The error of events from before where the log, or an archive, begins. */
export function makeTrimmed(what: 'log' | 'archive', trimmedSeq: bigint, afterSeq: bigint): NervPersistenceError {
  const earlier = what === 'log' ? 'what was before lies in an archive' : 'what was before lies in an earlier one';
  return new NervPersistenceError('event/trimmed', `The ${what} begins after ${trimmedSeq}; ${earlier}.`, {
    details: { trimmedSeq: trimmedSeq.toString(), afterSeq: afterSeq.toString() },
  });
}
