import { BsatnWriter } from '../../src/bsatn/writer.ts';
import type { ProtocolVersion } from '../../src/protocol/payload.ts';
import { concatChunks, type ClientLink } from '../../src/session/client-link.ts';
import type { SessionHub } from '../../src/session/session-hub.ts';
import type { Session } from '../../src/session/session.ts';
import { decodeServerPayload, type ServerMessage } from './decode-server-message.ts';

/** A client that speaks the protocol itself, on a link that does what the test says. */
export class TestClient implements ClientLink {
  readonly payloads: Uint8Array[] = [];
  readonly session: Session;
  closed: { code: number; reason: string } | undefined;
  isPaused = false;
  /** What a client that does not read leaves behind. */
  bufferedBytes = 0;
  /** A client that stopped reading: what it is sent stays in its buffer. */
  isStalled = false;
  #read = 0;

  constructor(hub: SessionHub, options: TestClientOptions = {}) {
    const { identity = 1n, connectionId = 10n, version = 'v3', confirmedReads = true, token = 'tok' } = options;
    const caller = { identity, connectionId };
    hub.connect(caller, '{}');
    this.session = hub.open(this, { caller, token, version, confirmedReads });
  }

  send(payload: readonly Uint8Array[]): void {
    if (this.closed !== undefined) throw new Error('sent after close');
    const bytes = concatChunks(payload);
    if (this.isStalled) this.bufferedBytes += bytes.length;
    else this.payloads.push(bytes);
  }
  close(code: number, reason: string): void {
    if (this.closed !== undefined) throw new Error('closed twice');
    this.closed = { code, reason };
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }

  /** Messages that arrived since the last time. */
  take(): ServerMessage[] {
    const fresh = this.payloads.slice(this.#read);
    this.#read = this.payloads.length;
    return fresh.flatMap(decodeServerPayload);
  }

  say(...messages: Uint8Array[]): void {
    this.session.receive(concatChunks(messages));
  }
}

export interface TestClientOptions {
  identity?: bigint;
  connectionId?: bigint;
  version?: ProtocolVersion;
  confirmedReads?: boolean;
  token?: string;
}

const write = (fill: (writer: BsatnWriter) => void): Uint8Array => {
  const writer = new BsatnWriter();
  fill(writer);
  return writer.toBytes();
};

export const subscribe = (requestId: number, querySetId: number, ...queries: string[]) =>
  write((writer) => {
    writer.u8(0);
    writer.u32(requestId);
    writer.u32(querySetId);
    writer.u32(queries.length);
    for (const query of queries) writer.string(query);
  });

export const unsubscribe = (requestId: number, querySetId: number, sendRows: boolean) =>
  write((writer) => {
    writer.u8(1);
    writer.u32(requestId);
    writer.u32(querySetId);
    writer.u8(sendRows ? 1 : 0);
  });

export const oneOff = (requestId: number, query: string) =>
  write((writer) => {
    writer.u8(2);
    writer.u32(requestId);
    writer.string(query);
  });

export const call = (
  kind: 'reducer' | 'procedure',
  requestId: number,
  name: string,
  args: Uint8Array = new Uint8Array(0),
) =>
  write((writer) => {
    writer.u8(kind === 'reducer' ? 3 : 4);
    writer.u32(requestId);
    writer.u8(0);
    writer.string(name);
    writer.byteArray(args);
  });

/** A turn of the event loop and everything that follows from it at once. */
export const turn = () => new Promise<void>((resolve) => void setImmediate(() => setImmediate(resolve)));
