import type { Context, Hono } from 'hono';
import type { Caller } from '../../database/calls.ts';
import { onceWritable } from '../../database/once-writable.ts';
import type { SqlAnswer, StatementResult } from '../../database/sql-answer.ts';
import { HostError } from '../../errors.ts';
import { findDatabase } from '../../session/admission.ts';
import type { DatabasePort } from '../../session/served-host.ts';
import { authenticateOrIssue, requestToken } from '../authorization.ts';
import { readTextBody } from '../body.ts';
import { sqlResultsToJson } from '../sql-json.ts';
import { whenReadDurable, withTemporaryClient } from '../temporary-client.ts';
import type { RouteContext } from './route-context.ts';

/**
 * `POST /v1/database/:name/sql`: runs the SQL statements of the body. Whoever asks sees what a client would see, is
 * connected for that time, and may write when the database is theirs. With `confirmed=false` the answer does not wait
 * until what it tells of is durable.
 */
export function addSqlRoutes(app: Hono, { host }: RouteContext): void {
  app.post('/v1/database/:name/sql', async (context) => {
    const confirmed = readConfirmed(context);
    const { credentials } = await authenticateOrIssue(context, host);
    const target = findDatabase(host, context.req.param('name'));
    const text = await readTextBody(context);
    try {
      const results = await withTemporaryClient(target, credentials, async (caller) => {
        const answer = await runSql(context, target.database, { caller, text });
        if (confirmed && answer.offset !== undefined) await target.database.whenDurable(answer.offset);
        if (confirmed) await whenReadDurable(target.database);
        return answer.results;
      });
      return context.body(jsonBody(results), 200, { 'content-type': 'application/json' });
    } catch (error) {
      return refusal(context, error);
    }
  });
}

function readConfirmed(context: Context): boolean {
  const given = context.req.query('confirmed') ?? 'true';
  if (given === 'true' || given === 'false') return given === 'true';
  throw new HostError({ code: 'server/bad-request', message: 'confirmed must be true or false' });
}

/** Who may not write and came without a token is asked for one. */
async function runSql(
  context: Context,
  database: DatabasePort,
  { caller, text }: { readonly caller: Caller; readonly text: string },
): Promise<SqlAnswer> {
  try {
    return await onceWritable(database, () => database.sql(caller, text));
  } catch (error) {
    if (!(error instanceof HostError) || error.code !== 'identity/forbidden') throw error;
    if (requestToken(context) !== undefined) throw error;
    throw new HostError({ code: 'identity/token-required', message: error.message, cause: error });
  }
}

/** Whatever the statement itself is to blame for is a bad request. @throws what it is not to blame for */
function refusal(context: Context, error: unknown): Response {
  if (!(error instanceof HostError)) throw error;
  const [area] = error.code.split('/');
  const isOfStatement =
    area === 'query' || area === 'datastore' || area === 'view' || error.code === 'storage/record-too-large';
  if (!isOfStatement) throw error;
  return context.text(error.message, 400);
}

/** Pieces of this length are sent at once. */
const PIECE_LENGTH_MIN = 64 * 1024;

/** The answer as a body, made piece by piece as the client takes it: as one text it would be held in memory twice. */
function jsonBody(results: readonly StatementResult[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const parts = sqlResultsToJson(results);
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      let piece = '';
      for (;;) {
        const { done, value } = parts.next();
        if (done !== true) piece += value;
        if (piece.length >= PIECE_LENGTH_MIN || done === true) {
          if (piece !== '') controller.enqueue(encoder.encode(piece));
          if (done === true) controller.close();
          return;
        }
      }
    },
  });
}
