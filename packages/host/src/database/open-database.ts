import { Datastore } from '../datastore/datastore.ts';
import { HostError } from '../errors.ts';
import { DatabaseMetrics } from '../metrics/database-metrics.ts';
import type { DataMigration } from '../migration/carry-over.ts';
import { decodeRawModuleDef } from '../schema/decode-module-def.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import { validateModuleDef } from '../schema/validate.ts';
import { CallEnvironment } from './call-environment.ts';
import { moduleRules } from './module-rules.ts';
import { ModuleRunner } from './module-runner.ts';
import type { DatabaseOptions } from './options.ts';
import { rebuildDatastore } from './rebuild-datastore.ts';
import type { StoredProgram } from './record-codec.ts';
import { type Recovered, type RecoveredState, recoverDatabase } from './recovery.ts';
import { planSchemaChange, requireMigration } from './schema-change.ts';
import { TableIds } from './table-ids.ts';

/** What a database opens with. */
interface OpeningState {
  readonly program: StoredProgram;
  readonly def: ModuleDef;
  readonly datastore: Datastore;
  /** What has to be stored before the database may be used. */
  readonly toStore: 'nothing' | 'program' | 'program-and-init';
  /** What became of the stored data when another program took over. */
  readonly migration?: DataMigration | undefined;
}

/** Everything a database is put together from. */
export interface Opening extends OpeningState {
  readonly runner: ModuleRunner;
  readonly environment: CallEnvironment;
  readonly programHash: string;
  readonly lastTimestampMicros: bigint;
  readonly nextOffset: bigint;
  readonly replayedBytes: number;
}

/**
 * Reads back what is stored, loads the program and fits the two together. Writes nothing.
 * @throws as `Database.open` does, but for `database/init-failed`
 */
export async function prepareOpening(options: DatabaseOptions): Promise<Opening> {
  const metrics = options.metrics ?? new DatabaseMetrics({ clock: options.clock });
  const { state, ...recovered } = await recoverMeasured(options, metrics);
  const program = await options.programs.load(chooseProgram(options, state?.program));
  const { name, clock, logger } = options;
  const environment = new CallEnvironment({
    name,
    clock,
    logger,
    metrics,
    outboundHttp: options.outboundHttp,
    identity: state?.program.identity ?? options.identity,
  });
  const runner = new ModuleRunner(program, environment, {
    unhandledRejection: (message) => environment.log('error', `unhandled promise rejection: ${message}`),
  });
  try {
    const plan = planOpening(options, state, { text: program.text, rawDef: runner.describe() });
    // Rules that cannot be kept must not be left out: everybody would see every row.
    moduleRules(plan.def, options.strictCompat);
    return { ...plan, ...recovered, runner, environment, programHash: program.hash };
  } catch (error) {
    runner.close();
    throw error;
  }
}

async function recoverMeasured(options: DatabaseOptions, { nowMs, journal }: DatabaseMetrics): Promise<Recovered> {
  const startMs = nowMs();
  const recovered = await recoverDatabase(options.storage, options.hashSeed);
  journal.replaySeconds = (nowMs() - startMs) / 1000;
  journal.replayedRecordBytes = recovered.replayedBytes;
  return recovered;
}

/** The text of the program to run. @throws {HostError} `database/no-program` when there is none. */
function chooseProgram(options: DatabaseOptions, stored: StoredProgram | undefined): string {
  const text = options.program ?? stored?.text;
  if (text !== undefined) return text;
  throw new HostError({
    code: 'database/no-program',
    message: `the database "${options.name}" is empty: give the program it is to run`,
    details: { name: options.name },
  });
}

/**
 * Fits the program's definition to what is stored: the same program goes on, a new one takes over by a migration, and an
 * empty storage starts with its tables.
 * @throws {SchemaError}; @throws {HostError} `database/migration-refused`
 */
function planOpening(
  options: DatabaseOptions,
  stored: RecoveredState | undefined,
  described: { readonly text: string; readonly rawDef: Uint8Array },
): OpeningState {
  if (stored !== undefined && stored.program.text === described.text) return { ...stored, toStore: 'nothing' };
  const ids = new TableIds(stored?.program.tableIds ?? new Map());
  const def = validateModuleDef(decodeRawModuleDef(described.rawDef), ids);
  const { identity, owner } = stored?.program ?? options;
  const program: StoredProgram = { identity, owner, text: described.text, rawDef: described.rawDef, tableIds: ids.all };
  const hash = { hashSeed: options.hashSeed };
  if (stored === undefined) {
    return { program, def, datastore: new Datastore(def.tables, hash), toStore: 'program-and-init' };
  }
  const migration = requireMigration(planSchemaChange(stored, def));
  const datastore = rebuildDatastore(stored.datastore, { tables: def.tables, migration }, hash);
  return { program, def, datastore, toStore: 'program', migration };
}
