/*
 * What connections to a server are made with: WebSockets and requests that can be called off together.
 */
import { NervPersistenceError } from '../errors.ts';

/** How a server is known to be the right one. */
export interface TlsOptions {
  /** Certificates, PEM, of who vouches for the server, in place of the system's. In Node only. */
  readonly ca: string | readonly string[];
}

/** What is used of a WebSocket. */
export interface WebSocketLike {
  readonly protocol: string;
  readonly readyState: number;
  binaryType: string;
  send(data: Uint8Array): void;
  close(): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

/** One request. */
export interface RequestInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  readonly body?: string;
  readonly redirect?: 'error';
}

/** What was answered. */
export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array> | null;
  json(): Promise<unknown>;
  text(): Promise<string>;
}

/** What one connection is made with; `destroy` ends all it has open, at once. */
export interface Transport {
  fetch(url: URL, init: RequestInit): Promise<Answer>;
  openWebSocket(url: URL, protocols: string[]): WebSocketLike;
  destroy(): void;
}

/**
 * In Node over connections that can be cut; elsewhere the platform's own, which is closed by the page's end at the latest.
 * @throws {NervPersistenceError} `config/invalid` for `tls` where the platform alone decides whom to trust
 */
export async function makeTransport(tls?: TlsOptions): Promise<Transport> {
  const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  if (isNode) {
    const { makeNodeTransport } = await import('./node-transport.ts');
    return makeNodeTransport(tls);
  }
  if (tls === undefined) return makeWebTransport();
  throw new NervPersistenceError(
    'config/invalid',
    'tls: here it is the platform that decides which servers to trust. Leave tls away, and add the certificate there.',
  );
}

function makeWebTransport(): Transport {
  const ending = new AbortController();
  let socket: WebSocket | undefined;
  return {
    fetch: async (url, { signal, ...init }) => {
      const answer = await fetch(url, { ...init, signal: AbortSignal.any([signal, ending.signal]) });
      // The types of the web do not say yet that a body's stream can be iterated.
      return answer as unknown as Answer;
    },
    openWebSocket: (url, protocols) => (socket = new WebSocket(url, protocols)),
    destroy: () => {
      ending.abort();
      socket?.close();
    },
  };
}
