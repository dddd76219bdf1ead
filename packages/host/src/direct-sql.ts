import { PlainResults, type SqlResult } from './database/plain-results.ts';
import { onceWritable } from './database/once-writable.ts';
import type { ModuleDef } from './schema/module-def.ts';
import type { DatabasePort } from './session/served-host.ts';

/** How SQL is run inside the process. */
export interface SqlOptions {
  /** Who asks. Default: the database's owner, who may write and sees private tables. */
  readonly as?: bigint | undefined;
  /** Whether the promise waits until what was written, and what was read, is durable. Default true. */
  readonly confirmed?: boolean | undefined;
}

/** By definition: a database that takes over another program has another one. */
const plainResults = new WeakMap<ModuleDef, PlainResults>();

/**
 * Runs SQL statements of the wider grammar in this process, and gives plain JavaScript, one result for each statement.
 * @throws {HostError} as `Database.sql`; @throws {StorageError} when what was written will not be durable
 */
export async function runDirectSql(
  database: DatabasePort,
  text: string,
  { as = database.owner, confirmed = true }: SqlOptions = {},
): Promise<readonly SqlResult[]> {
  const caller = { identity: as, connectionId: 0n };
  const { results, offset } = await onceWritable(database, () => database.sql(caller, text));
  if (confirmed && offset !== undefined) await database.whenDurable(offset);
  const { def } = database;
  let plain = plainResults.get(def);
  if (plain === undefined) plainResults.set(def, (plain = new PlainResults(def, await database.describe())));
  return results.map((result) => plain.toPlain(result));
}
