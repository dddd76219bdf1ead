import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context, Hono } from 'hono';
import { onceWritable } from '../../database/once-writable.ts';
import { withoutConnectionHeaders } from '../../module-http/connection-headers.ts';
import type { HandlerRequest, HandlerResponse } from '../../module-http/handler-call.ts';
import { type HttpHeader, toHttpVersion } from '../../module-http/http-message.ts';
import { findRoute, hasOwnRoute } from '../../module-http/routes.ts';
import { findDatabase } from '../../session/admission.ts';
import type { DatabasePort } from '../../session/served-host.ts';
import { readBody } from '../body.ts';
import { whenReadDurable } from '../temporary-client.ts';
import type { RouteContext } from './route-context.ts';

const NO_ROUTE = 'Database has not registered a handler for this route';
const FAILED = 'The HTTP handler failed; the log of the database says why.';

const ALLOW_ORIGIN = 'access-control-allow-origin';

/** What pages of other origins may send where the module does not say so itself: as to the rest of the interface. */
const ALLOWED_METHODS = 'GET,HEAD,POST,PUT,DELETE,PATCH';
const ALLOWED_HEADERS = 'authorization,accept,content-type';

const ROUTE_PATH = /^\/v1\/database\/[^/]+\/route(?<path>(?:\/.*)?)$/s;

/**
 * `/v1/database/:name/route/...`: the HTTP handlers of a module. Nobody is authenticated: the handler gets the headers
 * and decides. The answer is sent when what it tells of is durable.
 *
 * What pages of other origins may do the module says, by a route for OPTIONS and by its headers; where it says nothing
 * they may ask and read, without credentials, as with the rest of the interface. To be added before its CORS.
 */
export function addModuleRoutes(app: Hono, route: RouteContext): void {
  app.all('/v1/database/:name/route/*', async (context) => {
    // The errors of the host are to be read by pages, too; what a module answers is sent without this.
    context.header(ALLOW_ORIGIN, '*');
    const { database } = findDatabase(route.host, context.req.param('name'));
    const { method } = context.req;
    const path = ROUTE_PATH.exec(context.req.path)?.groups?.['path'] ?? '';
    if (isPreflight(context) && !hasOwnRoute(database.def, 'OPTIONS', path)) return answerPreflight(context);
    // Who asks for nothing that is there is told before the body is read.
    if (findRoute(database.def, { method, path }) === undefined) return context.text(NO_ROUTE, 404);
    return answerRequest(context, database, await readRequest(context, route, path));
  });
}

function isPreflight(context: Context): boolean {
  const { req } = context;
  return (
    req.method === 'OPTIONS' &&
    req.header('origin') !== undefined &&
    req.header('access-control-request-method') !== undefined
  );
}

function answerPreflight(context: Context): Response {
  context.header('access-control-allow-methods', ALLOWED_METHODS);
  context.header('access-control-allow-headers', ALLOWED_HEADERS);
  return context.body(null, 204);
}

async function answerRequest(context: Context, database: DatabasePort, request: HandlerRequest): Promise<Response> {
  const { outcome, offset } = await onceWritable(database, () => database.callHttpHandler(request));
  if (offset !== undefined) await database.whenDurable(offset);
  await whenReadDurable(database);
  switch (outcome.type) {
    case 'responded':
      sendResponse(bindingsOf(context).outgoing, outcome.response);
      return new Response(null, { status: outcome.response.status, headers: RESPONSE_ALREADY_SENT.headers });
    case 'no-route':
      // Another program took over meanwhile.
      return context.text(NO_ROUTE, 404);
    case 'failed':
      return context.text(FAILED, 500);
  }
}

async function readRequest(context: Context, { externalAddress }: RouteContext, path: string): Promise<HandlerRequest> {
  const { incoming } = bindingsOf(context);
  const { pathname, search } = new URL(context.req.url);
  // As it came, where it came as a path; a proxy's form is the whole URL.
  const target = incoming.url?.startsWith('/') === true ? incoming.url : `${pathname}${search}`;
  return {
    method: context.req.method,
    path,
    uri: externalAddress.uriOf(incoming, target),
    headers: withoutConnectionHeaders(readHeaders(incoming)),
    version: toHttpVersion(incoming.httpVersion),
    body: await readBody(context),
  };
}

/** Every header as it came, also those that came several times. */
function readHeaders({ rawHeaders }: IncomingMessage): readonly HttpHeader[] {
  const headers: HttpHeader[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    // Node shows each byte as a character.
    const value = new Uint8Array(Buffer.from(rawHeaders[at + 1] ?? '', 'latin1'));
    headers.push({ name: (rawHeaders[at] ?? '').toLowerCase(), value });
  }
  return headers;
}

/** Sends what a handler answered to the byte: no header is joined with another or made up. */
function sendResponse(outgoing: ServerResponse, { status, headers, body }: HandlerResponse): void {
  const lines: string[] = [];
  for (const { name, value } of headers) lines.push(name, Buffer.from(value).toString('latin1'));
  if (!headers.some(({ name }) => name === ALLOW_ORIGIN)) lines.push(ALLOW_ORIGIN, '*');
  // HTTP has no body there; Node leaves it out.
  const hasBody = status !== 204 && status !== 205 && status !== 304;
  if (hasBody || status === 205) lines.push('content-length', String(hasBody ? body.length : 0));
  outgoing.writeHead(status, lines);
  outgoing.end(hasBody ? body : undefined);
}

function bindingsOf(context: Context): HttpBindings {
  // The application is served by Node's server alone, which gives these.
  return context.env as HttpBindings;
}
