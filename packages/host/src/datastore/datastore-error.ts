import { HostError } from '../errors.ts';

/** Codes of datastore errors that a module can catch. */
export type DatastoreErrorCode =
  | 'datastore/not-in-transaction'
  | 'datastore/decode-failed'
  | 'datastore/no-such-table'
  | 'datastore/no-such-index'
  | 'datastore/range-unsupported'
  | 'datastore/unique-violation'
  | 'datastore/schedule-delay-too-long'
  | 'datastore/index-not-unique'
  | 'datastore/no-such-row';

/** The number and the text by which a module knows each of them. */
const ERRNOS: Readonly<Record<DatastoreErrorCode, readonly [errno: number, text: string]>> = {
  'datastore/not-in-transaction': [2, 'ABI call can only be made while in a transaction'],
  'datastore/decode-failed': [3, "Couldn't decode the BSATN to the expected type"],
  'datastore/no-such-table': [4, 'No such table'],
  'datastore/no-such-index': [5, 'No such index'],
  'datastore/range-unsupported': [10, 'The Index does not support range scans'],
  'datastore/unique-violation': [12, 'Value with given unique identifier already exists'],
  'datastore/schedule-delay-too-long': [13, 'Specified delay in scheduling row was too long'],
  'datastore/index-not-unique': [14, 'The index was not unique'],
  'datastore/no-such-row': [15, 'The row was not found, e.g., in an update call'],
};

/**
 * An error of the datastore that a module may catch. `errno` is its number in the module interface and `abiMessage`
 * the text that belongs to the number; `message` says more, for logs and for callers that are not modules.
 */
export class DatastoreError extends HostError {
  readonly errno: number;
  readonly abiMessage: string;

  constructor(code: DatastoreErrorCode, message: string, details?: Readonly<Record<string, unknown>>) {
    super({ code, message, details });
    const [errno, abiMessage] = ERRNOS[code];
    this.errno = errno;
    this.abiMessage = abiMessage;
  }
}

/** A search names an index of another table. */
export function makeNoSuchIndexError(
  table: { readonly name: string },
  index: { readonly name: string },
): DatastoreError {
  return new DatastoreError('datastore/no-such-index', `table "${table.name}" has no index "${index.name}"`, {
    table: table.name,
    index: index.name,
  });
}

/** A row that is not of its table's row type. No errno exists for it: in a module call it is fatal. */
export class MalformedRowError extends HostError {
  constructor(tableName: string, cause: unknown) {
    super({
      code: 'datastore/malformed-row',
      message: `row of table "${tableName}" is malformed: ${cause instanceof Error ? cause.message : String(cause)}`,
      details: { table: tableName },
      cause,
    });
  }
}
