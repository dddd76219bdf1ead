import type { Host } from '@inner-universe/host';
import { CODE_VERSION } from '@inner-universe/module/wire';

/**
 * Whether a database was last used by a newer release than this one: its module then stays as it is. The older one would
 * take away tables that it does not know; a newer one says itself, at connect, whether it serves this client.
 */
export async function isNewerThanHere(host: Host, database: string): Promise<boolean> {
  const tables = host.findDatabase(database)?.database.def.tables ?? [];
  if (!tables.some(({ name }) => name === 'schema_version')) return false;
  const [result] = await host.sql(database, 'SELECT * FROM schema_version');
  return (result?.rows ?? []).some((row) =>
    ['codeVersion', 'dataVersion'].some((name) => typeof row[name] === 'number' && row[name] > CODE_VERSION),
  );
}
