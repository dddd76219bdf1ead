import type { Row, StateView } from '../datastore/state-view.ts';
import type { Transaction } from '../datastore/transaction.ts';
import type { Datastore } from '../datastore/datastore.ts';
import { ST_VAR } from '../datastore/system-tables.ts';
import { HostError } from '../errors.ts';
import { identityToHex } from '../identity/identity.ts';
import { Catalog, type Visibility } from '../query/catalog.ts';
import { compileStatements, type CompiledStatement, type ResultColumn } from '../query/compile-statements.ts';
import { evaluateEncoded } from '../query/evaluator.ts';
import { type ChangedRows, executeDml } from '../query/execute-dml.ts';
import { explainStatement } from '../query/explain.ts';
import type { SelectPlan } from '../query/plan.ts';
import { queryOverLimit } from '../query/query-error.ts';
import { ROWS_PER_QUERY_MAX, WorkMeter } from '../query/work-meter.ts';
import { RestrictedState } from '../row-security/restricted-state.ts';
import { RestrictedTables } from '../row-security/restricted-tables.ts';
import type { RowRules } from '../row-security/row-rules.ts';
import type { ViewTables } from '../views/view-tables.ts';
import { type CallEnvironment, makeUnwritableError } from './call-environment.ts';
import type { Caller } from './calls.ts';
import type { Committer } from './committer.ts';
import type { Journal } from './journal.ts';
import { tryReadRowLimit, writeRowLimit } from './row-limit.ts';
import type { ScheduleTables } from './schedule-tables.ts';
import type { SqlAnswer, StatementResult } from './sql-answer.ts';

/** What SQL runs on. */
export interface SqlParts {
  readonly datastore: Datastore;
  readonly views: ViewTables;
  readonly rules: RowRules | undefined;
  readonly scheduleTables: ScheduleTables;
  readonly committer: Committer;
  readonly journal: Journal;
  readonly environment: Pick<CallEnvironment, 'metrics'>;
  readonly owner: bigint;
  /** True refuses what SpacetimeDB refuses although this host could answer it. */
  readonly strictCompat: boolean;
}

/** The rows of one answer, in bytes: it is kept in memory whole. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

const NO_CHANGES: ChangedRows = { inserted: 0, deleted: 0, updated: 0 };

/** What a statement gave, but for the time that it took. */
type Outcome = Omit<StatementResult, 'durationMicros'>;

/**
 * Runs SQL of the wider grammar against one program's tables and views. Each statement that writes is one transaction.
 */
export class SqlRunner {
  readonly #parts: SqlParts;
  readonly #restricted: RestrictedTables | undefined;
  #catalogOfTables: Catalog | undefined;
  /** What the statement that runs looked at. */
  #work: WorkMeter | undefined;

  constructor(parts: SqlParts) {
    this.#parts = parts;
    this.#restricted = parts.rules && new RestrictedTables(parts.rules);
  }

  /**
   * Runs the statements of a text, one after the other. Nothing is run when one of them is wrong or not allowed; when
   * one fails later, those before it stay done and the error says so.
   * @throws {QueryError}; @throws {HostError} `identity/forbidden` when anybody but the owner would write,
   * `datastore/unique-violation`, `database/read-only`, `storage/overloaded`; @throws {ViewError}
   */
  run(caller: Caller, text: string): SqlAnswer {
    try {
      return this.#run(caller, text);
    } finally {
      this.#restricted?.dropUnused();
    }
  }

  #run({ identity, connectionId }: Caller, text: string): SqlAnswer {
    const { owner, strictCompat } = this.#parts;
    const visibility: Visibility = { identity, isOwner: identity === owner };
    const statements = compileStatements(text, { catalog: this.#catalog, visibility, strictCompat });
    if (!visibility.isOwner) refuseWriting(statements, identity);
    const caller = { identity, connectionId };
    const results = statements.map((statement, position) => {
      try {
        return this.#timed(statement, { caller, visibility, text });
      } catch (error) {
        throw position === 0 ? error : partlyDone(error, position, statements.length);
      }
    });
    return { results, offset: this.#newestOffset() };
  }

  /** Made when it is first needed: most databases run no SQL of this kind. */
  get #catalog(): Catalog {
    this.#catalogOfTables ??= new Catalog(this.#parts.datastore.tables, this.#parts.views, this.#restricted);
    return this.#catalogOfTables;
  }

  /** Whatever can be read now is durable when this record is. */
  #newestOffset(): bigint | undefined {
    const { nextOffset, failure } = this.#parts.journal;
    return nextOffset === 0n || failure !== undefined ? undefined : nextOffset - 1n;
  }

