import type { Hono } from 'hono';
import { HostError } from '../../errors.ts';
import { moduleDefToJson } from '../../sats-json/module-def-json.ts';
import { moduleDefToV9Json } from '../../sats-json/module-def-v9-json.ts';
import { decodeRawModuleDef } from '../../schema/decode-module-def.ts';
import { findDatabase } from '../../session/admission.ts';
import type { DatabasePort } from '../../session/served-host.ts';
import { tryAuthenticate } from '../authorization.ts';
import type { RouteContext } from './route-context.ts';

/** `GET /v1/database/:name/schema?version=9|10`: the definition of the module that runs, for anybody. */
export function addSchemaRoutes(app: Hono, { host }: RouteContext): void {
  app.get('/v1/database/:name/schema', async (context) => {
    await tryAuthenticate(context, host);
    const { database } = findDatabase(host, context.req.param('name'));
    const json = await schemaJson(database, context.req.query('version'));
    return context.body(json, 200, { 'content-type': 'application/json' });
  });
}

async function schemaJson(database: DatabasePort, version: string | undefined): Promise<string> {
  switch (version) {
    case '10':
      return moduleDefToJson(await database.describe());
    case '9': {
      const { def } = database;
      return moduleDefToV9Json(def, decodeRawModuleDef(await database.describe()));
    }
    default:
      throw new HostError({
        code: 'server/bad-request',
        message: 'say which form of the schema is wanted: version=10, or version=9',
      });
  }
}
