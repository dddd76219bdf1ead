import type { Clock, Logger, LogLevel } from '../clock/clock.ts';
import type { Caller } from '../database/calls.ts';
import type { ClientLink } from '../session/client-link.ts';
import { CLOSE_CODES } from '../session/close-codes.ts';
import type { ClientSession } from '../session/served-host.ts';

/** What the host's end of a session asks of the thread that its database runs in. */
export interface SessionThread {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bytes of all clients that are on their way to the worker. */
  readonly inFlightBytes: number;
  sendData(session: RemoteSession, bytes: Uint8Array): void;
  sendFail(session: RemoteSession, code: number, reason: string): void;
  /** The client's link is gone, whoever ended it. */
  sendLinkClosed(session: RemoteSession): void;
  /** Tells the worker soon how much has left for the client. */
  reportLeft(session: RemoteSession): void;
}

/** Bytes of one client on their way to the worker, above and below which its link is paused and resumed. */
const CLIENT_BYTES_HIGH = 1024 * 1024;
const CLIENT_BYTES_LOW = 256 * 1024;

/** The same for all clients of a database together. */
const ALL_BYTES_HIGH = 64 * 1024 * 1024;

/** A link that goes on sending this much although it is paused is closed. In-process clients queue on their side. */
const CLIENT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * The host's end of a session whose database runs in a worker. The session itself is there; here is what keeps a fast
 * client from flooding the worker, and what tells the worker how slowly a client reads.
 */
export class RemoteSession implements ClientSession {
  readonly number: number;
  readonly #caller: Caller;
  readonly #link: ClientLink;
  readonly #thread: SessionThread;
  #inFlightBytes = 0;
  #receivedBytes = 0;
  #reportedBytes = 0;
  #isPausedByWorker = false;
  #isFlooding = false;
  #isPaused = false;
  #isClosed = false;

  constructor(
    number: number,
    parts: { readonly caller: Caller; readonly link: ClientLink; readonly thread: SessionThread },
  ) {
    this.number = number;
    this.#caller = parts.caller;
    this.#link = parts.link;
    this.#thread = parts.thread;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  receive(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#inFlightBytes += bytes.length;
    if (this.#inFlightBytes > CLIENT_BYTES_MAX) {
      this.#thread.sendLinkClosed(this);
      this.end(CLOSE_CODES.tryAgain, 'too many requests');
      return;
    }
    this.#thread.sendData(this, bytes);
    if (this.#inFlightBytes > CLIENT_BYTES_HIGH || this.#thread.inFlightBytes > ALL_BYTES_HIGH) {
      this.#isFlooding = true;
      this.#pauseOrResume();
    }
  }

  resume(): void {
    if (!this.#isClosed) this.#thread.reportLeft(this);
  }

  linkClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#thread.sendLinkClosed(this);
  }

  fail(code: number, reason: string): void {
    if (!this.#isClosed) this.#thread.sendFail(this, code, reason);
  }

  log(level: LogLevel, message: string, details: Readonly<Record<string, unknown>> = {}): void {
    const { logger, clock, name } = this.#thread;
    const connection = this.#caller.connectionId.toString(16);
    logger.log({
      level,
      message,
      timestampMicros: clock.nowMicros(),
      source: 'host',
      database: name,
      details: { connection, ...details },
    });
  }

  /** Hands a payload of the worker to the client. */
  deliver(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#receivedBytes += bytes.length;
    this.#link.send([bytes]);
    this.#thread.reportLeft(this);
  }

  /** How many bytes in all have left this process for the client; undefined when that was told already. */
  takeLeftBytes(): number | undefined {
    const left = this.#receivedBytes - Math.min(this.#receivedBytes, this.#link.bufferedBytes);
    if (this.#isClosed || left <= this.#reportedBytes) return undefined;
    this.#reportedBytes = left;
    return left;
  }

  /** So many bytes of the client were given to the session. */
  noteHandled(bytes: number): void {
    this.#inFlightBytes -= bytes;
    if (!this.#isFlooding || this.#inFlightBytes > CLIENT_BYTES_LOW) return;
    this.#isFlooding = false;
    this.#pauseOrResume();
  }

  /** The session itself holds its client back, or lets it go on. */
  setPausedByWorker(isPaused: boolean): void {
    this.#isPausedByWorker = isPaused;
    this.#pauseOrResume();
  }

  /** The session is over: closes the client's link. */
  end(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#link.close(code, reason);
  }

  #pauseOrResume(): void {
    const isPaused = this.#isPausedByWorker || this.#isFlooding;
    if (isPaused === this.#isPaused || this.#isClosed) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#link.pause();
    else this.#link.resume();
  }
}
