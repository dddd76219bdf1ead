/**
 * The system calls of a module as it imports them from `spacetime:sys@2.0` and `@2.1`, before they enter its realm.
 * Arguments come from user code: each function checks what it gets. They throw `SystemCallError` or a host error;
 * the realm turns either into an error of its own world.
 */
export interface SystemFunctions {
  table_id_from_name(name: unknown): number;
  index_id_from_name(name: unknown): number;
  datastore_table_row_count(tableId: unknown): bigint;
  datastore_table_scan_bsatn(tableId: unknown): number;
  datastore_index_scan_point_bsatn(indexId: unknown, buffer: unknown, length: unknown): number;
  datastore_index_scan_range_bsatn(
    ...args: [
      indexId: unknown,
      buffer: unknown,
      prefixLength: unknown,
      prefixCount: unknown,
      startLength: unknown,
      endLength: unknown,
    ]
  ): number;
  row_iter_bsatn_advance(iterator: unknown, buffer: unknown): number;
  row_iter_bsatn_close(iterator: unknown): void;
  datastore_insert_bsatn(tableId: unknown, buffer: unknown, length: unknown): number;
  datastore_update_bsatn(tableId: unknown, indexId: unknown, buffer: unknown, length: unknown): number;
  datastore_delete_all_by_eq_bsatn(tableId: unknown, buffer: unknown, length: unknown): number;
  datastore_delete_by_index_scan_point_bsatn(indexId: unknown, buffer: unknown, length: unknown): number;
  datastore_delete_by_index_scan_range_bsatn(
    ...args: [
      indexId: unknown,
      buffer: unknown,
      prefixLength: unknown,
      prefixCount: unknown,
      startLength: unknown,
      endLength: unknown,
    ]
  ): number;
  datastore_clear(tableId: unknown): bigint;
  volatile_nonatomic_schedule_immediate(name: unknown, args: unknown): void;
  console_log(level: unknown, message: unknown): void;
  console_timer_start(name: unknown): number;
  console_timer_end(timer: unknown): void;
  identity(): bigint;
  /** Bytes that the realm copies; never handed to the module itself. */
  get_jwt_payload(connectionId: unknown): Uint8Array;
  procedure_start_mut_tx(): bigint;
  procedure_commit_mut_tx(): void;
  procedure_abort_mut_tx(): void;
  /** Head and body of the response, as bytes that the realm copies. */
  procedure_http_request(request: unknown, body: unknown): readonly [Uint8Array, Uint8Array];
}

/** What a failed system call becomes in the module. */
export type SystemCallFailure =
  /** An error with a documented number, which the module's own table of classes covers. */
  | { readonly type: 'errno'; readonly errno: number }
  /** A wrong argument. */
  | { readonly type: 'type-error' }
  | { readonly type: 'range-error' }
  /** The next row needs a buffer of `size` bytes; nothing was lost. */
  | { readonly type: 'buffer-too-small'; readonly size: number }
  /** Nothing the module may go on from: the whole call fails, whatever the module does next. */
  | { readonly type: 'fatal' };

/** Thrown by system functions. */
export class SystemCallError extends Error {
  readonly failure: SystemCallFailure;

  constructor(failure: SystemCallFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SystemCallError';
    this.failure = failure;
  }
}

/** A failure in the form that crosses into the realm: numbers and text only. */
export interface SystemCallFault {
  /** Above 0 the error number; 0 fatal; -1 type error; -2 range error; -3 buffer too small. */
  readonly kind: number;
  readonly message: string;
  /** Bytes needed, when the buffer was too small. */
  readonly size: number;
}

/** Answers a realm's system calls. */
export interface SystemCallTarget {
  readonly functions: SystemFunctions;
  /** Tells what the module shall see of something that one of `functions` threw, and marks the call where it is fatal. */
  fault(thrown: unknown): SystemCallFault;
}

/** The names of all system functions, as the module imports them. */
export const SYSTEM_FUNCTION_NAMES: readonly (keyof SystemFunctions)[] = [
  'table_id_from_name',
  'index_id_from_name',
  'datastore_table_row_count',
  'datastore_table_scan_bsatn',
  'datastore_index_scan_point_bsatn',
  'datastore_index_scan_range_bsatn',
  'row_iter_bsatn_advance',
  'row_iter_bsatn_close',
  'datastore_insert_bsatn',
  'datastore_update_bsatn',
  'datastore_delete_all_by_eq_bsatn',
  'datastore_delete_by_index_scan_point_bsatn',
  'datastore_delete_by_index_scan_range_bsatn',
  'datastore_clear',
  'volatile_nonatomic_schedule_immediate',
  'console_log',
  'console_timer_start',
  'console_timer_end',
  'identity',
  'get_jwt_payload',
  'procedure_start_mut_tx',
  'procedure_commit_mut_tx',
  'procedure_abort_mut_tx',
  'procedure_http_request',
];