  #timed(statement: CompiledStatement, asker: Asker): StatementResult {
    const { committer } = this.#parts;
    const { queries } = this.#parts.environment.metrics;
    const startMicros = committer.now();
    const startMs = queries.nowMs();
    this.#work = undefined;
    try {
      return { ...this.#execute(statement, asker), durationMicros: committer.now() - startMicros };
    } finally {
      queries.statementRun(asker.text, this.#rowsLookedAt, startMs, () => explainStatement(statement));
    }
  }

  #execute(statement: CompiledStatement, asker: Asker): Outcome {
    switch (statement.type) {
      case 'select':
        return rowsOf(statement.columns, this.#select(statement.plan, asker.visibility));
      case 'show-row-limit':
        return this.#showRowLimit();
      case 'set-row-limit':
        return this.#write(asker.caller, (transaction) => {
          writeRowLimit(transaction, statement.rows);
          return NO_CHANGES;
        });
      case 'dml':
        return this.#write(asker.caller, (transaction) => this.#executeDml(statement.plan, transaction));
    }
  }

  #select(plan: SelectPlan, { isOwner }: Visibility): readonly Row[] {
    const { views, datastore } = this.#parts;
    const rowLimit = isOwner ? undefined : tryReadRowLimit(datastore.committed);
    const work = this.#measured(makeWorkMeter(rowLimit));
    const tables = plan.relations.map(({ relation }) => relation.table);
    return views.using(tables, () => evaluateEncoded(plan, { state: this.#stateFor(work), work }, ANSWER_BYTES_MAX));
  }

  /** The committed state, with all tables that a plan can have. */
  #stateFor(work: WorkMeter): StateView {
    const { views, datastore } = this.#parts;
    const state = views.over(datastore.committed);
    return this.#restricted === undefined ? state : new RestrictedState(this.#restricted, state, work);
  }

  /** As SpacetimeDB answers it: the variable's value, or no row when it is not set. */
  #showRowLimit(): Outcome {
    const sql = `SELECT value FROM ${ST_VAR.name} WHERE name = 'row_limit'`;
    const visibility = { identity: this.#parts.owner, isOwner: true };
    const [statement] = compileStatements(sql, { catalog: this.#catalog, visibility, strictCompat: false });
    if (statement?.type !== 'select') throw new Error('a SELECT compiles to one');
    return rowsOf(statement.columns, this.#select(statement.plan, visibility));
  }

  #executeDml(plan: Extract<CompiledStatement, { type: 'dml' }>['plan'], transaction: Transaction): ChangedRows {
    const { scheduleTables, committer } = this.#parts;
    return executeDml(plan, {
      transaction,
      work: this.#measured(new WorkMeter()),
      checkRow: (table, row) => {
        if (table.schedule !== undefined) scheduleTables.checkRow(table, row, committer.now());
      },
    });
  }

  get #rowsLookedAt(): number {
    return this.#work?.rowsScanned ?? 0;
  }

  #measured(work: WorkMeter): WorkMeter {
    this.#work = work;
    return work;
  }

  /** Runs a change as one transaction. */
  #write(caller: Caller, change: (transaction: Transaction) => ChangedRows): Outcome {
    const { committer, journal } = this.#parts;
    if (!journal.canAppend) throw makeUnwritableError(journal);
    const timestampMicros = committer.now();
    const transaction = committer.begin('Sql');
    let changed: ChangedRows;
    try {
      changed = change(transaction);
    } catch (error) {
      committer.rollback(transaction);
      throw error;
    }
    committer.commit(transaction, { kind: 'sql', caller, timestampMicros });
    return { columns: [], rows: new Uint8Array(0), rowCount: 0, changed };
  }
}

interface Asker {
  readonly text: string;
  readonly caller: Caller;
  readonly visibility: Visibility;
}

/** @throws {HostError} `identity/forbidden` when a statement writes. */
function refuseWriting(statements: readonly CompiledStatement[], identity: bigint): void {
  if (statements.every(({ type }) => type === 'select' || type === 'show-row-limit')) return;
  const hex = identityToHex(identity);
  throw new HostError({
    code: 'identity/forbidden',
    message: `Caller ${hex} is not authorized to run SQL DML statements`,
    details: { identity: hex },
  });
}

/** The limit of the database, where one is set that is lower than the host's. */
function makeWorkMeter(rowLimit: bigint | undefined): WorkMeter {
  if (rowLimit === undefined || rowLimit >= BigInt(ROWS_PER_QUERY_MAX)) return new WorkMeter();
  return new WorkMeter(Number(rowLimit), overRowLimit);
}

function overRowLimit(rowsScanned: number, rowsMax: number): HostError {
  return queryOverLimit(`Estimated cardinality (${rowsScanned} rows) exceeds limit (${rowsMax} rows)`, { rowsMax });
}

/** The error of a statement behind others that were run. */
function partlyDone(error: unknown, position: number, count: number): unknown {
  if (!(error instanceof HostError)) return error;
  const { code, message, details, retryable } = error;
  return new HostError({
    code,
    message: `statement ${position + 1} of ${count}: ${message} (the statements before it are done)`,
    details: { ...details, statement: position + 1 },
    retryable,
    cause: error,
  });
}

function rowsOf(columns: readonly ResultColumn[], rows: readonly Row[]): Outcome {
  const bytes = new Uint8Array(rows.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const row of rows) {
    bytes.set(row, at);
    at += row.length;
  }
  return { columns, rows: bytes, rowCount: rows.length, changed: NO_CHANGES };
}
