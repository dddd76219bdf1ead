import { assert } from '../assert.ts';
import type { Datastore } from '../datastore/datastore.ts';
import { HostError } from '../errors.ts';
import { ModuleRunner } from './module-runner.ts';
import type { DueCall } from '../scheduler/scheduler.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import { DatabaseMetrics } from '../metrics/database-metrics.ts';
import { CallEnvironment } from './call-environment.ts';
import type { Journal } from './journal.ts';
import type { Opening } from './open-database.ts';
import type { DatabaseOptions } from './options.ts';
import type { StoredProgram } from './record-codec.ts';

/**
 * All that a database is at one moment, apart from it. Never changes: what is opened from it works on a fork of the
 * datastore, so any number of databases may be opened from one state, at any time.
 */
export interface DatabaseState {
  readonly program: StoredProgram;
  /** SHA-256 of the program's text, in hex. */
  readonly programHash: string;
  readonly def: ModuleDef;
  /** A fork that nobody writes to. */
  readonly datastore: Datastore;
  readonly lastTimestampMicros: bigint;
  /** Offset that the next record gets. */
  readonly nextOffset: bigint;
  /** The scheduled rows and when each is due. */
  readonly armed: readonly DueCall[];
}

/**
 * While another program takes over, what is logged and what is loaded are not of the same moment.
 * @throws {HostError} `database/busy`
 */
export function assertCapturable({ heldFor }: Journal): void {
  if (heldFor === undefined) return;
  throw new HostError({
    code: 'database/busy',
    message: `the database cannot be captured now: ${heldFor}. Try again when that is done.`,
    retryable: true,
    details: { heldFor },
  });
}

/**
 * Everything a database that goes on from a state is put together from. Its storage must hold what was logged up to
 * then, which is not read.
 * @throws {HostError} `module/load-failed`; @throws {StorageError}
 */
export async function prepareFork(options: DatabaseOptions, state: DatabaseState): Promise<Opening> {
  const { name, clock, logger, storage, programs } = options;
  const { metrics = new DatabaseMetrics({ clock }) } = options;
  const { program, programHash, def, lastTimestampMicros, nextOffset } = state;
  const report = await storage.recover({ snapshot: async () => undefined, record: () => undefined });
  assert(report.nextOffset === nextOffset, 'the storage of a fork holds what was logged up to the fork');
  const loaded = await programs.load(program.text);
  const { identity } = program;
  const environment = new CallEnvironment({
    name,
    clock,
    logger,
    metrics,
    identity,
    outboundHttp: options.outboundHttp,
  });
  const runner = new ModuleRunner(loaded, environment, {
    unhandledRejection: (message) => environment.log('error', `unhandled promise rejection: ${message}`),
  });
  return {
    program,
    def,
    datastore: state.datastore.fork(),
    toStore: 'nothing',
    runner,
    environment,
    programHash,
    lastTimestampMicros,
    nextOffset,
    replayedBytes: storage.usage.logBytes,
  };
}
