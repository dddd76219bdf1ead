import { assert } from '../assert.ts';
import { Datastore } from '../datastore/datastore.ts';
import type { SequenceAllocation } from '../datastore/sequence.ts';
import type { StateView, TableDelta } from '../datastore/state-view.ts';
import { HostError } from '../errors.ts';
import type { DataMigration } from '../migration/carry-over.ts';
import type { MigrationPlan } from '../migration/migration-plan.ts';
import type { ModuleDef, TableDef } from '../schema/module-def.ts';
import { decodeRawModuleDef } from '../schema/decode-module-def.ts';
import { validateModuleDef } from '../schema/validate.ts';
import type { ViewTables } from '../views/view-tables.ts';
import { runInit } from './initialise.ts';
import { type LastingParts, type LoadedModule, makeLoadedModule } from './loaded-module.ts';
import { moduleRules } from './module-rules.ts';
import { ModuleRunner } from './module-runner.ts';
import type { DatabaseOptions } from './options.ts';
import { rebuildDatastore } from './rebuild-datastore.ts';
import type { StoredProgram, StoredTransaction } from './record-codec.ts';
import { planSchemaChange, requireMigration, type SchemaChange } from './schema-change.ts';
import { TableIds } from './table-ids.ts';

/** What happens to the data when another program takes over. */
export type DataPolicy =
  /** They are migrated; a plan that is refused changes nothing. */
  | 'migrate'
  /** They are deleted, and `init` runs. */
  | 'clear'
  /** They are migrated, or where that is refused, deleted. */
  | 'clear-on-conflict';

/** A program that is to take over. */
export interface ExchangeRequest {
  /** Text of the bundle. */
  readonly program: string;
  /** Default `migrate`. */
  readonly data?: DataPolicy | undefined;
  /** Whether a migration may end connected clients. Default `compatible`: it may not. Clearing always ends them. */
  readonly policy?: 'compatible' | 'break-clients' | undefined;
}

/** How a program would take over, and what it is. */
export interface ExchangePlan extends MigrationPlan {
  /** SHA-256 of the new program's text, in hex. */
  readonly programHash: string;
}

/** What an exchange did. */
export interface ExchangeOutcome {
  readonly type: 'migrated' | 'cleared';
  readonly plan: MigrationPlan;
  /** Whether every client that was connected is to be ended. */
  readonly endsClients: boolean;
}

/** A program that is about to take over, for those who serve clients from the one that runs. */
export interface NextProgram {
  readonly def: ModuleDef;
  readonly tables: readonly TableDef[];
  readonly views: ViewTables;
  readonly committed: StateView;
  readonly endsClients: boolean;
}

/**
 * Whoever holds something of the program that runs. Called for each exchange before it is certain, with nothing changed
 * yet; what it throws refuses the exchange. What it returns is called when the new program is in charge.
 */
export type ExchangeParticipant = (next: NextProgram) => () => void;

/** A program that was loaded and said what it is, and that nobody runs yet. */
interface Candidate {
  readonly runner: ModuleRunner;
  readonly program: StoredProgram;
  readonly programHash: string;
  readonly def: ModuleDef;
}

/** What there is to store of an exchange, and what goes on from then. */
interface Prepared {
  readonly loaded: LoadedModule;
  readonly migration: DataMigration;
  readonly transaction: StoredTransaction | undefined;
  readonly outcome: ExchangeOutcome;
}

/** What an exchange asks of its database. */
export interface ExchangeTarget extends LastingParts {
  readonly options: DatabaseOptions;
  readonly loaded: () => LoadedModule;
  /** Runs something of a module that is not in charge yet, whose tables system calls are to find. */
  readonly during: <Result>(loaded: LoadedModule, action: () => Result) => Result;
  /**
   * Prepares to put the new module in charge, which the returned function does: called when the exchange is durable, and
   * nothing was written meanwhile. @throws {HostError} when it must not take over
   */
  readonly prepare: (loaded: LoadedModule, outcome: ExchangeOutcome) => () => void;
  /** @throws {HostError} `database/closed` */
  readonly assertOpen: () => void;
}

/*
 * Exchanges the program of a running database.
 *
 * - Until its record is durable nothing of the new program can be seen, and the old one answers whoever reads. While the
 *   exchange waits for the storage, writers are told to try again.
 * - Everything committed before is durable when the new program takes over: what has to be taken back after a failure
 *   of the storage is always of one program.
 * - Whatever fails before leaves the old program in charge of its data, and nothing of the new one.
 */
export class ProgramExchange {
  readonly #target: ExchangeTarget;
  #running: Promise<unknown> | undefined;

  constructor(target: ExchangeTarget) {
    this.#target = target;
  }

