import type { InnerUniverseClient } from '../client/inner-universe-client.ts';
import { applyMigrations } from './schema-migrations.ts';

/** Brings data of an older release forward, and tells that it did. What newer data mean was told at connecting. */
export async function migrateAtOpening(client: InnerUniverseClient, signal: AbortSignal | undefined): Promise<void> {
  const { schema, telemetry, database } = client;
  if (schema === undefined || schema.dataVersion >= schema.codeVersion) return;
  const { from, to, applied, steps } = await applyMigrations(client, { signal });
  telemetry.log('info', `The data of '${database}' were migrated from schema ${from} to ${to}.`, {
    database,
    from,
    to,
    applied: applied.join(', '),
    steps,
  });
}
