import { BsatnReader } from '../bsatn/reader.ts';
import { CALL_REDUCER_TAG, decodeClientMessage, malformed, type ClientMessage } from './client-message.ts';

/** Names of the WebSocket subprotocols that are spoken here, the preferred one first. */
export const SUBPROTOCOLS: Readonly<Record<'v2' | 'v3', string>> = {
  v3: 'v3.bsatn.spacetimedb',
  v2: 'v2.bsatn.spacetimedb',
};

/** Which form payloads have: v2 holds one message each, v3 one or more back to back. */
export type ProtocolVersion = keyof typeof SUBPROTOCOLS;

/** The version to speak with a client that offers these subprotocols; undefined when none fits. */
export function tryNegotiate(offered: Iterable<string>): ProtocolVersion | undefined {
  const names = new Set(offered);
  if (names.has(SUBPROTOCOLS.v3)) return 'v3';
  return names.has(SUBPROTOCOLS.v2) ? 'v2' : undefined;
}

/** The messages of one client payload, read one at a time so that each can be handled before the next is looked at. */
export class ClientPayload {
  readonly byteLength: number;
  readonly #bytes: Uint8Array;
  readonly #reader: BsatnReader;
  readonly #version: ProtocolVersion;

  /** @throws {HostError} `protocol/malformed` for a payload without a byte. */
  constructor(bytes: Uint8Array, version: ProtocolVersion) {
    if (bytes.length === 0)
      throw malformed(`${version} websocket binary payload must contain at least one v2 client message`);
    this.byteLength = bytes.length;
    this.#bytes = bytes;
    this.#reader = new BsatnReader(bytes);
    this.#version = version;
  }

  get isDone(): boolean {
    return this.#reader.remaining === 0;
  }

  /** Whether the next message calls a reducer, as its first byte has it. */
  get isReducerCall(): boolean {
    return this.#bytes[this.#reader.offset] === CALL_REDUCER_TAG;
  }

  /** @throws {HostError} `bsatn/malformed`, `protocol/malformed` or `protocol/limit`; the payload is useless then. */
  next(): ClientMessage {
    const message = decodeClientMessage(this.#reader);
    if (this.#version === 'v2') this.#reader.expectEnd();
    return message;
  }
}
