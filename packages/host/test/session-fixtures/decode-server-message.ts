import { BsatnReader } from '../../src/bsatn/reader.ts';

interface DecodedTable {
  table: string;
  rows: string[];
}
export interface DecodedUpdate {
  querySetId: number;
  table: string;
  inserts: string[];
  deletes: string[];
  isEvent: boolean;
}
export type ServerMessage =
  | { type: 'initial'; identity: bigint; connectionId: bigint; token: string }
  | { type: 'subscribed'; requestId: number; querySetId: number; tables: DecodedTable[] }
  | { type: 'unsubscribed'; requestId: number; querySetId: number; tables: DecodedTable[] | undefined }
  | { type: 'subscription-error'; requestId: number | undefined; querySetId: number; message: string }
  | { type: 'update'; updates: DecodedUpdate[] }
  | { type: 'one-off'; requestId: number; tables: DecodedTable[] | undefined; error: string | undefined }
  | { type: 'reducer'; requestId: number; outcome: string; updates: DecodedUpdate[]; message: string | undefined }
  | { type: 'procedure'; requestId: number; returned: string | undefined; error: string | undefined };

/** Reads every message of a payload and checks that nothing is left over. Rows are given in hex. */
export function decodeServerPayload(bytes: Uint8Array): ServerMessage[] {
  const reader = new BsatnReader(bytes);
  const messages: ServerMessage[] = [];
  while (reader.remaining > 0) messages.push(decodeMessage(reader));
  return messages;
}

function decodeMessage(reader: BsatnReader): ServerMessage {
  switch (reader.u8()) {
    case 0:
      return { type: 'initial', identity: reader.u256(), connectionId: reader.u128(), token: reader.string() };
    case 1:
      return { type: 'subscribed', requestId: reader.u32(), querySetId: reader.u32(), tables: decodeTables(reader) };
    case 2: {
      const ids = { requestId: reader.u32(), querySetId: reader.u32() };
      return { type: 'unsubscribed', ...ids, tables: reader.u8() === 0 ? decodeTables(reader) : undefined };
    }
    case 3: {
      const requestId = reader.u8() === 0 ? reader.u32() : undefined;
      return { type: 'subscription-error', requestId, querySetId: reader.u32(), message: reader.string() };
    }
    case 4:
      return { type: 'update', updates: decodeUpdates(reader) };
    case 5: {
      const requestId = reader.u32();
      const isOk = reader.u8() === 0;
      return {
        type: 'one-off',
        requestId,
        tables: isOk ? decodeTables(reader) : undefined,
        error: isOk ? undefined : reader.string(),
      };
    }
    case 6:
      return decodeReducerResult(reader);
    case 7: {
      const isOk = reader.u8() === 0;
      const returned = isOk ? hex(reader.byteArray()) : undefined;
      const error = isOk ? undefined : reader.string();
      reader.i64();
      reader.i64();
      return { type: 'procedure', requestId: reader.u32(), returned, error };
    }
    default:
      throw new Error('unknown server message');
  }
}

function decodeReducerResult(reader: BsatnReader): ServerMessage {
  const requestId = reader.u32();
  reader.i64();
  const tag = reader.u8();
  if (tag === 0) {
    if (reader.byteArray().length > 0) throw new Error('a reducer returns nothing');
    return { type: 'reducer', requestId, outcome: 'ok', updates: decodeUpdates(reader), message: undefined };
  }
  if (tag === 2) {
    const message = new BsatnReader(reader.byteArray()).string();
    return { type: 'reducer', requestId, outcome: 'error', updates: [], message };
  }
  if (tag === 3) return { type: 'reducer', requestId, outcome: 'internal', updates: [], message: reader.string() };
  throw new Error(`unexpected outcome ${tag}`);
}

function decodeTables(reader: BsatnReader): DecodedTable[] {
  return Array.from({ length: reader.u32() }, () => ({ table: reader.string(), rows: decodeRowList(reader) }));
}

function decodeUpdates(reader: BsatnReader): DecodedUpdate[] {
  const updates: DecodedUpdate[] = [];
  for (let sets = reader.u32(); sets > 0; sets -= 1) {
    const querySetId = reader.u32();
    for (let tables = reader.u32(); tables > 0; tables -= 1) {
      const table = reader.string();
      for (let parts = reader.u32(); parts > 0; parts -= 1) {
        const isEvent = reader.u8() === 1;
        const inserts = decodeRowList(reader);
        updates.push({ querySetId, table, inserts, deletes: isEvent ? [] : decodeRowList(reader), isEvent });
      }
    }
  }
  return updates;
}

/** Splits a row list by its hint, as the Rust and C# clients do. */
function decodeRowList(reader: BsatnReader): string[] {
  const isFixed = reader.u8() === 0;
  const rowBytes = isFixed ? reader.u16() : 0;
  const starts = isFixed ? [] : Array.from({ length: reader.u32() }, () => Number(reader.u64()));
  const data = reader.byteArray();
  if (!isFixed) return starts.map((start, at) => hex(data.subarray(start, starts[at + 1] ?? data.length)));
  if (rowBytes === 0 || data.length % rowBytes !== 0) throw new Error('a wrong row length');
  return Array.from({ length: data.length / rowBytes }, (_, at) =>
    hex(data.subarray(at * rowBytes, (at + 1) * rowBytes)),
  );
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
