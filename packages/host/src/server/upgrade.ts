import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Clock, Timers } from '../clock/clock.ts';
import { HostError } from '../errors.ts';
import { SUBPROTOCOLS, tryNegotiate, type ProtocolVersion } from '../protocol/payload.ts';
import { admit, findDatabase, type Admission } from '../session/admission.ts';
import type { ServerMetrics } from '../metrics/server-metrics.ts';
import type { ClientSession, ServedHost } from '../session/served-host.ts';
import { CLOSE_CODES } from '../session/close-codes.ts';
import { DEFAULT_SESSION_LIMITS } from '../session/session-limits.ts';
import { readToken } from './bearer-token.ts';
import type { HostPolicy } from './host-header.ts';
import { describeFailure } from './http-error.ts';
import { KeepAlive } from './keep-alive.ts';
import { whenExpired } from './token-expiry.ts';
import { WebSocketLink } from './web-socket-link.ts';

/** What upgrades are answered from. */
export interface UpgradeOptions {
  readonly host: ServedHost;
  readonly metrics: ServerMetrics;
  readonly policy: HostPolicy;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Whether connections end with the tokens that they were made with. */
  readonly endsExpired: boolean;
}

interface SubscribeRequest {
  readonly database: string;
  readonly version: ProtocolVersion;
  readonly confirmedReads: boolean;
  readonly token: string | undefined;
  readonly connectionId: string | undefined;
}

/**
 * Turns HTTP upgrades on `/v1/database/:name/subscribe` into sessions. The module is asked before the upgrade is
 * answered, so a client that is refused reads why: 403 and the module's text.
 */
