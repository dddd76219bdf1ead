import type { Hono } from 'hono';
import { HostError } from '../../errors.ts';
import { identityToHex, tryParseIdentity } from '../../identity/identity.ts';
import { findDatabase } from '../../session/admission.ts';
import { authorizeOwner, tryAuthenticate } from '../authorization.ts';
import { readTextBody } from '../body.ts';
import type { RouteContext } from './route-context.ts';

/** Longest list of names, and single name, that is read. */
const NAMES_BYTES_MAX = 64 * 1024;

/** The names of databases, and the databases of an owner. */
export function addNameRoutes(app: Hono, { host }: RouteContext): void {
  app.get('/v1/database/:name/names', async (context) => {
    await tryAuthenticate(context, host);
    return context.json({ names: findDatabase(host, context.req.param('name')).registration.names });
  });
  app.post('/v1/database/:name/names', async (context) => {
    const { target } = await authorizeOwner(context, host, 'rename');
    const name = (await readTextBody(context, NAMES_BYTES_MAX)).trim();
    const identity = identityToHex(target.database.identity);
    try {
      await host.addDatabaseName(identity, name);
    } catch (error) {
      // Whose the name is stays untold; that it is taken is answered as SpacetimeDB does.
      if (!isTaken(error)) throw error;
      return context.json({ PermissionDenied: { domain: name } }, 401);
    }
    return context.json({ Success: { domain: name, database_identity: identity } });
  });
  app.put('/v1/database/:name/names', async (context) => {
    const { target } = await authorizeOwner(context, host, 'rename');
    const names = parseNames(await readTextBody(context, NAMES_BYTES_MAX));
    try {
      await host.renameDatabase(identityToHex(target.database.identity), names);
    } catch (error) {
      if (!isTaken(error)) throw error;
      const message = `Cannot rename to ${String(error.details['name'])} because it already is in use.`;
      return context.json({ OtherError: message }, 400);
    }
    return context.json('Success');
  });
  app.get('/v1/identity/:identity/databases', (context) => {
    const owner = tryParseIdentity(context.req.param('identity'));
    if (owner === undefined) throw badRequest('an identity is 64 hexadecimal digits');
    const owned = host.databases.filter(({ database }) => database.owner === owner);
    return context.json({ identities: owned.map(({ database }) => identityToHex(database.identity)) });
  });
}

function isTaken(error: unknown): error is HostError {
  return error instanceof HostError && error.code === 'host/name-taken';
}

function parseNames(body: string): string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (error) {
    throw badRequest('a JSON array of names is expected', error);
  }
  const isList = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((name) => typeof name === 'string');
  if (!isList(parsed)) throw badRequest('a JSON array of names is expected');
  return parsed;
}

function badRequest(message: string, cause?: unknown): HostError {
  return new HostError({ code: 'server/bad-request', message, cause });
}
