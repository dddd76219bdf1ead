import type { Context, Hono } from 'hono';
import { HostError } from '../../errors.ts';
import type { LogReader } from '../../logs/log-reader.ts';
import type { LogStore } from '../../logs/log-store.ts';
import { authorizeOwner } from '../authorization.ts';
import type { RouteContext } from './route-context.ts';

/** Most past lines that can be asked for by number. */
const LINES_MAX = 2_500;

/** The log of a database, for its owner: past lines, and with `follow=true` those to come, as JSON lines. */
export function addLogRoutes(app: Hono, { host }: RouteContext): void {
  app.get('/v1/database/:name/logs', async (context) => {
    const { target } = await authorizeOwner(context, host, 'read the logs');
    const { logStore } = target.registration;
    const lines = readLines(context);
    const follow = readFollow(context);
    const body = lines === undefined && !follow ? fileBody(logStore) : linesBody(logStore.read({ lines, follow }));
    return new Response(body, { headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-cache' } });
  });
}

/** Lines as a body. Nothing is taken from the log while the client does not read. */
function linesBody(reader: LogReader): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const lines = await reader.next();
      if (lines !== undefined) {
        controller.enqueue(encoder.encode(lines.map((line) => `${line}\n`).join('')));
        return;
      }
      reader.close();
      controller.close();
    },
    cancel: () => reader.close(),
  });
}

/** The newest file as a body. */
function fileBody(logStore: LogStore): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const pieces = logStore.latestFile();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await pieces.return();
    },
  });
}

function readLines(context: Context): number | undefined {
  const given = context.req.query('num_lines');
  if (given === undefined) return undefined;
  if (!/^\d{1,9}$/.test(given)) throw badRequest('num_lines must be a whole number');
  return Math.min(Number(given), LINES_MAX);
}

function readFollow(context: Context): boolean {
  const given = context.req.query('follow');
  if (given === undefined || given === 'false') return false;
  if (given === 'true') return true;
  throw badRequest('follow must be true or false');
}

function badRequest(message: string): HostError {
  return new HostError({ code: 'server/bad-request', message });
}
