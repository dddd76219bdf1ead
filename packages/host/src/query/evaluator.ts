import { assert } from '../assert.ts';
import { encodeValue } from '../bsatn/codec.ts';
import { queryOverLimit } from './query-error.ts';
import { addToBucket } from './row-buckets.ts';
import type { Row, StateView } from '../datastore/state-view.ts';
import type { Access, Lookup, PlannedRelation, SelectPlan, Step, Tuple } from './plan.ts';
import type { OutputColumn } from './checker.ts';
import type { Scalar, ScalarKey } from './scalar-type.ts';
import type { WorkMeter } from './work-meter.ts';

/** The state that a query is answered from, and where its cost is counted. */
export interface EvaluationContext {
  readonly state: StateView;
  readonly work: WorkMeter;
}

/** The rows of a query that returns whole rows, each as often as it matches, up to the limit. */
export function evaluateRows(plan: SelectPlan, context: EvaluationContext): readonly Row[] {
  const { output } = plan;
  assert(output.type === 'rows', 'the query returns whole rows');
  const rows: Row[] = [];
  new Evaluation(plan, context).run((tuple) => {
    rows.push(rowAt(tuple, output.relation));
  });
  return rows;
}

/**
 * The rows of any query, each as the BSATN of its output columns. A number of rows counts as u64.
 * @throws {QueryError} `query/limit` when they take more than `bytesMax` together.
 */
export function evaluateEncoded(plan: SelectPlan, context: EvaluationContext, bytesMax: number): readonly Row[] {
  const { output, relations } = plan;
  if (output.type === 'count') return plan.limit === 0 ? [] : [encodeValue({ type: 'u64' }, countRows(plan, context))];
  const rows: Row[] = [];
  let bytes = 0;
  new Evaluation(plan, context).run((tuple) => {
    const row =
      output.type === 'rows' ? rowAt(tuple, output.relation) : encodeColumns(relations, tuple, output.columns);
    bytes += row.length + ROW_OVERHEAD_BYTES;
    if (bytes > bytesMax) {
      throw queryOverLimit(`The answer is larger than ${bytesMax} bytes; narrow it down, or add a LIMIT`, { bytesMax });
    }
    rows.push(row);
  });
  return rows;
}

/** What a row costs besides its bytes, roughly. */
const ROW_OVERHEAD_BYTES = 32;

function countRows(plan: SelectPlan, context: EvaluationContext): bigint {
  const [only] = plan.relations;
  if (plan.relations.length === 1 && only?.access.type === 'scan' && only.test === undefined) {
    return BigInt(context.state.table(only.relation.table.id).rowCount);
  }
  let count = 0n;
  new Evaluation({ ...plan, limit: undefined }, context).run(() => {
    count += 1n;
  });
  return count;
}

function encodeColumns(relations: readonly PlannedRelation[], tuple: Tuple, columns: readonly OutputColumn[]): Row {
  const parts = columns.map(({ relation, column }) =>
    planned(relations, relation).relation.codec.columnBytes(rowAt(tuple, relation), column),
  );
  const row = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    row.set(part, at);
    at += part.length;
  }
  return row;
}

function planned(relations: readonly PlannedRelation[], position: number): PlannedRelation {
  const relation = relations[position];
  assert(relation !== undefined, 'a position has a relation');
  return relation;
}

function rowAt(tuple: Tuple, position: number): Row {
  const row = tuple[position];
  assert(row !== undefined, 'the relations of an output are bound');
  return row;
}

/** Rows that an access finds, those included that the relation's condition refuses. */
function* accessRows(relation: PlannedRelation, access: Access, context: EvaluationContext): Iterable<Row> {
  if (access.type === 'none') return;
  const table = context.state.table(relation.relation.table.id);
  if (access.type === 'scan') return yield* counted(table.scan(), context.work);
  for (const range of access.ranges) yield* counted(table.seek(access.index, range), context.work);
}

/** Rows whose key column has this value, by an index; those included that the relation's condition refuses. */
export function lookupRows(
  relation: PlannedRelation,
  lookup: Extract<Lookup, { type: 'index' }>,
  value: Scalar,
  context: EvaluationContext,
): Iterable<Row> {
  const prefix = [...lookup.prefix, lookup.key.type.wrap(value)];
  return counted(context.state.table(relation.relation.table.id).seek(lookup.index, { prefix }), context.work);
}