export class UpgradeHandler {
  readonly #options: UpgradeOptions;
  readonly #keepAlive: KeepAlive;
  readonly #sockets: WebSocketServer;
  readonly #sessions = new Map<ClientSession, Admission>();
  #isClosed = false;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#keepAlive = new KeepAlive(options.clock, options.timers);
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      // The link answers pings itself, at a rate at which the client reads.
      autoPong: false,
      maxPayload: DEFAULT_SESSION_LIMITS.inboundPayloadBytesMax,
      handleProtocols: (offered) => {
        const version = tryNegotiate(offered);
        return version === undefined ? false : SUBPROTOCOLS[version];
      },
    });
  }

  /** Answers one upgrade request. Never throws and never rejects. */
  async handle(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Until the handshake is over nobody else listens: a peer that resets the connection must not end the process.
    const ignoreReset = (): void => void socket.destroy();
    socket.on('error', ignoreReset);
    try {
      if (this.#isClosed) throw new HostError({ code: 'server/closed', message: 'the server is shutting down' });
      this.#options.policy.check(request.headers.host);
      const parsed = parseUpgrade(request);
      findDatabase(this.#options.host, parsed.database);
      const admission = await admit(this.#options.host, parsed);
      if (this.#isClosed) {
        admission.target.sessions.abandon(admission.caller);
        throw new HostError({ code: 'server/closed', message: 'the server is shutting down' });
      }
      socket.off('error', ignoreReset);
      this.#complete({ request, socket, head }, admission, parsed);
    } catch (error) {
      this.#logFailure(error);
      refuse(socket, error);
    }
  }

  /** Ends the sessions of this server the orderly way, see `SessionHub.finish`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const byHub = new Map<Admission['target']['sessions'], ClientSession[]>();
    for (const [session, { target }] of this.#sessions) {
      byHub.set(target.sessions, [...(byHub.get(target.sessions) ?? []), session]);
    }
    await Promise.all([...byHub].map(([hub, sessions]) => hub.finish(sessions)));
    this.#keepAlive.close();
  }

  #complete(upgrade: Upgrade, admission: Admission, parsed: SubscribeRequest): void {
    let isOpen = false;
    // It calls back at once, or not at all when the peer is gone or the handshake is bad.
    this.#sockets.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (socket) => {
      isOpen = true;
      this.#open(socket, admission, parsed);
    });
    if (!isOpen) admission.target.sessions.abandon(admission.caller);
  }

  #open(socket: WebSocket, admission: Admission, parsed: SubscribeRequest): void {
    const { target, caller, token } = admission;
    const link = new WebSocketLink(socket);
    const { version, confirmedReads } = parsed;
    const session = target.sessions.open(link, { caller, token, version, confirmedReads });
    this.#sessions.set(session, admission);
    this.#keepAlive.add(link);
    const { metrics } = this.#options;
    metrics.webSocketOpened();
    const stopWaiting = this.#endWhenExpired(session, admission);
    link.attach(session, () => {
      stopWaiting();
      metrics.webSocketClosed();
      if (link.isTimedOut) metrics.idleTimedOut(target.database.identity);
      this.#sessions.delete(session);
      this.#keepAlive.remove(link);
    });
  }

  #endWhenExpired(session: ClientSession, { lastsUntilSeconds }: Admission): () => void {
    const { host, timers, endsExpired } = this.#options;
    if (!endsExpired || lastsUntilSeconds === undefined) return () => undefined;
    // By the clock by which it was verified.
    return whenExpired({ leftMs: () => host.tokens.millisUntil(lastsUntilSeconds), timers }, () => {
      session.log('info', 'client dropped: its token has expired');
      session.fail(CLOSE_CODES.expired, 'the token has expired: connect again with another one');
    });
  }

  #logFailure(error: unknown): void {
    const { status, text } = describeFailure(error);
    const { host, clock, metrics } = this.#options;
    metrics.upgradeRefused(status);
    host.logger.log({
      level: status === 500 ? 'error' : 'debug',
      message: `connection refused with ${status}: ${text}`,
      timestampMicros: clock.nowMicros(),
      source: 'host',
      // The error of a refusal says all in its message; that of a bug is needed whole.
      details: status === 500 ? { error } : {},
    });
  }
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

function parseUpgrade(request: IncomingMessage): SubscribeRequest {
  const url = parseUrl(request.url ?? '/');
  const encodedName = /^\/v1\/database\/([^/]+)\/subscribe$/.exec(url.pathname)?.[1];
  if (encodedName === undefined) {
    throw new HostError({ code: 'host/database-not-found', message: 'no WebSocket is served at this path' });
  }
  checkHandshake(request);
  const version = tryNegotiate((request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim()));
  if (version === undefined) throw badRequest('no valid protocol selected');
  return {
    database: decodeName(encodedName),
    version,
    confirmedReads: parseConfirmed(url.searchParams.get('confirmed')),
    token: readToken(request.headers.authorization, url.searchParams),
    connectionId: url.searchParams.get('connection_id') ?? undefined,
  };
}

function parseUrl(target: string): URL {
  try {
    return new URL(target, 'http://host');
  } catch {
    throw badRequest('the request target is malformed');
  }
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw badRequest('the name of the database is malformed');
  }
}

/** What `ws` would refuse is refused before the module is told of a client. */
function checkHandshake(request: IncomingMessage): void {
  const { headers } = request;
  if (request.method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') {
    throw badRequest('a GET request with Upgrade: websocket is expected');
  }
  if (headers['sec-websocket-version'] !== '13') throw badRequest('Sec-WebSocket-Version: 13 is expected');
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) {
    throw badRequest('the Sec-WebSocket-Key header is malformed');
  }
}

function parseConfirmed(value: string | null): boolean {
  if (value === null || value === 'true') return true;
  if (value === 'false') return false;
  throw badRequest('confirmed must be true or false');
}

function badRequest(message: string): HostError {
  return new HostError({ code: 'server/bad-request', message });
}

function refuse(socket: Duplex, error: unknown): void {
  const { status, text } = describeFailure(error);
  const body = Buffer.from(text);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    'Sec-WebSocket-Version: 13',
    `Content-Length: ${body.length}`,
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]), () => socket.destroy());
}
