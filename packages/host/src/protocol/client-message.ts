import type { BsatnReader } from '../bsatn/reader.ts';
import { HostError } from '../errors.ts';

/** Most SQL texts in one Subscribe. */
export const SUBSCRIBE_QUERIES_MAX = 10_000;

/** What a client asks for. Byte arrays are views of the payload they were read from. */
export type ClientMessage =
  | {
      readonly type: 'subscribe';
      readonly requestId: number;
      readonly querySetId: number;
      readonly queries: readonly string[];
    }
  | {
      readonly type: 'unsubscribe';
      readonly requestId: number;
      readonly querySetId: number;
      readonly sendDroppedRows: boolean;
    }
  | { readonly type: 'one-off-query'; readonly requestId: number; readonly query: string }
  | {
      readonly type: 'call-reducer' | 'call-procedure';
      readonly requestId: number;
      readonly name: string;
      readonly args: Uint8Array;
    };

/** The first byte of a message that calls a reducer. */
export const CALL_REDUCER_TAG = 3;

/**
 * Reads one message; the reader stands behind it afterwards.
 *
 *     tag u8 | body
 *     0 Subscribe      request u32, query set u32, queries [string]
 *     1 Unsubscribe    request u32, query set u32, flags u8 (1 = send the dropped rows)
 *     2 OneOffQuery    request u32, query string
 *     3 CallReducer    request u32, flags u8 (0), name string, arguments bytes
 *     4 CallProcedure  the same
 *
 * @throws {BsatnError} when the bytes end early or are malformed.
 * @throws {HostError} `protocol/malformed` for a tag or flag that is unknown, `protocol/limit` for too many queries.
 */
export function decodeClientMessage(reader: BsatnReader): ClientMessage {
  const tag = reader.u8();
  const requestId = tag <= 4 ? reader.u32() : 0;
  switch (tag) {
    case 0:
      return { type: 'subscribe', requestId, querySetId: reader.u32(), queries: decodeQueries(reader) };
    case 1:
      return { type: 'unsubscribe', requestId, querySetId: reader.u32(), sendDroppedRows: decodeDropFlag(reader) };
    case 2:
      return { type: 'one-off-query', requestId, query: reader.string() };
    case CALL_REDUCER_TAG:
      return decodeCall(reader, 'call-reducer', requestId);
    case 4:
      return decodeCall(reader, 'call-procedure', requestId);
    default:
      throw malformed(`unknown client message tag ${tag}`, { tag });
  }
}

/** A `protocol/malformed` error. Its message is sent to the client as the reason for closing: keep it short. */
export function malformed(problem: string, details?: Readonly<Record<string, unknown>>): HostError {
  return new HostError({ code: 'protocol/malformed', message: problem, details });
}

function decodeQueries(reader: BsatnReader): readonly string[] {
  const count = reader.arrayLength(4);
  if (count > SUBSCRIBE_QUERIES_MAX) {
    throw new HostError({
      code: 'protocol/limit',
      message: `${count} queries in one Subscribe, at most ${SUBSCRIBE_QUERIES_MAX} are taken`,
      details: { count, limit: SUBSCRIBE_QUERIES_MAX },
    });
  }
  const queries: string[] = [];
  for (let index = 0; index < count; index += 1) queries.push(reader.string());
  return queries;
}

function decodeDropFlag(reader: BsatnReader): boolean {
  const flags = reader.u8();
  if (flags > 1) throw malformed(`unknown Unsubscribe flag ${flags}`, { flags });
  return flags === 1;
}

function decodeCall(reader: BsatnReader, type: 'call-reducer' | 'call-procedure', requestId: number): ClientMessage {
  const flags = reader.u8();
  if (flags !== 0) throw malformed(`unknown call flag ${flags}`, { flags });
  return { type, requestId, name: reader.string(), args: reader.byteArray() };
}
