import { systemTimers } from '../clock/system-clock.ts';
import { SUBPROTOCOLS, tryNegotiate, type ProtocolVersion } from '../protocol/payload.ts';
import { HostError } from '../errors.ts';
import { admit, type Admission } from './admission.ts';
import { concatChunks, type ClientLink } from './client-link.ts';
import { CLOSE_CODES } from './close-codes.ts';
import type { ClientSession, ServedHost } from './served-host.ts';

/** What the SDK passes to the function given to `withWSFn`, as far as it matters here. */
export interface InProcessRequest {
  /** The subprotocols that the client speaks; the SDK of 2.0 names its only one. */
  readonly wsProtocol: readonly string[] | string;
  /** Name or identity of the database. */
  readonly nameOrAddress: string;
  /** The client's lasting token; absent for a new identity. */
  readonly authToken?: string | undefined;
  /** Whether messages wait for durability. Default true. */
  readonly confirmedReads?: boolean | undefined;
  /** 32 hex digits. Absent: a random one. */
  readonly connectionId?: string | undefined;
}

/** Why a connection ended. */
export interface InProcessClose {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/**
 * A function for the SDK's `withWSFn` that connects to a host in this process: the same sessions, messages and tokens
 * as over a network, without a socket. The promise rejects with a `HostError` when the client is not let in.
 */
export function makeInProcessConnector(host: ServedHost): (request: InProcessRequest) => Promise<InProcessSocket> {
  return async (request) => {
    const { wsProtocol } = request;
    const version = tryNegotiate(typeof wsProtocol === 'string' ? [wsProtocol] : wsProtocol);
    if (version === undefined) {
      throw new HostError({
        code: 'server/bad-request',
        message: `no valid protocol selected: this host speaks ${Object.values(SUBPROTOCOLS).join(' and ')}`,
      });
    }
    const { nameOrAddress: database, authToken: token, connectionId } = request;
    const admission = await admit(host, { database, token, connectionId });
    return new InProcessSocket(admission, version, request.confirmedReads ?? true);
  };
}

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** Most bytes that a client may queue while the host is busy; what it queues is the application's own memory. */
const QUEUED_BYTES_MAX = 1024 * 1024 * 1024;

/**
 * The client's end of a connection inside this process, shaped like a WebSocket as the SDK uses it. It opens in a turn
 * after `onopen` was set. Every payload is copied on its way in either direction, and arrives in a later step than
 * the one that sent it, so neither side runs inside the other's call.
 */
export class InProcessSocket {
  readonly #admission: Admission;
  readonly #version: ProtocolVersion;
  readonly #confirmedReads: boolean;
  #readyState = CONNECTING;
  #session: ClientSession | undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #isHeld = false;
  #isDeliveryScheduled = false;
  #onopen: (() => void) | undefined;
  #onmessage: ((message: { data: Uint8Array }) => void) | undefined;
  #onclose: ((event: InProcessClose) => void) | undefined;

  constructor(admission: Admission, version: ProtocolVersion, confirmedReads: boolean) {
    this.#admission = admission;
    this.#version = version;
    this.#confirmedReads = confirmedReads;
  }

  /** The negotiated subprotocol. */
  get protocol(): string {
    return SUBPROTOCOLS[this.#version];
  }

  /** As in the web's WebSocket: 0 connecting, 1 open, 2 closing, 3 closed. */
  get readyState(): number {
    return this.#readyState;
  }

  /** Called once when the connection is open. Setting it starts the opening. */
  set onopen(handler: () => void) {
    const isFirst = this.#onopen === undefined;
    this.#onopen = handler;
    if (isFirst) systemTimers.soon(() => this.#open());
  }

  /** Called with each payload of the host: the body, without a compression tag. The bytes are the handler's own. */
  set onmessage(handler: (message: { data: Uint8Array }) => void) {
    this.#onmessage = handler;
  }

  /** Called once when the connection has ended, whoever ended it. */
  set onclose(handler: (event: InProcessClose) => void) {
    this.#onclose = handler;
  }

  /** Never called: between the two ends there is nothing that could fail. Every end comes through `onclose`. */
  set onerror(_handler: (event: { readonly message: string }) => void) {}

  /** Sends a payload to the host; it is copied. After the connection ended nothing happens, as with a WebSocket. */
  send(payload: Uint8Array): void {
    if (this.#readyState !== OPEN) return;
    this.#queue.push(payload.slice());
    this.#queuedBytes += payload.length;
    if (this.#queuedBytes > QUEUED_BYTES_MAX) this.#session?.fail(CLOSE_CODES.tryAgain, 'too many requests');
    else this.#scheduleDelivery();
  }

  /** Ends the connection. What was sent before reaches the host; answers to it may be lost. */
  close(): void {
    if (this.#readyState >= CLOSING) return;
    this.#endSoon(CLOSE_CODES.normal, '');
  }

  #open(): void {
    if (this.#readyState !== CONNECTING) return;
    const { target, caller, token } = this.#admission;
    this.#readyState = OPEN;
    const link: ClientLink = {
      send: (chunks) => this.#deliverToClient(chunks),
      bufferedBytes: 0,
      close: (code, reason) => this.#endSoon(code, reason),
      pause: () => {
        this.#isHeld = true;
      },
      resume: () => {
        this.#isHeld = false;
        this.#scheduleDelivery();
      },
    };
    const options = { caller, token, version: this.#version, confirmedReads: this.#confirmedReads };
    this.#session = target.sessions.open(link, options);
    this.#onopen?.();
  }

  #scheduleDelivery(): void {
    if (this.#isDeliveryScheduled || this.#isHeld || this.#queue.length === 0) return;
    this.#isDeliveryScheduled = true;
    queueMicrotask(() => {
      this.#isDeliveryScheduled = false;
      this.#deliverToHost();
    });
  }

  #deliverToHost(): void {
    let taken = 0;
    while (!this.#isHeld) {
      const payload = this.#queue[taken];
      if (payload === undefined) break;
      taken += 1;
      this.#queuedBytes -= payload.length;
      this.#session?.receive(payload);
    }
    this.#queue.splice(0, taken);
  }

  #deliverToClient(chunks: readonly Uint8Array[]): void {
    const data = concatChunks(chunks);
    // In a step of its own: what a handler of the application throws must not reach the host.
    queueMicrotask(() => {
      if (this.#readyState !== CLOSED) this.#onmessage?.({ data });
    });
  }

  #endSoon(code: number, reason: string): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSING;
    systemTimers.soon(() => this.#end(code, reason));
  }

  #end(code: number, reason: string): void {
    if (this.#readyState === CLOSED) return;
    this.#isHeld = false;
    this.#deliverToHost();
    this.#readyState = CLOSED;
    if (this.#session === undefined) this.#admission.target.sessions.abandon(this.#admission.caller);
    else this.#session.linkClosed();
    this.#onclose?.({ code, reason, wasClean: true });
  }
}
