import type { Timers } from '../clock/clock.ts';
import type { InProcessClose, InProcessSocket } from '../session/in-process.ts';
import { Lane } from './lane.ts';

/** Which way messages go. */
export type LinkDirection = 'to-host' | 'to-client';

const OPEN = 1;
const CLOSED = 3;

/** What a client's socket tells when its network is gone: there was no closing handshake. */
const LOST: InProcessClose = { code: 1006, reason: '', wasClean: false };

/**
 * A client's socket whose network a test controls. It stands between the SDK and the host's own in-process socket, and
 * is what `test.linkOf(connection)` gives.
 */
export class TestLink {
  /** Resolves when the client has heard of the end of its connection, with what it was told. */
  readonly closed: Promise<InProcessClose>;
  readonly #socket: InProcessSocket;
  readonly #toHost: Lane;
  readonly #toClient: Lane;
  #isLost = false;
  /** Whether the client has heard of the end. */
  #isTold = false;
  #onEnded: () => void = () => undefined;
  #tellClosed: (event: InProcessClose) => void = () => undefined;
  #onmessage: (message: { data: Uint8Array }) => void = () => undefined;
  #onclose: (event: InProcessClose) => void = () => undefined;

  constructor(socket: InProcessSocket, timers: Timers) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    const onOverflow = (): void => this.drop();
    this.#toHost = new Lane(timers, { deliver: (payload) => socket.send(payload), onOverflow });
    this.#toClient = new Lane(timers, { deliver: (data) => this.#onmessage({ data }), onOverflow });
    socket.onmessage = ({ data }) => this.#toClient.send(data);
    socket.onclose = (event) => this.#end(event);
  }

  /** Calls back when the connection has ended, in any way. For the test host. */
  whenEnded(callback: () => void): void {
    this.#onEnded = callback;
  }

  // ---- what a test does ----

  /** Whether the client has a connection, as far as it knows. */
  get isOpen(): boolean {
    return this.readyState === OPEN;
  }

  /** Messages that reached the host, and messages that reached the client. */
  get delivered(): { readonly toHost: number; readonly toClient: number } {
    return { toHost: this.#toHost.delivered, toClient: this.#toClient.delivered };
  }

  /** The network is gone: what is on its way is lost, and both sides hear of it in a later turn. */
  drop(): void {
    if (this.#isLost || this.#isTold) return;
    this.#toHost.stop();
    this.#toClient.stop();
    this.#isLost = true;
    // The host may have ended it already, and its word be on a way that is slow or frozen.
    if (this.#socket.readyState !== CLOSED) this.#socket.close();
    this.#onEnded();
    setImmediate(() => this.#tellClient(LOST));
  }

  /** Drops the connection in place of delivering the n-th message from now in a direction; 1 is the next. */
  dropAt(direction: LinkDirection, message: number): void {
    this.#lane(direction).cutAt(message, () => this.drop());
  }

  /** Nothing passes any more, and nobody hears of it, until `thaw`. */
  freeze(...directions: readonly LinkDirection[]): void {
    for (const lane of this.#lanes(directions)) lane.freeze();
  }

  /** Lets everything through that waited, in order. */
  thaw(...directions: readonly LinkDirection[]): void {
    for (const lane of this.#lanes(directions)) lane.thaw();
  }

  /** Each message takes so long from now on, on the test's clock; their order stays. 0 is as at first. */
  delay(micros: bigint, ...directions: readonly LinkDirection[]): void {
    for (const lane of this.#lanes(directions)) lane.delay(micros);
  }

  // ---- what the SDK uses, shaped like a WebSocket ----

  get protocol(): string {
    return this.#socket.protocol;
  }

  get readyState(): number {
    return this.#isLost ? CLOSED : this.#socket.readyState;
  }

  set onopen(handler: () => void) {
    this.#socket.onopen = handler;
  }

  set onmessage(handler: (message: { data: Uint8Array }) => void) {
    this.#onmessage = handler;
  }

  set onclose(handler: (event: InProcessClose) => void) {
    this.#onclose = handler;
  }

  /** Never called: every end comes through `onclose`. */
  set onerror(_handler: (event: { readonly message: string }) => void) {}

  send(payload: Uint8Array): void {
    if (this.readyState === OPEN) this.#toHost.send(payload.slice());
  }

  close(): void {
    this.#toHost.end(() => this.#socket.close());
  }

  #end(event: InProcessClose): void {
    if (this.#isLost) return;
    this.#onEnded();
    this.#toClient.end(() => this.#tellClient(event));
  }

  #tellClient(event: InProcessClose): void {
    this.#isTold = true;
    this.#onclose(event);
    this.#tellClosed(event);
  }

  #lane(direction: LinkDirection): Lane {
    return direction === 'to-host' ? this.#toHost : this.#toClient;
  }

  #lanes(directions: readonly LinkDirection[]): Lane[] {
    return (directions.length === 0 ? (['to-host', 'to-client'] as const) : directions).map((name) => this.#lane(name));
  }
}
