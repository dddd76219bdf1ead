import { WebSocket } from 'ws';
import type { InProcessRequest, InProcessSocket } from '../../src/session/in-process.ts';
import {
  decodeServerPayload,
  type DecodedUpdate,
  type ServerMessage,
} from '../session-fixtures/decode-server-message.ts';

export type Version = 'v2' | 'v3';

/** How payloads get to the host and back, over a socket or without one. */
interface Line {
  send(payload: Uint8Array): void;
  close(): void;
}

interface Ends {
  payload(payload: Uint8Array): void;
  closed(code: number, reason: string): void;
}

/**
 * A client that speaks the protocol itself and keeps rows as strictly as the Rust client does: what is deleted must have
 * been there, as often as it is deleted. It may say anything.
 */
export class ProtocolClient {
  /** Everything that came, the first message included. */
  readonly messages: ServerMessage[] = [];
  /** The payloads that they came in, without the compression tag. */
  readonly payloads: Uint8Array[] = [];
  closed: { code: number; reason: string } | undefined;
  readonly #held: Map<string, number> = new Map();
  #line: Line | undefined;
  #waiting: { isMet: () => boolean; resolve: () => void }[] = [];
  #failure: unknown;

  private constructor() {}

  static async overSocket(url: string, version: Version): Promise<ProtocolClient> {
    const client = new ProtocolClient();
    const socket = new WebSocket(url, [`${version}.bsatn.spacetimedb`]);
    const refused = new Promise<never>((_resolve, reject) => socket.on('error', reject));
    socket.on('message', (data: Buffer) => client.#take(untagged(data)));
    socket.on('close', (code, reason) => client.#end(code, String(reason)));
    client.#line = { send: (payload) => socket.send(payload), close: () => socket.close() };
    await Promise.race([client.until(() => client.messages.length > 0), refused]);
    return client;
  }

  static async inProcess(
    connect: (request: InProcessRequest) => Promise<InProcessSocket>,
    request: InProcessRequest,
  ): Promise<ProtocolClient> {
    const client = new ProtocolClient();
    const socket = await connect(request);
    const ends: Ends = { payload: (payload) => client.#take(payload), closed: (...how) => client.#end(...how) };
    client.#line = { send: (payload) => socket.send(payload), close: () => socket.close() };
    socket.onmessage = ({ data }) => ends.payload(data);
    socket.onclose = ({ code, reason }) => ends.closed(code, reason);
    socket.onopen = () => undefined;
    await client.until(() => client.messages.length > 0);
    return client;
  }

  /** The first message, which says who the client is. */
  get greeting(): Extract<ServerMessage, { type: 'initial' }> {
    const [first] = this.messages;
    if (first?.type !== 'initial') throw new Error('the first message is not InitialConnection');
    return first;
  }

  /** Sends messages as one payload. */
  say(...messages: Uint8Array[]): void {
    this.#line?.send(new Uint8Array(Buffer.concat(messages)));
  }

  /** Sends one message and resolves with the next one that is not about somebody else's transaction. */
  async ask(message: Uint8Array): Promise<Exclude<ServerMessage, { type: 'update' }>> {
    const seen = this.messages.length;
    const find = (): ServerMessage | undefined => this.messages.slice(seen).find(({ type }) => type !== 'update');
    this.say(message);
    await this.until(() => find() !== undefined);
    const answer = find();
    if (answer === undefined || answer.type === 'update') throw new Error('an answer was awaited');
    return answer;
  }

  /** What came since a moment: `client.since(client.messages.length)`, later. */
  since(count: number): ServerMessage[] {
    return this.messages.slice(count);
  }

  /** The rows of a table as the client has them, in hex, each as often as it was told of it. */
  held(table: string): string[] {
    const rows: string[] = [];
    for (const [key, count] of this.#held) {
      const [name, row] = key.split(' ') as [string, string];
      if (name === table) for (let copy = 0; copy < count; copy += 1) rows.push(row);
    }
    return rows.sort();
  }

  /** Resolves when the condition holds after something came; rejects when the connection ends before. */
  async until(isMet: () => boolean): Promise<void> {
    if (!isMet() && this.closed === undefined && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#waiting.push({ isMet, resolve }));
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (!isMet()) throw new Error(`the connection ended: ${JSON.stringify(this.closed)}`);
  }

  async ended(): Promise<{ code: number; reason: string }> {
    await this.until(() => this.closed !== undefined);
    return this.closed!;
  }

  close(): void {
    this.#line?.close();
  }

  #take(payload: Uint8Array): void {
    try {
      this.payloads.push(payload);
      for (const message of decodeServerPayload(payload)) {
        this.messages.push(message);
        this.#apply(message);
      }
    } catch (error) {
      this.#failure ??= error;
    }
    this.#settle();
  }

  #apply(message: ServerMessage): void {
    if (message.type === 'subscribed') this.#applyTables(message.tables, 1);
    if (message.type === 'unsubscribed') this.#applyTables(message.tables ?? [], -1);
    if (message.type === 'update' || message.type === 'reducer') this.#applyUpdates(message.updates);
  }

  #applyTables(tables: readonly { table: string; rows: readonly string[] }[], count: number): void {
    for (const { table, rows } of tables) for (const row of rows) this.#add(table, row, count);
  }

  /** The changes of all sets of one message count together, as in every client. */
  #applyUpdates(updates: readonly DecodedUpdate[]): void {
    const kept = updates.filter(({ isEvent }) => !isEvent);
    for (const { table, inserts } of kept) for (const row of inserts) this.#add(table, row, 1);
    for (const { table, deletes } of kept) for (const row of deletes) this.#add(table, row, -1);
  }

  #add(table: string, row: string, count: number): void {
    const key = `${table} ${row}`;
    const now = (this.#held.get(key) ?? 0) + count;
    if (now < 0) throw new Error(`a row of ${table} is deleted that the client does not have: ${row}`);
    if (now === 0) this.#held.delete(key);
    else this.#held.set(key, now);
  }

  #end(code: number, reason: string): void {
    this.closed = { code, reason };
    this.#settle();
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const entry of waiting) {
      if (this.closed !== undefined || this.#failure !== undefined || entry.isMet()) entry.resolve();
      else this.#waiting.push(entry);
    }
  }
}

/** Over a socket each payload begins with a byte that says how it is compressed: here always not at all. */
function untagged(data: Buffer): Uint8Array {
  if (data[0] !== 0) throw new Error(`a payload is compressed: tag ${data[0]}`);
  return new Uint8Array(data.subarray(1));
}
