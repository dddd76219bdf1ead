import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { systemClock, systemTimers } from '../clock/system-clock.ts';
import { errorMessage, HostError } from '../errors.ts';
import { ExternalAddress } from './external-address.ts';
import { removeHostFile, writeHostFile } from './host-file.ts';
import { bracketed, HostPolicy } from './host-header.ts';
import { makeHttpApp } from './http-app.ts';
import type { MetricFamily } from '../metrics/metric-family.ts';
import type { ManagedHost } from './managed-host.ts';
import { answerWithoutUpgrade, asksForWebSocket } from './other-upgrade.ts';
import { Publishers } from './publishers.ts';
import { Readiness } from './readiness.ts';
import type { MetricsAccess } from './routes/metrics-routes.ts';
import { UpgradeHandler } from './upgrade.ts';
import { UploadGate } from './upload-gate.ts';

/** Most connections at once, idle ones included, where nothing else is configured. */
const CONNECTIONS_MAX = 16_384;

/** How long a client may take to send the head of a request, and the whole of it. */
const HEAD_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;

/** How long clients may take to answer the close frame when the server shuts down. */
const SHUTDOWN_TIMEOUT_MS = 500;

/** Where and how to listen. */
export interface ServeOptions {
  /** Address or name to bind, such as `127.0.0.1` (this machine only) or `0.0.0.0`. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Certificate chain and private key, PEM; absent: no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Further values of the `Host` header to answer to, for a server behind a reverse proxy. */
  readonly allowedHosts?: readonly string[] | undefined;
  /**
   * Addresses, or ranges of them, of the reverse proxies whose `X-Forwarded-Proto` and `X-Forwarded-Host` are believed:
   * what the handlers of modules are told as the address that was asked for. Default: none.
   */
  readonly trustedProxies?: readonly string[] | undefined;
  /**
   * Identities that may create databases here, beside the host's owner. To be chosen with care: whoever publishes a
   * module owns this machine. Default: none.
   */
  readonly publishers?: readonly bigint[] | undefined;
  /** Largest module that is taken in, in bytes. Default 32 MiB. */
  readonly bundleBytesMax?: number | undefined;
  /** Most connections at once, idle ones included; further ones are closed as they come. Default 16,384. */
  readonly connectionsMax?: number | undefined;
  /**
   * Who may read `GET /metrics` and `GET /v1/metrics`: `owner`, with the token of the host's owner, `public`, anybody
   * who reaches the port, or nobody with `off`. They name every database, table and function, and tell how much goes on.
   * Default `owner`.
   */
  readonly metrics?: MetricsAccess | undefined;
  /** What the application has measured itself, under names of its own: told there as well. Asked anew each time. */
  readonly moreMetrics?: (() => readonly MetricFamily[]) | undefined;
  /**
   * For how long `GET /ready` says no before the port is freed, in milliseconds: so long who balances load has to notice.
   * Default 0.
   */
  readonly drainMs?: number | undefined;
  /** A connection on which no whole head of a request came within this time is closed. Default 10 seconds. */
  readonly headTimeoutMs?: number | undefined;
  /**
   * What becomes of a connection whose token expires while it is open: `end` closes it with 1008, so that its client has
   * to come with another token; `keep` keeps it, as SpacetimeDB does. Default `end`.
   */
  readonly expiredTokens?: 'end' | 'keep' | undefined;
}

