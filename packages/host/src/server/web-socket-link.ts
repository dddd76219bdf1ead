import type { RawData, WebSocket } from 'ws';
import { concatChunks, type ClientLink } from '../session/client-link.ts';
import { CLOSE_CODES } from '../session/close-codes.ts';
import type { ClientSession } from '../session/served-host.ts';
import type { KeptConnection } from './keep-alive.ts';

/** The tag byte before each payload to a client: 0, not compressed. The TypeScript SDK misorders mixed tags. */
const UNCOMPRESSED = 0;

/** How long a client may take to answer a close frame. */
const CLOSE_TIMEOUT_MS = 250;

/** Below this many unsent bytes a client that was held up is served again. */
const DRAINED_BYTES = 4 * 1024 * 1024;

/** One accepted WebSocket as a client's link. `attach` must follow in the same turn as the handshake. */
export class WebSocketLink implements ClientLink, KeptConnection {
  readonly #socket: WebSocket;
  #session: ClientSession | undefined;
  #isTimedOut = false;
  #wasActive = false;
  #lastBufferedBytes = 0;
  #isPonging = false;
  #pongDue: Buffer | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Feeds what the client sends to its session. `onEnd` is called once, when the socket is closed. */
  attach(session: ClientSession, onEnd: () => void): void {
    this.#session = session;
    const socket = this.#socket;
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('ping', (data) => this.#answerPing(data));
    socket.on('pong', () => this.#noteActivity());
    // A broken frame or a lost peer: the close event that follows carries everything there is to do.
    socket.on('error', (error) => session.log('debug', `websocket error: ${error.message}`));
    socket.once('close', () => {
      session.linkClosed();
      onEnd();
    });
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(payload: readonly Uint8Array[]): void {
    const bytes = concatChunks(payload, [UNCOMPRESSED]);
    // A failed write closes the socket, which is where it is dealt with.
    this.#socket.send(bytes, { binary: true, compress: false }, () => this.#sent());
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    const timer = setTimeout(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  takeActivity(): boolean {
    const bufferedBytes = this.#socket.bufferedAmount;
    // A client that takes in a long message answers pings only after it; that it reads shows that it lives. One that
    // is held up because the host is busy is not heard, which is not its fault either.
    const reads = bufferedBytes < this.#lastBufferedBytes;
    const isHeldUp = this.#socket.isPaused && bufferedBytes === 0;
    this.#lastBufferedBytes = bufferedBytes;
    const isActive = this.#wasActive || reads || isHeldUp;
    this.#wasActive = false;
    return isActive;
  }

  ping(): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  /** Whether it was ended because the client was silent for too long. */
  get isTimedOut(): boolean {
    return this.#isTimedOut;
  }

  terminate(): void {
    this.#isTimedOut = true;
    this.#session?.log('info', 'client dropped: silent for too long');
    this.#socket.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#noteActivity();
    if (!isBinary) this.#session?.fail(CLOSE_CODES.error, 'websocket does not support text messages');
    else this.#session?.receive(toBytes(data));
  }

  /** Answers the newest ping once the answer before is out: a client that pings and never reads must cost nothing. */
  #answerPing(data: Buffer): void {
    this.#noteActivity();
    if (this.#isPonging) {
      this.#pongDue = data;
      return;
    }
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#isPonging = true;
    this.#socket.pong(data, false, () => {
      this.#isPonging = false;
      const due = this.#pongDue;
      this.#pongDue = undefined;
      if (due !== undefined) this.#answerPing(due);
    });
  }

  #noteActivity(): void {
    this.#wasActive = true;
  }

  #sent(): void {
    if (this.#socket.bufferedAmount < DRAINED_BYTES) this.#session?.resume();
  }
}

function toBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return concatChunks(data);
  // A plain view: a Buffer's own `slice` would share memory where the rest of the host expects a copy.
  return data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.length);
}
