import { BsatnWriter } from '../bsatn/writer.ts';
import type { QuerySetUpdate, QueryUpdate, TableRows } from '../subscriptions/shared-results.ts';
import { MessageBuilder, type EncodedMessage } from './message-builder.ts';
import { encodeRowList } from './row-list.ts';

/*
 * Server messages, each `tag u8 | body`, without the compression tag that a WebSocket puts before a payload:
 *
 *     0 InitialConnection    identity u256, connection u128, token string
 *     1 SubscribeApplied     request u32, query set u32, rows QueryRows
 *     2 UnsubscribeApplied   request u32, query set u32, rows Option<QueryRows>
 *     3 SubscriptionError    request Option<u32>, query set u32, text string
 *     4 TransactionUpdate    [QuerySetUpdate]
 *     5 OneOffQueryResult    request u32, Result<QueryRows, string>
 *     6 ReducerResult        request u32, timestamp i64, ReducerOutcome
 *     7 ProcedureResult      ProcedureStatus, timestamp i64, duration i64, request u32
 *
 *     QueryRows        [ table string, rows RowList ]
 *     QuerySetUpdate   query set u32, [ table string, [TableUpdateRows] ]
 *     TableUpdateRows  0 inserts RowList, deletes RowList | 1 events RowList
 *     ReducerOutcome   0 return value bytes, [QuerySetUpdate] | 1 (unused here) | 2 bytes holding a string | 3 string
 *     ProcedureStatus  0 return value bytes | 1 string
 *     Option           0 value | 1 ;   Result  0 ok | 1 error
 */

/** The first message of every connection. */
export function encodeInitialConnection(identity: bigint, connectionId: bigint, token: string): EncodedMessage {
  const builder = new MessageBuilder();
  builder.writer.u8(0);
  builder.writer.u256(identity);
  builder.writer.u128(connectionId);
  builder.writer.string(token);
  return builder.finish();
}

/** The answer to a Subscribe, with the rows as they stand. */
export function encodeSubscribeApplied(
  requestId: number,
  querySetId: number,
  tables: readonly TableRows[],
): EncodedMessage {
  const builder = new MessageBuilder();
  writeHeader(builder.writer, 1, requestId);
  builder.writer.u32(querySetId);
  writeQueryRows(builder, tables);
  return builder.finish();
}

/** The answer to an Unsubscribe; `tables` is undefined when the client did not ask for the dropped rows. */
export function encodeUnsubscribeApplied(
  requestId: number,
  querySetId: number,
  tables: readonly TableRows[] | undefined,
): EncodedMessage {
  const builder = new MessageBuilder();
  writeHeader(builder.writer, 2, requestId);
  builder.writer.u32(querySetId);
  builder.writer.u8(tables === undefined ? 1 : 0);
  if (tables !== undefined) writeQueryRows(builder, tables);
  return builder.finish();
}

/**
 * The query set is not active. `requestId` is undefined when a set fails later; the TypeScript SDK then closes the
 * whole connection, so sessions do not send that form.
 */
export function encodeSubscriptionError(
  requestId: number | undefined,
  querySetId: number,
  message: string,
): EncodedMessage {
  const builder = new MessageBuilder();
  builder.writer.u8(3);
  builder.writer.u8(requestId === undefined ? 1 : 0);
  if (requestId !== undefined) builder.writer.u32(requestId);
  builder.writer.u32(querySetId);
  builder.writer.string(message);
  return builder.finish();
}

/** What one transaction changed for one client. */
export function encodeTransactionUpdate(updates: readonly QuerySetUpdate[]): EncodedMessage {
  const builder = new MessageBuilder();
  builder.writer.u8(4);
  writeQuerySetUpdates(builder, updates);
  return builder.finish();
}

/** The rows of a one-off query. */
export function encodeOneOffRows(requestId: number, tables: readonly TableRows[]): EncodedMessage {
  const builder = new MessageBuilder();
  writeHeader(builder.writer, 5, requestId);
  builder.writer.u8(0);
  writeQueryRows(builder, tables);
  return builder.finish();
}

