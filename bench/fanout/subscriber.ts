import type { Host, InProcessSocket } from '@inner-universe/host';

const INITIAL_CONNECTION = 0;
const SUBSCRIBE_APPLIED = 1;
const TRANSACTION_UPDATE = 4;

/** A client in this process that reads no more of a message than its kind: what is measured is the host. */
export class Subscriber {
  readonly #socket: InProcessSocket;
  readonly #onUpdate: () => void;
  /** Called with the answer that is awaited: messages that wait together would share a payload. */
  #onAnswer: (() => void) | undefined;

  private constructor(socket: InProcessSocket, onUpdate: () => void) {
    this.#socket = socket;
    this.#onUpdate = onUpdate;
  }

  /** Connects; `onUpdate` is called for each transaction that the client is told of. */
  static async connect(host: Host, database: string, onUpdate: () => void): Promise<Subscriber> {
    const socket = await host.connectInProcess({ wsProtocol: ['v3.bsatn.spacetimedb'], nameOrAddress: database });
    const subscriber = new Subscriber(socket, onUpdate);
    socket.onmessage = ({ data }) => subscriber.#receive(data);
    const welcomed = subscriber.#answered();
    socket.onopen = () => undefined;
    await welcomed;
    return subscriber;
  }

  /** Subscribes to queries as one set. */
  async subscribe(queries: readonly string[]): Promise<void> {
    const applied = this.#answered();
    this.#socket.send(encodeSubscribe(queries));
    await applied;
  }

  close(): void {
    this.#socket.close();
  }

  #answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
    });
  }

  #receive(payload: Uint8Array): void {
    const [kind] = payload;
    if (kind === TRANSACTION_UPDATE) this.#onUpdate();
    else if (kind === INITIAL_CONNECTION || kind === SUBSCRIBE_APPLIED) this.#onAnswer?.();
    else throw new Error(`the host sent an unexpected message of kind ${kind}`);
  }
}

/** Tag 0, request u32, query set u32, queries [string]. */
function encodeSubscribe(queries: readonly string[]): Uint8Array {
  const texts = queries.map((query) => Buffer.from(query));
  const bytes = Buffer.alloc(13 + texts.reduce((sum, text) => sum + 4 + text.length, 0));
  bytes.writeUInt32LE(1, 5);
  bytes.writeUInt32LE(texts.length, 9);
  let at = 13;
  for (const text of texts) {
    at = bytes.writeUInt32LE(text.length, at);
    at += text.copy(bytes, at);
  }
  return bytes;
}
