import type { Datastore } from '../datastore/datastore.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import type { CallEnvironment } from './call-environment.ts';
import { CallExecutor } from './call-executor.ts';
import type { Committer } from './committer.ts';
import { HttpHandlers } from '../module-http/http-handlers.ts';
import { FunctionDirectory } from './function-directory.ts';
import type { Journal } from './journal.ts';
import { makeModuleViews } from './module-views.ts';
import { moduleRules } from './module-rules.ts';
import type { ModuleRunner } from './module-runner.ts';
import type { StoredProgram } from './record-codec.ts';
import { SqlRunner } from './run-sql.ts';
import { ScheduleTables } from './schedule-tables.ts';
import type { ViewTables } from '../views/view-tables.ts';

/**
 * A program with all that is bound to it. A database has one at a time, and exchanges it as a whole when another program
 * takes over; what outlives a program (journal, committer, clients, scheduler) asks for the present one at each use.
 */
export interface LoadedModule {
  readonly program: StoredProgram;
  /** SHA-256 of the program's text, in hex. */
  readonly programHash: string;
  readonly def: ModuleDef;
  readonly datastore: Datastore;
  readonly runner: ModuleRunner;
  readonly functions: FunctionDirectory;
  readonly scheduleTables: ScheduleTables;
  readonly executor: CallExecutor;
  readonly httpHandlers: HttpHandlers;
  readonly views: ViewTables;
  readonly sql: SqlRunner;
}

/** What of a database outlives its programs. */
export interface LastingParts {
  readonly committer: Committer;
  readonly journal: Journal;
  readonly environment: CallEnvironment;
  /** True refuses SQL that SpacetimeDB refuses although this host could answer it. */
  readonly strictCompat: boolean;
}

/** Puts together what is bound to a program, and gives the module its tables. */
export function makeLoadedModule(
  bound: Pick<LoadedModule, 'program' | 'programHash' | 'def' | 'datastore' | 'runner'>,
  lasting: LastingParts,
): LoadedModule {
  const { program, programHash, def, datastore, runner } = bound;
  runner.attach(datastore);
  const executor = new CallExecutor({ runner, ...lasting });
  const httpHandlers = new HttpHandlers(def, { runner, executor, ...lasting });
  const scheduleTables = new ScheduleTables(def.tables);
  const rules = moduleRules(def, lasting.strictCompat);
  const views = makeModuleViews({ def, datastore, runner, executor, environment: lasting.environment });
  return {
    program,
    programHash,
    def,
    datastore,
    runner,
    functions: new FunctionDirectory(def, program.owner),
    scheduleTables,
    executor,
    httpHandlers,
    views,
    sql: new SqlRunner({ datastore, views, rules, scheduleTables, owner: program.owner, ...lasting }),
  };
}