/** Why a one-off query has no rows. */
export function encodeOneOffError(requestId: number, message: string): EncodedMessage {
  const builder = new MessageBuilder();
  writeHeader(builder.writer, 5, requestId);
  builder.writer.u8(1);
  builder.writer.string(message);
  return builder.finish();
}

/** A reducer call that committed, with what it changed in the caller's own query sets. Reducers return no value. */
export function encodeReducerCommitted(
  requestId: number,
  timestampMicros: bigint,
  updates: readonly QuerySetUpdate[],
): EncodedMessage {
  const builder = new MessageBuilder();
  writeReducerHeader(builder.writer, requestId, timestampMicros);
  builder.writer.u8(0);
  builder.writer.u32(0);
  writeQuerySetUpdates(builder, updates);
  return builder.finish();
}

/** A reducer call that the module refused; the text stands as a BSATN string inside a byte array. */
export function encodeReducerError(requestId: number, timestampMicros: bigint, message: string): EncodedMessage {
  const text = new BsatnWriter(message.length + 4);
  text.string(message);
  const builder = new MessageBuilder();
  writeReducerHeader(builder.writer, requestId, timestampMicros);
  builder.writer.u8(2);
  builder.writer.byteArray(text.peek());
  return builder.finish();
}

/** A reducer call that failed without the module's will. */
export function encodeReducerInternalError(
  requestId: number,
  timestampMicros: bigint,
  message: string,
): EncodedMessage {
  const builder = new MessageBuilder();
  writeReducerHeader(builder.writer, requestId, timestampMicros);
  builder.writer.u8(3);
  builder.writer.string(message);
  return builder.finish();
}

/** A procedure's return value. */
export function encodeProcedureReturned(
  requestId: number,
  result: { readonly bytes: Uint8Array; readonly timestampMicros: bigint; readonly durationMicros: bigint },
): EncodedMessage {
  const builder = new MessageBuilder();
  builder.writer.u8(7);
  builder.writer.u8(0);
  builder.writer.u32(result.bytes.length);
  builder.part(result.bytes);
  builder.writer.i64(result.timestampMicros);
  builder.writer.i64(result.durationMicros);
  builder.writer.u32(requestId);
  return builder.finish();
}

/** A procedure that failed; such results carry no time and no duration. */
export function encodeProcedureFailed(requestId: number, message: string): EncodedMessage {
  const builder = new MessageBuilder();
  builder.writer.u8(7);
  builder.writer.u8(1);
  builder.writer.string(message);
  builder.writer.i64(0n);
  builder.writer.i64(0n);
  builder.writer.u32(requestId);
  return builder.finish();
}

function writeHeader(writer: BsatnWriter, tag: number, requestId: number): void {
  writer.u8(tag);
  writer.u32(requestId);
}

function writeReducerHeader(writer: BsatnWriter, requestId: number, timestampMicros: bigint): void {
  writeHeader(writer, 6, requestId);
  writer.i64(timestampMicros);
}

function writeQueryRows(builder: MessageBuilder, tables: readonly TableRows[]): void {
  builder.writer.arrayLength(tables.length);
  for (const { tableName, rows } of tables) {
    builder.writer.string(tableName);
    builder.part(rows.encodedBy(encodeRowList));
  }
}

function writeQuerySetUpdates(builder: MessageBuilder, updates: readonly QuerySetUpdate[]): void {
  builder.writer.arrayLength(updates.length);
  for (const { querySetId, tables } of updates) {
    builder.writer.u32(querySetId);
    builder.writer.arrayLength(tables.length);
    for (const table of tables) {
      builder.writer.string(table.tableName);
      builder.writer.arrayLength(table.updates.length);
      for (const update of table.updates) builder.part(update.encodedBy(encodeQueryUpdate));
    }
  }
}

function encodeQueryUpdate(update: QueryUpdate): Uint8Array {
  const inserts = update.inserts.encodedBy(encodeRowList);
  if (update.isEvent) return concat(1, [inserts]);
  return concat(0, [inserts, update.deletes.encodedBy(encodeRowList)]);
}

function concat(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((total, part) => total + part.length, 1);
  const writer = new BsatnWriter(length);
  writer.u8(tag);
  for (const part of parts) writer.raw(part);
  return writer.peek();
}
