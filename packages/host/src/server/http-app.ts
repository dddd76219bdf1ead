import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Clock } from '../clock/clock.ts';
import type { Credentials } from '../identity/claims.ts';
import { identityToHex, tryParseIdentity } from '../identity/identity.ts';
import { findDatabase } from '../session/admission.ts';
import type { ServedHost } from '../session/served-host.ts';
import { readToken } from './bearer-token.ts';
import type { HostPolicy } from './host-header.ts';
import { describeFailure } from './http-error.ts';

/** What the HTTP interface is answered from. */
export interface HttpAppOptions {
  readonly host: ServedHost;
  readonly policy: HostPolicy;
  readonly clock: Clock;
  /** Version of the host's package, for `GET /v1/health`. */
  readonly packageVersion: string;
}

/** What only the owner of a database may do, and this host does not do over HTTP. */
const OWNER_ROUTES: readonly (readonly [method: string, path: string, action: string])[] = [
  ['PUT', '', 'publish'],
  ['DELETE', '', 'delete'],
  ['POST', '/pre_publish', 'publish'],
  ['PUT', '/reset', 'reset'],
  ['POST', '/lock', 'lock'],
  ['POST', '/unlock', 'unlock'],
  ['POST', '/names', 'rename'],
  ['PUT', '/names', 'rename'],
  ['GET', '/logs', 'read the logs'],
  ['POST', '/sql', 'run SQL'],
];

/** What anybody may ask for, and this host does not answer over HTTP. */
const PUBLIC_ROUTES: readonly (readonly [method: string, path: string])[] = [
  ['POST', '/call/:function'],
  ['GET', '/schema'],
  ['GET', '/names'],
  ['GET', '/unstable/timestamp'],
];

/**
 * The HTTP interface under `/v1`. Nothing is allowed because of where a request comes from: what changes a host asks
 * for a token of the owner, and a token that the host gives to anybody is not one.
 */
export function makeHttpApp(options: HttpAppOptions): Hono {
  const { host } = options;
  const app = new Hono();
  app.onError((error, context) => fail(context, error, options));
  app.notFound((context) => context.text('not found', 404));
  app.use(checkHostHeader(options.policy));
  app.use(
    '/v1/*',
    cors({
      origin: '*',
      allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH'],
      allowHeaders: ['authorization', 'accept', 'content-type'],
    }),
  );
  addGeneralRoutes(app, options);
  addIdentityRoutes(app, host);
  addDatabaseRoutes(app, host);
  return app;
}

function addGeneralRoutes(app: Hono, { host, packageVersion }: HttpAppOptions): void {
  app.get('/v1/ping', async (context) => {
    await tryAuthenticate(context, host);
    return context.body(null, 200);
  });
  app.get('/v1/health', (context) =>
    context.json({
      package_name: '@inner-universe/host',
      version: packageVersion,
      nodes: ['local'],
      schedulable: true,
    }),
  );
}

function addIdentityRoutes(app: Hono, host: ServedHost): void {
  app.use('/v1/identity/*', async (context, next) => {
    await next();
    // Tokens must not stay in caches on the way.
    context.header('cache-control', 'no-store');
  });
  app.post('/v1/identity', async (context) => {
    const { identity, token } = await host.tokens.issue();
    return context.json({ identity: identityToHex(identity), token });
  });
  app.post('/v1/identity/websocket-token', async (context) => {
    const token = requestToken(context);
    if (token === undefined) return context.text('Authorization required', 401);
    const credentials = await host.tokens.verify(token);
    return context.json({ token: await host.tokens.exchange({ credentials, token }) });
  });
  app.get('/v1/identity/public-key', (context) =>
    context.body(host.tokens.publicPem, 200, { 'content-type': 'application/pem-certificate-chain' }),
  );
  app.get('/v1/identity/:identity/verify', async (context) => {
    const credentials = await tryAuthenticate(context, host);
    if (credentials === undefined) return context.text('Authorization required', 401);
    const claimed = tryParseIdentity(context.req.param('identity'));
    return claimed === credentials.identity ? context.body(null, 204) : context.text('another identity', 400);
  });
}