  /** How a program would take over the data as they are now. Changes nothing. @throws as `Database.exchangeProgram` */
  async plan(program: string): Promise<ExchangePlan> {
    const candidate = await this.#load(program);
    candidate.runner.close();
    const { plan } = planSchemaChange(this.#target.loaded(), candidate.def);
    return { ...plan, programHash: candidate.programHash };
  }

  /** One after the other. */
  async run(request: ExchangeRequest): Promise<ExchangeOutcome> {
    while (this.#running !== undefined) await this.#running;
    const exchange = this.#exchange(request);
    this.#running = exchange.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await exchange;
    } finally {
      this.#running = undefined;
    }
  }

  /** Resolves when no exchange is under way. */
  async whenIdle(): Promise<void> {
    await this.#running;
  }

  async #exchange(request: ExchangeRequest): Promise<ExchangeOutcome> {
    const candidate = await this.#load(request.program);
    let isInCharge = false;
    try {
      // Most refusals need no quiet: nobody is made to wait for them.
      this.#choose(candidate, request);
      const outcome = await this.#exchangeQuietly(candidate, request);
      isInCharge = true;
      return outcome;
    } finally {
      if (!isInCharge) candidate.runner.close();
    }
  }

  async #exchangeQuietly(candidate: Candidate, request: ExchangeRequest): Promise<ExchangeOutcome> {
    const { journal, committer, assertOpen, prepare } = this.#target;
    assertOpen();
    const release = journal.hold('the program of the database is being exchanged');
    try {
      await journal.settle();
      assertOpen();
      const { loaded, migration, transaction, outcome } = this.#prepare(candidate, request);
      const takeOver = prepare(loaded, outcome);
      await journal.whenDurable(committer.appendProgram(loaded.program, migration, transaction));
      takeOver();
      return outcome;
    } finally {
      release();
    }
  }

  async #load(text: string): Promise<Candidate> {
    const { options, environment, loaded } = this.#target;
    const program = await options.programs.load(text);
    const runner = new ModuleRunner(program, environment, {
      unhandledRejection: (message) => environment.log('error', `unhandled promise rejection: ${message}`),
    });
    try {
      const rawDef = runner.describe();
      const { identity, owner, tableIds } = loaded().program;
      const ids = new TableIds(tableIds);
      const def = validateModuleDef(decodeRawModuleDef(rawDef), ids);
      moduleRules(def, options.strictCompat);
      const stored: StoredProgram = { identity, owner, text: program.text, rawDef, tableIds: ids.all };
      return { runner, def, program: stored, programHash: program.hash };
    } catch (error) {
      runner.close();
      throw error;
    }
  }

  /** Decides between migrating and clearing. @throws {HostError} `database/migration-refused`, `database/breaks-clients` */
  #choose(
    { def }: Candidate,
    { data = 'migrate', policy }: ExchangeRequest,
  ): SchemaChange & { readonly isCleared: boolean } {
    const change = planSchemaChange(this.#target.loaded(), def);
    if (data === 'clear') return { ...change, isCleared: true };
    if (change.migration === undefined && data === 'clear-on-conflict') return { ...change, isCleared: true };
    requireMigration(change);
    if (change.plan.breaksClients && policy !== 'break-clients') throw breaksClients(change.plan);
    return { ...change, isCleared: false };
  }

  #prepare(candidate: Candidate, request: ExchangeRequest): Prepared {
    const change = this.#choose(candidate, request);
    if (change.isCleared) return this.#prepareCleared(candidate, change.plan);
    const migration = requireMigration(change);
    const { datastore: old } = this.#target.loaded();
    const { hashSeed } = this.#target.options;
    const datastore = rebuildDatastore(old, { tables: candidate.def.tables, migration }, { hashSeed });
    datastore.takeOverSequences(old, migration.sequences);
    return {
      loaded: makeLoadedModule({ ...candidate, datastore }, this.#target),
      migration,
      transaction: undefined,
      outcome: { type: 'migrated', plan: change.plan, endsClients: change.plan.breaksClients },
    };
  }

  /** A database as if it were new, but for its identity: `init` runs, and its writes are in the record. */
  #prepareCleared(candidate: Candidate, plan: MigrationPlan): Prepared {
    const { committer, during, options } = this.#target;
    const datastore = new Datastore(candidate.def.tables, { hashSeed: options.hashSeed });
    const loaded = makeLoadedModule({ ...candidate, datastore }, this.#target);
    const timestampMicros = committer.now();
    const transaction = datastore.begin();
    const info = during(loaded, () => runInit(loaded, transaction, { name: options.name, timestampMicros }));
    const deltas = transaction.commit();
    return {
      loaded,
      migration: { tables: [], sequences: [] },
      transaction: {
        kind: info.kind,
        functionName: info.functionName,
        caller: info.caller,
        timestampMicros,
        ...toStored(deltas, datastore.takeNewSequenceAllocations()),
      },
      outcome: { type: 'cleared', plan, endsClients: true },
    };
  }
}

function toStored(
  deltas: readonly TableDelta[],
  sequences: readonly SequenceAllocation[],
): Pick<StoredTransaction, 'changes' | 'sequences'> {
  const changes = deltas.flatMap(({ table, inserts, deletes }) => {
    assert(deletes.length === 0, 'there is nothing to delete in tables that were empty');
    return table.isEvent ? [] : [{ tableId: table.id, isTruncated: false, deletes, inserts }];
  });
  return { changes, sequences };
}

function breaksClients({ steps }: MigrationPlan): HostError {
  return new HostError({
    code: 'database/breaks-clients',
    message:
      'Migration plan contains a client-breaking change which is disallowed under current policy: every connected client would be ended, and old bindings may not work any more. Nothing was changed; publish with the policy break-clients to allow it.',
    details: { steps },
  });
}
