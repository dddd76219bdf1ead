import type { Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { CallResult, ProcedureResult } from '../../database/calls.ts';
import { onceWritable } from '../../database/once-writable.ts';
import { errorMessage, HostError } from '../../errors.ts';
import type { Credentials } from '../../identity/claims.ts';
import { SatsJsonError } from '../../sats-json/sats-json-error.ts';
import type { ProcedureDef } from '../../schema/module-def.ts';
import { findDatabase } from '../../session/admission.ts';
import type { ServedDatabase } from '../../session/served-host.ts';
import { authenticateOrIssue } from '../authorization.ts';
import { readTextBody } from '../body.ts';
import {
  encodeArguments,
  type NamedFunction,
  returnValueToJson,
  suggestFunctions,
  tryFindFunction,
} from '../function-calls.ts';
import { whenReadDurable, withTemporaryClient } from '../temporary-client.ts';
import type { RouteContext } from './route-context.ts';

/** What a failed reducer is answered with: the request was sound, the module's code refused it or broke. */
const REDUCER_FAILED = 530;

/** An answer before it is made into a response. */
interface Answer {
  readonly status: number;
  readonly body: string | null;
  readonly contentType?: string | undefined;
}

/**
 * `POST /v1/database/:name/call/:function`: calls a reducer or a procedure with arguments in SATS-JSON. The caller is
 * connected for that time, and the answer is sent when what it tells of is durable.
 */
export function addCallRoutes(app: Hono, route: RouteContext): void {
  app.post('/v1/database/:name/call/:function', async (context) => {
    requireJson(context);
    const { credentials } = await authenticateOrIssue(context, route.host);
    const target = findDatabase(route.host, context.req.param('name'));
    const name = context.req.param('function');
    const isOwner = credentials.identity === target.database.owner;
    const found = tryFindFunction(target.database.def, name, isOwner);
    if (found === undefined) return respond(context, unknownFunction(route, target, { name, isOwner }));
    const args = readArguments(route, { target, found, json: await readTextBody(context) });
    if ('status' in args) return respond(context, args);
    const startMicros = route.clock.nowMicros();
    const answer = await runCall(target, credentials, { found, args: args.bytes });
    context.header('spacetime-energy-used', '0');
    context.header('spacetime-execution-duration-micros', String(route.clock.nowMicros() - startMicros));
    return respond(context, answer);
  });
}

/**
 * Exactly this type, as on SpacetimeDB. It also keeps foreign web pages out: they cannot send it without asking first.
 */
function requireJson(context: Context): void {
  const given = context.req.header('content-type');
  if (given === 'application/json') return;
  const problem = given === undefined ? 'the header content-type is missing' : `its content-type is "${given}"`;
  throw new HostError({
    code: given === undefined ? 'server/bad-request' : 'server/unsupported-media-type',
    message: `a call takes its arguments as application/json, and ${problem.slice(0, 200)}`,
  });
}

function unknownFunction(
  route: RouteContext,
  target: ServedDatabase,
  { name, isOwner }: { readonly name: string; readonly isOwner: boolean },
): Answer {
  logRefusal(route, target, name, [
    `External attempt to call nonexistent reducer "${shortened(name)}" failed. Have you run \`spacetime generate\` recently?`,
  ]);
  const names = suggestFunctions(target.database.def, name, isOwner).map((suggestion) => `\`${suggestion}\``);
  const hint = names.length === 0 ? '' : `. Did you mean ${names.join(' or ')}?`;
  return { status: 404, body: `No such procedure: \`${shortened(name)}\`${hint}` };
}

function readArguments(
  route: RouteContext,
  { target, found, json }: { readonly target: ServedDatabase; readonly found: NamedFunction; readonly json: string },
): Answer | { readonly bytes: Uint8Array } {
  const { type, def } = found;
  if (type === 'reducer' && def.lifecycle !== undefined) return { bytes: new Uint8Array(0) };
  try {
    return { bytes: encodeArguments(def.params, json) };
  } catch (error) {
    if (!(error instanceof SatsJsonError)) throw error;
    const why = errorMessage(error);
    logRefusal(route, target, def.name, [
      `External attempt to call ${type} "${def.name}" failed, invalid arguments.`,
      why,
    ]);
    return { status: 400, body: `invalid arguments for ${type} ${def.name}: ${why}` };
  }
}

async function runCall(
  target: ServedDatabase,
  credentials: Credentials,
  { found, args }: { readonly found: NamedFunction; readonly args: Uint8Array },
): Promise<Answer> {
  return withTemporaryClient(target, credentials, async (caller) => {
    const { database } = target;
    if (found.type === 'reducer') {
      const result = await onceWritable(database, () => database.callReducer(caller, found.def.name, args));
      if (result.offset !== undefined) await database.whenDurable(result.offset);
      await whenReadDurable(database);
      return reducerAnswer(found.def.lifecycle !== undefined, result);
    }
    const result = await onceWritable(database, () => database.callProcedure(caller, found.def.name, args));
    if (result.offset !== undefined) await database.whenDurable(result.offset);
    await whenReadDurable(database);
    return procedureAnswer(found.def, result);
  });
}

function reducerAnswer(isLifecycle: boolean, { outcome }: CallResult): Answer {
  if (outcome.type === 'committed') return { status: 200, body: null };
  const { message } = outcome;
  if (outcome.type === 'failed-user') return { status: REDUCER_FAILED, body: message };
  switch (outcome.reason) {
    case 'fatal':
      return { status: REDUCER_FAILED, body: message };
    case 'refused':
      return { status: 503, body: message };
    case 'invalid-arguments':
      return { status: 400, body: message };
    case 'unknown-function':
      return { status: isLifecycle ? 400 : 404, body: message };
  }
}

function procedureAnswer(procedure: ProcedureDef, { outcome }: ProcedureResult): Answer {
  if (outcome.type === 'returned') {
    const body = returnValueToJson(procedure, outcome.bytes);
    return { status: 200, body, contentType: 'application/json' };
  }
  switch (outcome.reason) {
    case 'user':
    case 'fatal':
      return { status: 500, body: outcome.message };
    case 'refused':
      return { status: 503, body: outcome.message };
    case 'invalid-arguments':
      return { status: 400, body: outcome.message };
    case 'unknown-function':
      return { status: 404, body: outcome.message };
  }
}

function respond(context: Context, { status, body, contentType }: Answer): Response {
  if (body === null) return context.body(null, 200);
  // 530 is no status that HTTP names, and goes over the wire like any other.
  const code = status as ContentfulStatusCode;
  return contentType === undefined
    ? context.text(body, code)
    : context.body(body, code, { 'content-type': contentType });
}

/** Writes to the module's log, as the database itself does for calls over a socket. */
function logRefusal(
  { clock, host }: RouteContext,
  { name, registration }: ServedDatabase,
  functionName: string,
  lines: readonly string[],
): void {
  const timestampMicros = clock.nowMicros();
  for (const message of lines) {
    const record = {
      level: 'error',
      message,
      source: 'module',
      functionName: shortened(functionName),
      database: name,
      timestampMicros,
    } as const;
    host.logger.log(record);
    registration.logStore.log(record);
  }
}

function shortened(name: string): string {
  return name.length <= 100 ? name : `${name.slice(0, 100)}…`;
}
