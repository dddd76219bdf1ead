import { BsatnReader } from '../bsatn/reader.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import type { Datastore } from '../datastore/datastore.ts';
import type { RowChunk } from '../datastore/replay.ts';
import type { SequenceAllocation } from '../datastore/sequence.ts';
import {
  checkVersion,
  readProgram,
  readSequences,
  type StoredProgram,
  writeProgram,
  writeSequences,
} from './record-codec.ts';

/*
 * A snapshot is a list of chunks, each kept whole by the storage:
 *
 *     head = version u8 (1), program (as in a log record), last timestamp i64, sequences (as in a log record)
 *     rows = 1 u8, table id u32, count u32, the rows back to back
 *     end  = 2 u8, count of all rows u64
 */

const VERSION = 1;
const ROWS = 1;
const END = 2;

/** Aim for the bytes of one chunk; a larger row makes a larger one. */
const CHUNK_BYTES = 256 * 1024;

/** What a snapshot says besides rows. */
export interface SnapshotHead {
  readonly program: StoredProgram;
  readonly lastTimestampMicros: bigint;
  readonly sequences: readonly SequenceAllocation[];
}

/** The chunks of a snapshot of the state as of this call; rows are read as the chunks are pulled. */
export function encodeSnapshot(
  program: StoredProgram,
  lastTimestampMicros: bigint,
  datastore: Datastore,
): Iterable<Uint8Array> {
  const writer = new BsatnWriter();
  writer.u8(VERSION);
  writeProgram(writer, program);
  writer.i64(lastTimestampMicros);
  writeSequences(writer, datastore.sequenceAllocations());
  return chunksOf(writer.toBytes(), datastore.exportRows(CHUNK_BYTES));
}

function* chunksOf(head: Uint8Array, rows: Iterable<RowChunk>): Generator<Uint8Array, void> {
  yield head;
  let rowCount = 0;
  const writer = new BsatnWriter(CHUNK_BYTES);
  for (const chunk of rows) {
    rowCount += chunk.count;
    writer.reset();
    writer.u8(ROWS);
    writer.u32(chunk.table.id);
    writer.u32(chunk.count);
    writer.raw(chunk.rows);
    yield writer.toBytes();
  }
  writer.reset();
  writer.u8(END);
  writer.u64(BigInt(rowCount));
  yield writer.toBytes();
}

/** @throws {HostError} `database/newer-version`; @throws {BsatnError} */
export function decodeSnapshotHead(chunk: Uint8Array): SnapshotHead {
  const reader = new BsatnReader(chunk);
  checkVersion(reader.u8(), VERSION, 'snapshot');
  const program = readProgram(reader);
  const lastTimestampMicros = reader.i64();
  const sequences = readSequences(reader);
  reader.expectEnd();
  return { program, lastTimestampMicros, sequences };
}

/** Any chunk after the head. @throws {BsatnError} */
export function decodeSnapshotChunk(
  chunk: Uint8Array,
):
  | { readonly type: 'rows'; readonly tableId: number; readonly count: number; readonly rows: Uint8Array }
  | { readonly type: 'end'; readonly rowCount: number } {
  const reader = new BsatnReader(chunk);
  const tag = reader.u8();
  if (tag === ROWS) {
    const tableId = reader.u32();
    const count = reader.u32();
    return { type: 'rows', tableId, count, rows: reader.raw(reader.remaining) };
  }
  if (tag !== END) reader.fail('a chunk of rows or the end of the snapshot is expected');
  const rowCount = Number(reader.u64());
  reader.expectEnd();
  return { type: 'end', rowCount };
}
