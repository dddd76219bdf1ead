import { BsatnReader } from '../bsatn/reader.ts';
import type { Datastore } from '../datastore/datastore.ts';
import { DatastoreError } from '../datastore/datastore-error.ts';
import { decodePoint, decodeRange } from '../datastore/index-range.ts';
import type { IndexRange, Row, StateView } from '../datastore/state-view.ts';
import type { Transaction } from '../datastore/transaction.ts';
import { errorMessage } from '../errors.ts';
import { compileRowCodec, type RowCodec } from '../bsatn/row-codec.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import type { LogLevel } from '../clock/clock.ts';
import type { CallMetrics } from '../metrics/call-metrics.ts';
import { decodeRequestHead, encodeResponseHead, type HttpRequestHead } from '../module-http/http-message.ts';
import type { OutboundResponse } from '../outbound-http/outbound-http.ts';
import { ERRNO, errnoText } from './errno.ts';
import { checkLength, ModuleBuffers, toCount, toText } from './module-buffer.ts';
import { type RowCount, RowIterators } from './row-iterators.ts';
import {
  SystemCallError,
  type SystemCallFault,
  type SystemCallTarget,
  type SystemFunctions,
} from './system-functions.ts';

/** What system calls need of the database around them. */
export interface SystemCallHost {
  readonly identity: bigint;
  /** Where it is counted what the module reads. */
  readonly metrics: { readonly calls: Pick<CallMetrics, 'rowsRead' | 'readsOf'> };
  nowMicros(): bigint;
  log(level: LogLevel, message: string): void;
  /** Begins a transaction of the running procedure and tells its time. */
  beginProcedureTransaction(): { readonly transaction: Transaction; readonly timestampMicros: bigint };
  /** Commits it; when that fails, everything was rolled back before the error comes out. */
  commitProcedureTransaction(transaction: Transaction): void;
  /** Takes it back. */
  rollbackProcedureTransaction(transaction: Transaction): void;
  /** Checks a row of a schedule table before it is stored. @throws {DatastoreError} when its delay is too long. */
  checkScheduleRow(table: TableDef, row: Row): void;
  /** Calls a function soon, outside of the current transaction. */
  scheduleImmediate(functionName: string, args: Uint8Array): void;
  /**
   * Sends an HTTP request and waits for the whole response.
   * @throws {SystemCallError} an errno with a text for the module
   */
  requestHttp(head: HttpRequestHead, body: Uint8Array): OutboundResponse;
  /** The payload of the token by which a connection came, as JSON; empty when there is none. */
  jwtPayload(transaction: Transaction, connectionId: bigint): Uint8Array;
}

/** How many bytes one transaction may write: what is logged as one record must be kept in memory whole. */
const TRANSACTION_BYTES_MAX = 64 * 1024 * 1024;

/** Timers that one call may hold open. */
const CONSOLE_TIMERS_MAX = 1024;

const LOG_LEVELS: ReadonlyMap<unknown, LogLevel> = new Map([
  [0, 'error'],
  [1, 'warn'],
  [2, 'info'],
  [3, 'debug'],
  [4, 'trace'],
  [101, 'panic'],
]);

/**
 * The system calls of one realm, against one datastore.
 *
 * Invariants:
 * - Between `begin` and `end` one call is active; outside of it everything but logging and closing iterators fails.
 * - Rows reach the datastore as views of the module's buffers: it copies what it keeps before it returns.
 * - After a fatal error every further call of the same call fails, and `end` reports the error even when the module
 *   swallowed it.
 */
export class SystemCalls implements SystemCallTarget {
  readonly functions: SystemFunctions;
  readonly #host: SystemCallHost;
  readonly #buffers: ModuleBuffers = new ModuleBuffers();
  readonly #iterators: RowIterators = new RowIterators();
  readonly #consoleTimers: Map<number, { readonly name: string; readonly startMicros: bigint }> = new Map();
  readonly #rowCodecs: Map<number, RowCodec> = new Map();
  #datastore: Datastore | undefined;
  #transaction: Transaction | undefined;
  /** What a view reads; it has no transaction. */
  #viewed: StateView | undefined;
  #kind: 'none' | 'reducer' | 'procedure' | 'view' = 'none';
  #fatal: unknown;
  #bytesWritten = 0;
  #writes = 0;
  #lastTimerId = 0;

  constructor(host: SystemCallHost) {
    this.#host = host;
    this.functions = this.#makeFunctions();
  }

  /** Gives the datastore that the realm works on from now on. */
  attach(datastore: Datastore): void {
    this.#datastore = datastore;
    this.#rowCodecs.clear();
  }

  /** Count of writes that the current transaction made, no-ops included. */
  get writes(): number {
    return this.#writes;
  }

