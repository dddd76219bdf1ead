import { WebSocket } from 'ws';
import { decodeServerPayload, type ServerMessage } from './decode-server-message.ts';

export interface WireClientOptions {
  token?: string;
  database?: string;
  protocol?: 'v2' | 'v3';
  query?: Record<string, string>;
}

/** A WebSocket client that speaks the protocol itself, and may say anything. */
export class WireClient {
  readonly socket: WebSocket;
  /** Everything that came, the first message included. */
  readonly messages: ServerMessage[] = [];
  closed: { code: number; reason: string } | undefined;
  #awaited: { isMet: () => boolean; resolve: () => void }[] = [];

  constructor(address: string, { token, database = 'test', protocol = 'v3', query = {} }: WireClientOptions = {}) {
    const parameters = new URLSearchParams(token === undefined ? query : { ...query, token });
    const url = `${address.replace('http', 'ws')}/v1/database/${database}/subscribe?${parameters.toString()}`;
    this.socket = new WebSocket(url, [`${protocol}.bsatn.spacetimedb`]);
    this.socket.on('message', (data: Buffer) => {
      this.messages.push(...decodeServerPayload(new Uint8Array(data.subarray(1))));
      this.#settle();
    });
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.#settle();
    });
    this.socket.on('error', () => undefined);
  }

  /** A client whose first message has come. */
  static async open(address: string, options: WireClientOptions = {}): Promise<WireClient> {
    const client = new WireClient(address, options);
    await client.until(() => client.messages.length > 0);
    return client;
  }

  /** Sends a message and resolves with the next one that is no update of somebody else's. */
  async ask(message: Uint8Array): Promise<Exclude<ServerMessage, { type: 'update' }>> {
    const seen = this.messages.length;
    const find = () => this.messages.slice(seen).find(({ type }) => type !== 'update');
    this.socket.send(message);
    await this.until(() => find() !== undefined);
    const answer = find();
    if (answer === undefined || answer.type === 'update') throw new Error('an answer was awaited');
    return answer;
  }

  /** Resolves when the condition holds after something came. Rejects when the connection ends first. */
  async until(isMet: () => boolean): Promise<void> {
    if (!isMet() && this.closed === undefined)
      await new Promise<void>((resolve) => this.#awaited.push({ isMet, resolve }));
    if (!isMet()) throw new Error(`the connection ended: ${JSON.stringify(this.closed)}`);
  }

  /** Resolves with the way in which the connection ended. */
  async ended(): Promise<{ code: number; reason: string }> {
    await this.until(() => this.closed !== undefined);
    return this.closed!;
  }

  /** Vanishes: no close frame, no goodbye. */
  vanish(): void {
    this.socket.terminate();
  }

  #settle(): void {
    const awaited = this.#awaited;
    this.#awaited = [];
    for (const entry of awaited) {
      if (this.closed !== undefined || entry.isMet()) entry.resolve();
      else this.#awaited.push(entry);
    }
  }
}
