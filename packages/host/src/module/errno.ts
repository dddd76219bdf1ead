/** Numbers of the errors that system calls may raise, with the documented texts. */
export const ERRNO = {
  hostCallFailure: 1,
  notInTransaction: 2,
  bsatnDecode: 3,
  noSuchTable: 4,
  noSuchIndex: 5,
  noSuchIterator: 6,
  noSuchConsoleTimer: 7,
  wrongIndexAlgorithm: 10,
  uniqueAlreadyExists: 12,
  scheduleDelayTooLong: 13,
  indexNotUnique: 14,
  noSuchRow: 15,
  wouldBlockTransaction: 17,
  transactionNotAnonymous: 18,
  transactionIsReadOnly: 19,
  httpError: 21,
} as const;

const TEXTS: ReadonlyMap<number, string> = new Map([
  [ERRNO.hostCallFailure, 'ABI called by host returned an error'],
  [ERRNO.notInTransaction, 'ABI call can only be made while in a transaction'],
  [ERRNO.bsatnDecode, "Couldn't decode the BSATN to the expected type"],
  [ERRNO.noSuchTable, 'No such table'],
  [ERRNO.noSuchIndex, 'No such index'],
  [ERRNO.noSuchIterator, 'The provided row iterator is not valid'],
  [ERRNO.noSuchConsoleTimer, 'The provided console timer does not exist'],
  [ERRNO.wrongIndexAlgorithm, 'The Index does not support range scans'],
  [ERRNO.uniqueAlreadyExists, 'Value with given unique identifier already exists'],
  [ERRNO.scheduleDelayTooLong, 'Specified delay in scheduling row was too long'],
  [ERRNO.indexNotUnique, 'The index was not unique'],
  [ERRNO.noSuchRow, 'The row was not found, e.g., in an update call'],
  [ERRNO.wouldBlockTransaction, 'Attempted async or blocking op while holding open a transaction'],
  [ERRNO.transactionNotAnonymous, 'Not in an anonymous transaction. Called by a reducer?'],
  [ERRNO.transactionIsReadOnly, 'ABI call can only be made while within a mutable transaction'],
  [ERRNO.httpError, 'The HTTP request failed'],
]);

/** The documented text of an error number. */
export function errnoText(errno: number): string {
  return TEXTS.get(errno) ?? `Host error ${errno}`;
}