  /** Starts a call; a reducer brings its transaction, a procedure begins its own. */
  begin(kind: 'reducer' | 'procedure' | 'view', transaction?: Transaction): void {
    this.#kind = kind;
    this.#enterTransaction(transaction);
    this.#fatal = undefined;
  }

  /** Starts the evaluation of a view, which reads a state and writes nothing. */
  beginView(state: StateView): void {
    this.begin('view');
    this.#viewed = state;
  }

  /** Ends the call and cleans up after the module. Gives the fatal error, and the transaction it left open. */
  end(): { readonly fatal: unknown; readonly openTransaction: Transaction | undefined } {
    const result = { fatal: this.#fatal, openTransaction: this.#kind === 'procedure' ? this.#transaction : undefined };
    const kind = this.#kind;
    this.#kind = 'none';
    this.#enterTransaction(undefined);
    this.#viewed = undefined;
    this.#fatal = undefined;
    if (kind !== 'none') this.#host.metrics.calls.rowsRead[kind] += this.#iterators.takeRowsRead();
    if (this.#iterators.size > 0) this.#iterators.closeAll();
    if (this.#consoleTimers.size > 0) this.#consoleTimers.clear();
    return result;
  }

  fault(thrown: unknown): SystemCallFault {
    if (thrown instanceof SystemCallError) {
      const { failure, message } = thrown;
      if (failure.type === 'errno') return { kind: failure.errno, message, size: 0 };
      if (failure.type === 'type-error') return { kind: -1, message, size: 0 };
      if (failure.type === 'range-error') return { kind: -2, message, size: 0 };
      if (failure.type === 'buffer-too-small') return { kind: -3, message, size: failure.size };
    }
    if (thrown instanceof DatastoreError) return { kind: thrown.errno, message: thrown.abiMessage, size: 0 };
    this.#fatal ??= thrown;
    return { kind: 0, message: `The instance encountered a fatal error: ${errorMessage(thrown)}`, size: 0 };
  }

  #enterTransaction(transaction: Transaction | undefined): void {
    this.#transaction = transaction;
    this.#bytesWritten = 0;
    this.#writes = 0;
  }

  #makeFunctions(): SystemFunctions {
    const iterators = this.#iterators;
    const buffers = this.#buffers;
    return {
      table_id_from_name: (name) => this.#tableByName(toText(name)).id,
      index_id_from_name: (name) => this.#indexByName(toText(name)).id,
      datastore_table_row_count: (tableId) => BigInt(this.#state().table(this.#table(tableId).id).rowCount),
      datastore_table_scan_bsatn: (tableId) => this.#scan(this.#table(tableId)),
      datastore_index_scan_point_bsatn: (indexId, buffer, length) => {
        const { table, index } = this.#index(indexId);
        return this.#point(table, index, buffers.head(buffer, length));
      },
      datastore_index_scan_range_bsatn: (...args) => {
        const { table, index, range } = this.#range(args);
        return this.#seek(table, index, range);
      },
      row_iter_bsatn_advance: (iterator, buffer) => {
        this.#active();
        return iterators.advance(iterator, buffers.bytes(buffer));
      },
      // The module's garbage collector closes what was forgotten at any time: outside a call that is nobody's error.
      row_iter_bsatn_close: (iterator) => {
        if (this.#kind !== 'none') iterators.close(iterator);
      },
      datastore_insert_bsatn: (tableId, buffer, length) => this.#insert(tableId, buffer, length),
      datastore_update_bsatn: (tableId, indexId, buffer, length) => {
        const table = this.#table(tableId);
        return this.#update(table, this.#indexOf(table, indexId), buffer, length);
      },
      datastore_delete_all_by_eq_bsatn: (tableId, buffer, length) => this.#deleteRows(tableId, buffer, length),
      datastore_delete_by_index_scan_point_bsatn: (indexId, buffer, length) => {
        const { table, index } = this.#index(indexId);
        const range = decodePoint(table, index, buffers.head(buffer, length));
        return this.#writing(0).deleteByIndex(index.id, range);
      },
      datastore_delete_by_index_scan_range_bsatn: (...args) => {
        const { index, range } = this.#range(args);
        return this.#writing(0).deleteByIndex(index.id, range);
      },
      datastore_clear: (tableId) => this.#writing(0).clear(this.#table(tableId).id),
      volatile_nonatomic_schedule_immediate: (name, args) => this.#scheduleImmediate(name, args),
      console_log: (level, message) => this.#host.log(LOG_LEVELS.get(level) ?? 'info', toText(message)),
      console_timer_start: (name) => this.#startConsoleTimer(toText(name)),
      console_timer_end: (timer) => this.#endConsoleTimer(timer),
      identity: () => this.#host.identity,
      get_jwt_payload: (connectionId) => {
        if (typeof connectionId !== 'bigint') throw new SystemCallError({ type: 'type-error' }, 'a bigint is needed');
        return this.#host.jwtPayload(this.#tx(), connectionId);
      },
      procedure_start_mut_tx: () => this.#startProcedureTransaction(),
      procedure_commit_mut_tx: () => {
        // After a fatal error there is nothing to keep: the transaction stays open and `end` takes it back.
        this.#active();
        this.#host.commitProcedureTransaction(this.#takeProcedureTransaction());
      },
      procedure_abort_mut_tx: () => this.#host.rollbackProcedureTransaction(this.#takeProcedureTransaction()),
      procedure_http_request: (request, body) => this.#requestHttp(request, body),
    };
  }

  // ---- what is there ----

  #active(): void {
    if (this.#fatal !== undefined) {
      throw new SystemCallError({ type: 'fatal' }, 'an earlier system call of this call was fatal', this.#fatal);
    }
  }

  #tx(): Transaction {
    this.#active();
    if (this.#transaction === undefined) throw errno(ERRNO.notInTransaction);
    return this.#transaction;
  }

  /** What can be read: the transaction's, or the view's. */
  #state(): StateView {
    if (this.#viewed === undefined) return this.#tx();
    this.#active();
    return this.#viewed;
  }

  #store(): Datastore {
    this.#state();
    if (this.#datastore === undefined) throw errno(ERRNO.notInTransaction);
    return this.#datastore;
  }

  #table(tableId: unknown): TableDef {
    const table = this.#store().tableById(toCount(tableId));
    if (table === undefined) throw errno(ERRNO.noSuchTable);
    return table;
  }

  #index(indexId: unknown): { readonly table: TableDef; readonly index: IndexDef } {
    const found = this.#store().indexById(toCount(indexId));
    if (found === undefined) throw errno(ERRNO.noSuchIndex);
    return found;
  }

  #indexOf(table: TableDef, indexId: unknown): IndexDef {
    const found = this.#index(indexId);
    if (found.table.id !== table.id) throw errno(ERRNO.noSuchIndex);
    return found.index;
  }