/** Counts rows as they are taken. */
export function* counted(rows: Iterable<Row>, work: WorkMeter): Iterable<Row> {
  for (const row of rows) {
    work.countRows(1);
    yield row;
  }
}

/**
 * Runs of a plan over one state: nested loops, one for each step. What is looked up without an index is put into hash
 * tables that serve all runs, so the state must stay as it is.
 */
export class Evaluation {
  readonly #plan: SelectPlan;
  readonly #context: EvaluationContext;
  readonly #tuple: Row[] = [];
  readonly #hashTables = new Map<Step, ReadonlyMap<ScalarKey, readonly Row[]>>();
  #remaining = 0;
  #emit: (tuple: Tuple) => void = () => undefined;

  constructor(plan: SelectPlan, context: EvaluationContext) {
    this.#plan = plan;
    this.#context = context;
  }

  /** Gives every tuple, up to the plan's limit. `tuple` is good until the next is given. */
  run(emit: (tuple: Tuple) => void): void {
    this.#context.work.startQuery();
    this.runWithin(emit);
  }

  /** As `run`, as part of another query: what it costs is that query's. */
  runWithin(emit: (tuple: Tuple) => void): void {
    if (this.#isEmpty) return;
    this.#emit = emit;
    this.#remaining = this.#plan.limit ?? Number.POSITIVE_INFINITY;
    if (this.#remaining > 0) this.#runFrom(0);
  }

  /**
   * Gives the tuples in which the first step's relation has one of these rows, whether the state has the row or not; at
   * most `limit` for each. Part of another query, too.
   */
  runOver(rows: Iterable<Row>, limit: number, emit: (tuple: Tuple) => void): void {
    const [step] = this.#plan.steps;
    assert(step !== undefined, 'a plan has a step for each relation');
    if (this.#isEmpty) return;
    this.#emit = emit;
    for (const row of counted(rows, this.#context.work)) {
      this.#remaining = limit;
      this.#bind(0, step, row);
    }
  }

  get #isEmpty(): boolean {
    return this.#plan.relations.some(({ access }) => access.type === 'none');
  }

  /** Binds the relations from this step on in every way. */
  #runFrom(stepNumber: number): void {
    const step = this.#plan.steps[stepNumber];
    if (step === undefined) {
      this.#emit(this.#tuple);
      this.#remaining -= 1;
      return;
    }
    const relation = planned(this.#plan.relations, step.position);
    for (const row of this.#source(step, relation)) {
      this.#bind(stepNumber, step, row);
      if (this.#remaining <= 0) return;
    }
  }

  #bind(stepNumber: number, step: Step, row: Row): void {
    const { test } = planned(this.#plan.relations, step.position);
    if (test !== undefined && !test(row)) return;
    this.#tuple[step.position] = row;
    if (step.test !== undefined && !step.test(this.#tuple)) return;
    this.#runFrom(stepNumber + 1);
  }

  #source(step: Step, relation: PlannedRelation): Iterable<Row> {
    const { source } = step;
    if (source.type === 'access') return accessRows(relation, source.access, this.#context);
    const { from, lookup } = source;
    const value = planned(this.#plan.relations, from.relation).relation.reader(from.column)(
      rowAt(this.#tuple, from.relation),
    );
    if (lookup.type === 'index') return lookupRows(relation, lookup, value, this.#context);
    return counted(this.#hashTable(step, relation, lookup).get(lookup.key.type.key(value)) ?? [], this.#context.work);
  }

  /** The rows of a relation by the lookup's key; built at the first use. */
  #hashTable(step: Step, relation: PlannedRelation, { key }: Lookup): ReadonlyMap<ScalarKey, readonly Row[]> {
    const known = this.#hashTables.get(step);
    if (known !== undefined) return known;
    const table = new Map<ScalarKey, Row[]>();
    const read = relation.relation.reader(key.column);
    for (const row of accessRows(relation, relation.access, this.#context))
      addToBucket(table, key.type.key(read(row)), row);
    this.#hashTables.set(step, table);
    return table;
  }
}
