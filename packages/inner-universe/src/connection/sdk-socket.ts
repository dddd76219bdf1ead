/** A socket as the SDK uses one: a WebSocket whose messages are bytes without a compression tag. */
export interface SdkSocket {
  /** The negotiated subprotocol. */
  readonly protocol: string;
  /** As in the web's WebSocket: 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState?: number | undefined;
  send(message: Uint8Array): void;
  close(): void;
  set onopen(handler: () => void);
  set onmessage(handler: (message: { readonly data: Uint8Array }) => void);
  set onclose(handler: (event: SocketEnd) => void);
  set onerror(handler: (event: { readonly message: string }) => void);
}

/** How a socket ended, as far as is known. */
export interface SocketEnd {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** What a socket is opened for. */
export interface SocketRequest {
  readonly url: URL;
  readonly database: string;
  readonly token: string | undefined;
  /** Subprotocols, the preferred one first. */
  readonly protocols: string[];
}

/**
 * Opens a socket; the signal aborts when the connection is no longer wanted. What it throws as a `ConnectionError` is
 * what the caller is told.
 */
export type OpenSocket = (request: SocketRequest, signal: AbortSignal) => Promise<SdkSocket>;

/** How the fault of a message that could not be read begins. */
export const MISFIT = 'A message did not fit the bindings of this client';

/**
 * A socket between the SDK and the one below. Invariants:
 * - what the SDK throws at a message ends this connection, not the process: its state is unknown from then on;
 * - it ends once, and after `abandon` at once, whatever the socket below still does.
 */
export class GuardedSocket implements SdkSocket {
  readonly #inner: SdkSocket;
  #onclose: ((event: SocketEnd) => void) | undefined;
  #fault: Error | undefined;
  #ended = false;
  #heard = 0;

  constructor(inner: SdkSocket) {
    this.#inner = inner;
  }

  /** Messages that have come so far. */
  get heard(): number {
    return this.#heard;
  }

  /** Why this end gave the connection up; undefined where the other end closed it, or `close` was called. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  get protocol(): string {
    return this.#inner.protocol;
  }

  get readyState(): number | undefined {
    return this.#ended ? 3 : this.#inner.readyState;
  }

  set onopen(handler: () => void) {
    this.#inner.onopen = handler;
  }

  set onmessage(handler: (message: { readonly data: Uint8Array }) => void) {
    this.#inner.onmessage = (message) => {
      if (this.#ended) return;
      this.#heard += 1;
      try {
        handler(message);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.abandon(new Error(`${MISFIT}: ${reason}`, { cause: error }));
      }
    };
  }

  set onclose(handler: (event: SocketEnd) => void) {
    this.#onclose = handler;
    this.#inner.onclose = (event) => this.#end(event);
  }

  set onerror(handler: (event: { readonly message: string }) => void) {
    this.#inner.onerror = (event) => {
      if (!this.#ended) handler(event);
    };
  }

  send(message: Uint8Array): void {
    if (!this.#ended) this.#inner.send(message);
  }

  close(): void {
    this.#inner.close();
  }

  /** Ends the connection without waiting for the other side. */
  abandon(fault: Error): void {
    if (this.#ended) return;
    this.#fault = fault;
    this.#inner.close();
    this.#end({ code: 1006, reason: fault.message, wasClean: false });
  }

  #end(event: SocketEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onclose?.(event);
  }
}

/** A socket that could not be opened: it tells its error to whoever listens, and does nothing else. */
export class FailedSocket implements SdkSocket {
  readonly protocol = '';
  readonly readyState = 3;
  readonly #error: Error;

  constructor(error: Error) {
    this.#error = error;
  }

  set onopen(_handler: () => void) {}

  set onmessage(_handler: (message: { readonly data: Uint8Array }) => void) {}

  set onclose(_handler: (event: SocketEnd) => void) {}

  set onerror(handler: (event: { readonly message: string }) => void) {
    // In a later step, as with any socket: the rest of the handlers is set first.
    queueMicrotask(() => handler(this.#error));
  }

  send(_message: Uint8Array): void {}

  close(): void {}
}