function addDatabaseRoutes(app: Hono, host: ServedHost): void {
  app.get('/v1/database/:name', async (context) => {
    await tryAuthenticate(context, host);
    const { database, programHash } = findDatabase(host, context.req.param('name'));
    return context.json({
      database_identity: { __identity__: `0x${identityToHex(database.identity)}` },
      owner_identity: { __identity__: `0x${identityToHex(database.owner)}` },
      host_type: { Js: [] },
      initial_program: `0x${programHash}`,
    });
  });
  app.get('/v1/database/:name/identity', async (context) => {
    await tryAuthenticate(context, host);
    return context.text(identityToHex(findDatabase(host, context.req.param('name')).database.identity));
  });
  app.get('/v1/database/:name/subscribe', (context) => {
    context.header('upgrade', 'websocket');
    return context.text('a WebSocket upgrade is expected', 426);
  });
  addUnsupportedRoutes(app, host);
  addModuleRoutes(app, host);
}

function addUnsupportedRoutes(app: Hono, host: ServedHost): void {
  app.post('/v1/database', async (context) => {
    const credentials = await tryAuthenticate(context, host);
    if (credentials === undefined) return context.text('Authorization required', 401);
    return forbidden(context, credentials, 'create a database');
  });
  for (const [method, path, action] of OWNER_ROUTES) {
    app.on(method, `/v1/database/:name${path}`, async (context) => {
      const credentials = await tryAuthenticate(context, host);
      if (credentials === undefined) return context.text('Authorization required', 401);
      const target = host.findDatabase(context.req.param('name') ?? '');
      // Whether a database of that name exists is none of a stranger's business here: the answer is the same.
      if (target?.database.owner !== credentials.identity) return forbidden(context, credentials, action);
      return unsupported(context);
    });
  }
  for (const [method, path] of PUBLIC_ROUTES) {
    app.on(method, `/v1/database/:name${path}`, async (context) => {
      await tryAuthenticate(context, host);
      findDatabase(host, context.req.param('name') ?? '');
      return unsupported(context);
    });
  }
}

/** The paths that a module's own HTTP handlers would answer: no credential is looked at, the handlers would do that. */
function addModuleRoutes(app: Hono, host: ServedHost): void {
  for (const path of ['/v1/database/:name/route', '/v1/database/:name/route/*']) {
    app.all(path, (context) => {
      findDatabase(host, context.req.param('name') ?? '');
      return unsupported(context);
    });
  }
}

function forbidden(context: Context, credentials: Credentials, action: string): Response {
  return context.text(`${identityToHex(credentials.identity)} is not authorized to ${action}`, 403);
}

function unsupported(context: Context): Response {
  return context.text('not supported by the embedded host', 501);
}

function checkHostHeader(policy: HostPolicy): MiddlewareHandler {
  return async (context, next) => {
    policy.check(context.req.header('host'));
    await next();
  };
}

/** Who a request comes from; undefined without a credential. @throws {HostError} for a credential that is bad. */
async function tryAuthenticate(context: Context, host: ServedHost): Promise<Credentials | undefined> {
  const token = requestToken(context);
  return token === undefined ? undefined : host.tokens.verify(token);
}

function requestToken(context: Context): string | undefined {
  return readToken(context.req.header('authorization'), new URL(context.req.url).searchParams);
}

function fail(context: Context, error: Error, { host, clock }: HttpAppOptions): Response {
  const { status, text } = describeFailure(error);
  if (status === 500) {
    host.logger.log({
      level: 'error',
      message: `a request failed: ${error.message}`,
      timestampMicros: clock.nowMicros(),
      source: 'host',
      details: { path: context.req.path, error },
    });
  }
  // The table of statuses holds such that carry a text.
  return context.text(text, status as ContentfulStatusCode);
}