  #tableByName(name: string): TableDef {
    const table = this.#store().tableByName(name);
    if (table === undefined) throw errno(ERRNO.noSuchTable);
    return table;
  }

  #indexByName(name: string): IndexDef {
    const found = this.#store().indexByName(name);
    if (found === undefined) throw errno(ERRNO.noSuchIndex);
    return found.index;
  }

  // ---- reading ----

  #point(table: TableDef, index: IndexDef, key: Uint8Array): number {
    // Of a view it is noted what it looks for, by the values.
    if (this.#viewed !== undefined) return this.#seek(table, index, decodePoint(table, index, key));
    return this.#iterators.open(this.#tx().point(table, index, key), this.#readsOf(table));
  }

  #seek(table: TableDef, index: IndexDef, range: IndexRange): number {
    return this.#iterators.open(this.#state().table(table.id).seek(index, range), this.#readsOf(table));
  }

  #scan(table: TableDef): number {
    return this.#iterators.open(this.#state().table(table.id).scan(), this.#readsOf(table));
  }

  #readsOf({ id, name }: TableDef): RowCount {
    return this.#host.metrics.calls.readsOf(id, name);
  }

  #range(args: readonly unknown[]): { readonly table: TableDef; readonly index: IndexDef; readonly range: IndexRange } {
    const [indexId, buffer, prefixLength, prefixElements, startLength, endLength] = args;
    const { table, index } = this.#index(indexId);
    const bytes = this.#buffers.bytes(buffer);
    const prefixEnd = checkLength(prefixLength, bytes.length);
    const startEnd = prefixEnd + checkLength(startLength, bytes.length - prefixEnd);
    const end = startEnd + checkLength(endLength, bytes.length - startEnd);
    const range = decodeRange(table, index, {
      prefix: bytes.subarray(0, prefixEnd),
      prefixElements: toCount(prefixElements),
      start: bytes.subarray(prefixEnd, startEnd),
      end: bytes.subarray(startEnd, end),
    });
    return { table, index, range };
  }

  // ---- writing ----

  /** The transaction, charged with the bytes that are about to be written. */
  #writing(bytes: number): Transaction {
    this.#assertNoView();
    const transaction = this.#tx();
    this.#bytesWritten += bytes;
    this.#writes += 1;
    if (this.#bytesWritten > TRANSACTION_BYTES_MAX) {
      throw new SystemCallError(
        { type: 'fatal' },
        `one transaction may write ${TRANSACTION_BYTES_MAX} bytes of rows; split the work over several calls`,
      );
    }
    return transaction;
  }

  /** A view may neither write nor start what writes. */
  #assertNoView(): void {
    this.#active();
    if (this.#kind === 'view') throw errno(ERRNO.transactionIsReadOnly);
  }

  #insert(tableId: unknown, buffer: unknown, length: unknown): number {
    const table = this.#table(tableId);
    const row = this.#buffers.head(buffer, length);
    if (table.schedule !== undefined) this.#host.checkScheduleRow(table, row);
    const { generated } = this.#writing(row.length).insert(table.id, row);
    if (generated.length > 0) this.#buffers.bytes(buffer).set(generated);
    return generated.length;
  }

  #update(table: TableDef, index: IndexDef, buffer: unknown, length: unknown): number {
    const row = this.#buffers.head(buffer, length);
    if (table.schedule !== undefined) this.#host.checkScheduleRow(table, row);
    const { generated } = this.#writing(row.length).update(table.id, index.id, row);
    if (generated.length > 0) this.#buffers.bytes(buffer).set(generated);
    return generated.length;
  }

  #deleteRows(tableId: unknown, buffer: unknown, length: unknown): number {
    const table = this.#table(tableId);
    const rows = this.#splitRelation(table, this.#buffers.head(buffer, length));
    return this.#writing(0).deleteRows(table.id, rows);
  }

  /** The rows of a counted list. */
  #splitRelation(table: TableDef, bytes: Uint8Array): Row[] {
    try {
      const reader = new BsatnReader(bytes);
      const count = reader.u32();
      const rows = this.#rowCodec(table).splitRows(bytes.subarray(reader.offset));
      if (rows.length === count) return rows;
    } catch (error) {
      throw errno(ERRNO.bsatnDecode, error);
    }
    throw errno(ERRNO.bsatnDecode);
  }

  #rowCodec(table: TableDef): RowCodec {
    let codec = this.#rowCodecs.get(table.id);
    if (codec === undefined) {
      codec = compileRowCodec(table.columns);
      this.#rowCodecs.set(table.id, codec);
    }
    return codec;
  }

  // ---- the rest ----

  #scheduleImmediate(name: unknown, args: unknown): void {
    this.#assertNoView();
    this.#host.scheduleImmediate(toText(name), toBytes(args));
  }

  #startProcedureTransaction(): bigint {
    this.#active();
    if (this.#transaction !== undefined || this.#kind === 'view') throw errno(ERRNO.wouldBlockTransaction);
    if (this.#kind !== 'procedure') throw errno(ERRNO.notInTransaction);
    const { transaction, timestampMicros } = this.#host.beginProcedureTransaction();
    this.#enterTransaction(transaction);
    return timestampMicros;
  }

  /** The transaction that the procedure ends now; its iterators end with it. */
  #takeProcedureTransaction(): Transaction {
    const transaction = this.#transaction;
    if (this.#kind !== 'procedure' || transaction === undefined) throw errno(ERRNO.transactionNotAnonymous);
    this.#transaction = undefined;
    this.#iterators.closeAll();
    return transaction;
  }

  #requestHttp(request: unknown, body: unknown): readonly [Uint8Array, Uint8Array] {
    this.#active();
    if (this.#transaction !== undefined || this.#kind === 'view') throw errno(ERRNO.wouldBlockTransaction);
    if (this.#kind !== 'procedure') throw errno(ERRNO.notInTransaction);
    const head = decodeRequest(toBytes(request));
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : toBytes(body);
    const response = this.#host.requestHttp(head, bytes);
    return [encodeResponseHead(response.head), response.body];
  }

  #startConsoleTimer(name: string): number {
    if (this.#consoleTimers.size >= CONSOLE_TIMERS_MAX) {
      throw new SystemCallError({ type: 'range-error' }, `a call may hold ${CONSOLE_TIMERS_MAX} console timers`);
    }
    this.#lastTimerId += 1;
    this.#consoleTimers.set(this.#lastTimerId, { name, startMicros: this.#host.nowMicros() });
    return this.#lastTimerId;
  }

  #endConsoleTimer(timer: unknown): void {
    const started = this.#consoleTimers.get(timer as number);
    if (started === undefined) throw errno(ERRNO.noSuchConsoleTimer);
    this.#consoleTimers.delete(timer as number);
    const elapsedMs = Number(this.#host.nowMicros() - started.startMicros) / 1000;
    this.#host.log('info', `Timing span "${started.name}": ${elapsedMs}ms`);
  }
}

function errno(code: number, cause?: unknown): SystemCallError {
  return new SystemCallError({ type: 'errno', errno: code }, errnoText(code), cause);
}

/** A copy of a module's bytes. */
function toBytes(value: unknown): Uint8Array {
  if (!ArrayBuffer.isView(value)) throw new SystemCallError({ type: 'type-error' }, 'a Uint8Array is needed');
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
}

function decodeRequest(bytes: Uint8Array): HttpRequestHead {
  try {
    return decodeRequestHead(bytes);
  } catch (error) {
    throw errno(ERRNO.bsatnDecode, error);
  }
}