/** A server that listens. */
export interface RunningServer {
  /** Base address for clients on this machine, such as `http://127.0.0.1:3000`. */
  readonly address: string;
  readonly port: number;
  /**
   * Says that it is not ready, and after `drainMs` takes no more connections, sends clients what became durable, closes theirs with 1001 and frees the port. The
   * databases stay open. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Serves a host's databases over HTTP and WebSocket. With a data directory, `host.json` there names the address until
 * the server closes.
 * @throws {HostError} `server/address-in-use` when something else listens there, `server/listen-failed` otherwise.
 */
export async function serveHost(host: ManagedHost, options: ServeOptions): Promise<RunningServer> {
  const policy = new HostPolicy(options.host, options.allowedHosts);
  const clock = systemClock;
  const readiness = new Readiness({ databases: () => host.databases, timers: systemTimers });
  const app = makeHttpApp({
    host,
    policy,
    clock,
    packageVersion: await readPackageVersion(),
    publishers: new Publishers(host.owner, options.publishers),
    metricsAccess: options.metrics ?? 'owner',
    moreMetrics: options.moreMetrics ?? (() => []),
    readiness,
    uploads: new UploadGate(options.bundleBytesMax),
    externalAddress: new ExternalAddress(options.trustedProxies),
  });
  const upgrades = new UpgradeHandler({
    host,
    metrics: host.serverMetrics,
    policy,
    clock,
    timers: systemTimers,
    endsExpired: options.expiredTokens !== 'keep',
  });
  const server = createHttpServer(options, getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (asksForWebSocket(request)) void upgrades.handle(request, socket, head);
    else answerWithoutUpgrade(server, { request, socket, head });
  });
  await listen(server, options);
  server.on('error', (error) => {
    // Such as too many open files while accepting: connections there are go on.
    const message = `the server reports: ${error.message}`;
    host.logger.log({ level: 'error', message, timestampMicros: clock.nowMicros(), source: 'host' });
  });
  const port = boundPort(server);
  const address = `${options.tls === undefined ? 'http' : 'https'}://${localName(options.host)}:${port}`;
  const { dataDirectory } = host;
  if (dataDirectory !== undefined) await announce(host, dataDirectory, address);
  const close = async (): Promise<void> => {
    readiness.drain();
    await pause(options.drainMs ?? 0);
    await closeServer(server, upgrades, dataDirectory);
  };
  let closing: Promise<void> | undefined;
  return { address, port, close: () => (closing ??= close()) };
}

/**
 * Leaves the address in the data directory. Where that cannot be written, as on a full disk, serving goes on without:
 * who finds the directory in use is told the address by the lock.
 */
async function announce(host: ManagedHost, dataDirectory: string, address: string): Promise<void> {
  try {
    await writeHostFile(dataDirectory, { address, pid: process.pid, startedAt: new Date().toISOString() });
  } catch (error) {
    const message = `the address could not be written to ${dataDirectory}/host.json: ${errorMessage(error)}`;
    host.logger.log({ level: 'warn', message, timestampMicros: systemClock.nowMicros(), source: 'host' });
  }
}

function createHttpServer(options: ServeOptions, listener: ReturnType<typeof getRequestListener>): Server {
  const headTimeoutMs = options.headTimeoutMs ?? HEAD_TIMEOUT_MS;
  const settings = {
    headersTimeout: headTimeoutMs,
    requestTimeout: Math.max(REQUEST_TIMEOUT_MS, headTimeoutMs),
    // How late a connection may be found to be over its time.
    connectionsCheckingInterval: Math.max(10, Math.min(1_000, headTimeoutMs / 2)),
    // From Node 24.9 on, which keeps the body of an upgrade to itself; older ones hand every offer to `upgrade`.
    shouldUpgradeCallback: asksForWebSocket,
  };
  const server =
    options.tls === undefined
      ? createServer(settings, listener)
      : createTlsServer({ ...settings, ...options.tls, handshakeTimeout: headTimeoutMs }, listener);
  server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX;
  return server;
}

async function listen(server: Server, options: ServeOptions): Promise<void> {
  const { host, port } = options;
  try {
    const listening = once(server, 'listening');
    server.listen({ host, port, exclusive: true });
    await listening;
  } catch (error) {
    const details = { host, port };
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new HostError({
        code: 'server/address-in-use',
        message: `port ${port} on ${host} is taken: stop what listens there, or choose another port (0 takes a free one)`,
        details,
        cause: error,
      });
    }
    throw new HostError({
      code: 'server/listen-failed',
      message: `cannot listen on ${host}, port ${port}: ${errorMessage(error)}`,
      details,
      cause: error,
    });
  }
}

async function pause(delayMs: number): Promise<void> {
  if (delayMs > 0) await new Promise<void>((resolve) => systemTimers.after(delayMs, resolve));
}

async function closeServer(server: Server, upgrades: UpgradeHandler, dataDirectory: string | undefined): Promise<void> {
  if (dataDirectory !== undefined) await removeHostFile(dataDirectory);
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  await upgrades.close();
  // Upgraded sockets count as connections until their close handshake is over; requests in flight get as long.
  const timer = setTimeout(() => server.closeAllConnections(), SHUTDOWN_TIMEOUT_MS);
  await closed;
  clearTimeout(timer);
}

function boundPort(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new HostError({ code: 'server/listen-failed', message: 'the server listens on no port' });
  }
  return address.port;
}

/** The name under which this machine reaches a server: a wildcard address is not one to connect to. */
function localName(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '[::1]' : bracketed(host);
}

async function readPackageVersion(): Promise<string> {
  // Two folders up from here lies the package, in `src` and in `dist` alike.
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}
