import type { Hono } from 'hono';
import { identityToHex } from '../../identity/identity.ts';
import { findDatabase } from '../../session/admission.ts';
import { tryAuthenticate } from '../authorization.ts';
import type { RouteContext } from './route-context.ts';

/** Facts of a database that anybody may ask for. */
export function addDatabaseRoutes(app: Hono, { host, clock }: RouteContext): void {
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
  app.get('/v1/database/:name/unstable/timestamp', async (context) => {
    await tryAuthenticate(context, host);
    findDatabase(host, context.req.param('name'));
    // Microseconds since the epoch stay far below 2^53.
    return context.json({ __timestamp_micros_since_unix_epoch__: Number(clock.nowMicros()) });
  });
  app.get('/v1/database/:name/subscribe', (context) => {
    context.header('upgrade', 'websocket');
    return context.text('a WebSocket upgrade is expected', 426);
  });
}
