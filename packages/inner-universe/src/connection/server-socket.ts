/*
 * A WebSocket to a server, as the SDK would open it, with what it leaves out:
 * - it can be called off at any moment, also while its token is being exchanged;
 * - closing never waits longer than `CLOSE_TIMEOUT_MS` for the other side;
 * - a peer that vanished without a word is noticed by the system's keep-alive.
 */
import { ConnectionError } from '../errors.ts';
import type { SdkSocket, SocketEnd, SocketRequest } from './sdk-socket.ts';
import { makeTransport, type Answer, type TlsOptions, type Transport, type WebSocketLike } from './server-transport.ts';

const CLOSE_TIMEOUT_MS = 2_000;
/** How a token that a server does not know is answered. */
const UNAUTHORIZED: ReadonlySet<number> = new Set([400, 401, 403]);
/** Tags a message that is not compressed, which is all that was asked for. */
const UNCOMPRESSED = 0;

/**
 * Opens a socket to a server, with a short-lived token exchanged for the lasting one.
 * @throws {ConnectionError} `connection/unreachable`, `connection/unauthorized`
 */
export async function openServerSocket(
  request: SocketRequest,
  signal: AbortSignal,
  tls?: TlsOptions,
): Promise<SdkSocket> {
  const transport = await makeTransport(tls);
  try {
    const url = new URL(`v1/database/${encodeURIComponent(request.database)}/subscribe`, request.url);
    if (request.token !== undefined) url.searchParams.set('token', await exchangeToken(transport, request, signal));
    for (const [name, value] of request.url.searchParams) url.searchParams.set(name, value);
    url.searchParams.set('compression', 'None');
    url.searchParams.set('confirmed', 'true');
    signal.throwIfAborted();
    return new ServerSocket(transport, transport.openWebSocket(url, request.protocols), signal);
  } catch (error) {
    transport.destroy();
    throw error;
  }
}

async function exchangeToken(
  transport: Transport,
  { url, token }: SocketRequest,
  signal: AbortSignal,
): Promise<string> {
  const endpoint = new URL('v1/identity/websocket-token', url);
  endpoint.protocol = url.protocol === 'wss:' || url.protocol === 'https:' ? 'https:' : 'http:';
  const init = { method: 'POST', headers: { authorization: `Bearer ${token}` }, signal };
  let answer: Answer;
  try {
    answer = await transport.fetch(endpoint, init);
  } catch (cause) {
    signal.throwIfAborted();
    throw makeUnreachable(url, describe(cause), cause);
  }
  if (!answer.ok) {
    const text = (await answer.text()).slice(0, 200);
    if (!UNAUTHORIZED.has(answer.status)) throw makeUnreachable(url, `it answered ${answer.status} ${text}`);
    throw new ConnectionError(
      'connection/unauthorized',
      `${url.origin} does not accept the token: ${text.replace(/\.+$/, '')}. Use a token of that server; its owner\u2019s is in DIR/credentials/owner.token.`,
      { details: { url: url.origin, status: answer.status } },
    );
  }
  const { token: exchanged } = (await answer.json()) as { token?: unknown };
  if (typeof exchanged === 'string') return exchanged;
  throw makeUnreachable(url, 'it gave no token: it is no SpacetimeDB server');
}

function makeUnreachable(url: URL, reason: string, cause?: unknown): ConnectionError {
  return new ConnectionError('connection/unreachable', `No connection to ${url.origin}: ${reason}.`, {
    details: { url: url.origin },
    cause,
    retryable: true,
  });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // What `fetch` throws says only that it failed; its cause says why.
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

class ServerSocket implements SdkSocket {
  readonly #transport: Transport;
  readonly #socket: WebSocketLike;
  readonly #signal: AbortSignal;
  readonly #terminate = (): void => this.#end({ code: 1006, reason: 'given up', wasClean: false });
  #onclose: ((event: SocketEnd) => void) | undefined;
  #onerror: ((event: { readonly message: string }) => void) | undefined;
  /** What went wrong before anybody listened. */
  #earlyError: { readonly message: string } | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(transport: Transport, socket: WebSocketLike, signal: AbortSignal) {
    this.#transport = transport;
    this.#socket = socket;
    this.#signal = signal;
    socket.binaryType = 'arraybuffer';
    socket.onclose = (event: SocketEnd): void => this.#end(event);
    socket.onerror = (event: { message?: string; error?: unknown }): void => {
      const message = event.message || describe(event.error ?? 'the WebSocket failed');
      if (this.#onerror === undefined) this.#earlyError = { message };
      else if (!this.#ended) this.#onerror({ message });
    };
    signal.addEventListener('abort', this.#terminate, { once: true });
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  get readyState(): number {
    return this.#ended ? 3 : this.#socket.readyState;
  }

  set onopen(handler: () => void) {
    this.#socket.onopen = handler;
  }

  set onmessage(handler: (message: { readonly data: Uint8Array }) => void) {
    this.#socket.onmessage = ({ data }: { data: ArrayBuffer }): void => {
      if (this.#ended) return;
      const bytes = new Uint8Array(data);
      if (bytes[0] === UNCOMPRESSED) handler({ data: bytes.subarray(1) });
      else this.#end({ code: 1002, reason: `a message came compressed (${bytes[0]}), unasked`, wasClean: false });
    };
  }

  set onclose(handler: (event: SocketEnd) => void) {
    this.#onclose = handler;
    if (this.#ended) queueMicrotask(() => handler({ code: 1006, reason: 'it failed at once', wasClean: false }));
  }

  set onerror(handler: (event: { readonly message: string }) => void) {
    this.#onerror = handler;
    const early = this.#earlyError;
    if (early !== undefined) queueMicrotask(() => handler(early));
  }

  send(message: Uint8Array): void {
    if (!this.#ended) this.#socket.send(message);
  }

  close(): void {
    if (this.#ended) return;
    this.#socket.close();
    this.#closeTimer ??= setTimeout(this.#terminate, CLOSE_TIMEOUT_MS);
  }

  #end(event: SocketEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#closeTimer);
    this.#signal.removeEventListener('abort', this.#terminate);
    this.#transport.destroy();
    this.#onclose?.(event);
  }
}
