/*
 * Brings the data of a universe to the schema of its module. Invariants:
 * - a step is sent with the cursor it was meant for, and the module takes it only there: whoever else migrates at the
 *   same time, and however often a step is sent, each is taken once;
 * - where a migration stands is read back after each step, so what ended on the way is gone on with from there;
 * - it ends: steps after which a migration stands where it stood are counted.
 */
import type { MigrationState } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import { CALL_OPTION_FORMS, checkOptions } from '../controller/check-options.ts';
import { NervPersistenceError } from '../errors.ts';

/** A migration of the module: what it does, and how far it is. */
export interface SchemaMigration {
  /** The schema that the data have afterwards. */
  readonly to: number;
  readonly name: string;
  readonly description: string;
  /** The ops of the module that are refused until it is done; `all` for every one. */
  readonly blocks: readonly string[];
  readonly state: 'pending' | 'running' | 'done';
  /** Rows that it looked at so far. */
  readonly processed: number;
}

/** Which schemas there are, and what leads from one to the other. */
export interface SchemaStatus {
  readonly codeVersion: number;
  readonly dataVersion: number;
  /** `current`: nothing to do. `data-older`: migrations wait. `data-newer`: the module is older, and writes are refused. */
  readonly state: 'current' | 'data-older' | 'data-newer';
  /** All that the module knows, in order. */
  readonly migrations: readonly SchemaMigration[];
}

/** How far a migration is. */
export interface SchemaProgress {
  readonly to: number;
  readonly name: string;
  /** Rows that were looked at so far, by everybody who took part. */
  readonly processed: number;
  /** Steps that were sent from here, for all migrations together. */
  readonly steps: number;
  readonly done: boolean;
}

/** How to migrate. */
export interface ApplyMigrationsOptions extends CallOptions {
  /** Told after each step; what it throws ends migrating. */
  readonly onProgress?: ((progress: SchemaProgress) => void) | undefined;
}

/** What was migrated. */
export interface SchemaMigrationReport {
  readonly from: number;
  readonly to: number;
  /** Names of those that were finished meanwhile, in order. */
  readonly applied: readonly string[];
  readonly steps: number;
}

/** Steps without any effect after which a migration is given up. */
const IDLE_STEPS_MAX = 5;

/** Every migration of the module, and how far it is. For whoever has any grant. @throws {RefusedError} `permission/denied` */
export async function migrationStatus(client: ModuleClient, call: CallOptions = {}): Promise<SchemaStatus> {
  const { codeVersion, dataVersion, migrations } = await client.read('readMigrations', {}, call);
  return {
    codeVersion,
    dataVersion,
    state: dataVersion === codeVersion ? 'current' : dataVersion < codeVersion ? 'data-older' : 'data-newer',
    migrations: migrations.map(({ to, name, description, blocks, processed, cursor, done }) => ({
      to,
      name,
      description,
      blocks,
      processed: Number(processed),
      state: done ? 'done' : cursor === '' ? 'pending' : 'running',
    })),
  };
}

/** The migrations that are still to be applied, in order; changes nothing. @throws as `migrationStatus` */
export async function planMigrations(client: ModuleClient, call: CallOptions = {}): Promise<SchemaStatus> {
  const status = await migrationStatus(client, call);
  return { ...status, migrations: status.migrations.filter(({ state }) => state !== 'done') };
}

/**
 * Applies what is still to be applied, as the owner. It may be called off, or end in any way, and be called again: it
 * goes on where it was. `timeoutMs` is for each call.
 * @throws {NervPersistenceError} `schema/newer-data` where the module is older than the data, `permission/denied`,
 * `migration/no-progress`, `connection/*`; the signal's reason
 */
export async function applyMigrations(
  client: ModuleClient,
  options: ApplyMigrationsOptions = {},
): Promise<SchemaMigrationReport> {
  checkOptions('applyMigrations', options, { ...CALL_OPTION_FORMS, onProgress: 'function' });
  const { onProgress, ...call } = options;
  const applied: string[] = [];
  let steps = 0;
  let idle = 0;
  let from: number | undefined;
  let before: MigrationState | undefined;
  for (;;) {
    call.signal?.throwIfAborted();
    const { codeVersion, dataVersion, migrations } = await client.read('readMigrations', {}, call);
    from ??= dataVersion;
    if (dataVersion > codeVersion) throw makeNewerData(client.database, dataVersion, codeVersion);
    const now = migrations.find(({ to }) => to === before?.to);
    if (before !== undefined && now !== undefined) {
      const { to, name, processed, done } = now;
      if (done) applied.push(name);
      idle = !done && now.cursor === before.cursor ? idle + 1 : 0;
      if (idle === IDLE_STEPS_MAX) throw makeNoProgress(client.database, now);
      onProgress?.({ to, name, processed: Number(processed), steps, done });
    }
    before = migrations.find(({ done }) => !done);
    if (before === undefined) return { from, to: dataVersion, applied, steps };
    call.signal?.throwIfAborted();
    await client.migrateStep({ to: before.to, cursor: before.cursor }, call);
    steps += 1;
  }
}

/** Data that a newer module has left, under an older one. */
export function makeNewerData(database: string, dataVersion: number, codeVersion: number): NervPersistenceError {
  return new NervPersistenceError(
    'schema/newer-data',
    `The data of '${database}' have schema ${dataVersion}, and its module knows ${codeVersion} at most: there is no way ` +
      'back. Publish the newer module again: inner-universe publish.',
    { details: { database, dataVersion, codeVersion } },
  );
}

function makeNoProgress(database: string, { to, name, cursor }: MigrationState): NervPersistenceError {
  return new NervPersistenceError(
    'migration/no-progress',
    `The migration '${name}' of '${database}' to schema ${to} stands at '${cursor}' after ${IDLE_STEPS_MAX} steps: the ` +
      'module does not go on. Nothing is lost; publish a module whose migration does, then apply again.',
    { details: { database, to, name, cursor } },
  );
}
