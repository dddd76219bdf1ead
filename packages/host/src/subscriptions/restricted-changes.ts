import { assert } from '../assert.ts';
import type { StateView, TableDelta } from '../datastore/state-view.ts';
import type { Delta, IncrementalPlan } from '../query/incremental.ts';
import type { SelectPlan } from '../query/plan.ts';
import { QueryError } from '../query/query-error.ts';
import type { WorkMeter } from '../query/work-meter.ts';
import type { RestrictedTable } from '../row-security/restricted-table.ts';
import type { RowSet, RuleQuery } from '../row-security/rule-query.ts';
import { StateBefore } from '../row-security/state-before.ts';
import type { TableDef } from '../schema/module-def.ts';
import { CandidateIndex } from './candidate-index.ts';

/*
 * What a commit changes in restricted tables. A row stands in one as long as some tuple of some rule has it, so
 *
 *   it came:  a tuple of the state after has it that has an inserted row, and no tuple of the state before has it
 *   it went:  a tuple of the state before has it that has a deleted row, and no tuple of the state after has it
 *
 * Rules look at tables of lower levels, whose changes are worked out first.
 */

/** What a commit changed in a table of a state, and cannot be told of. */
export interface FailedTable {
  readonly table: TableDef;
  readonly message: string;
}

/** A rule of a restricted table that is in use. */
interface LiveRule {
  readonly plan: SelectPlan;
  readonly incremental: IncrementalPlan;
  readonly rule: RuleQuery;
  readonly table: RestrictedTable;
}

/** A commit; `state` is the one after it, with restricted tables. */
export interface FollowedCommit {
  readonly deltas: readonly TableDelta[];
  readonly state: StateView;
  readonly work: WorkMeter;
}

/** Finds what commits change in the restricted tables that are in use. */
export class RestrictedChanges {
  readonly #levels: CandidateIndex<LiveRule>[] = [];
  readonly #live = new Map<RestrictedTable, readonly LiveRule[]>();

  add(table: RestrictedTable): void {
    assert(!this.#live.has(table), 'a restricted table is followed once');
    const rules = table.rules.map((rule) => ({ plan: rule.plan, incremental: rule.incremental, rule, table }));
    this.#live.set(table, rules);
    for (const rule of rules) this.#level(table.level).add(rule);
  }

  remove(table: RestrictedTable): void {
    for (const rule of this.#live.get(table) ?? []) this.#level(table.level).remove(rule);
    this.#live.delete(table);
  }

  /**
   * The changes of the restricted tables, and those whose changes would cost more than a query may: what they show is
   * not known any more.
   */
  follow(commit: FollowedCommit): { readonly deltas: readonly TableDelta[]; readonly failed: readonly FailedTable[] } {
    if (this.#live.size === 0) return { deltas: [], failed: [] };
    const run = new CommitRun(commit);
    for (const index of this.#levels) {
      const failed = run.failDependents(this.#live.keys());
      // Another level's tables have their own limits.
      commit.work.startOverhead();
      const changed = new Map<RestrictedTable, Map<RuleQuery, readonly Delta[]>>();
      for (const [{ rule, table }, changes] of index.route({ ...commit, deltas: run.allDeltas })) {
        if (failed.has(table)) continue;
        changed.set(table, (changed.get(table) ?? new Map<RuleQuery, readonly Delta[]>()).set(rule, changes));
      }
      run.update(changed);
    }
    return run;
  }

  #level(level: number): CandidateIndex<LiveRule> {
    while (this.#levels.length <= level) this.#levels.push(new CandidateIndex());
    const index = this.#levels[level];
    assert(index !== undefined, 'there is an index for each level');
    return index;
  }
}

/** One commit, level by level. */
class CommitRun {
  readonly deltas: TableDelta[] = [];
  readonly failed: FailedTable[] = [];
  readonly #commit: FollowedCommit;
  readonly #before: StateBefore;

  constructor(commit: FollowedCommit) {
    this.#commit = commit;
    this.#before = new StateBefore(commit.state);
    for (const delta of commit.deltas) this.#before.takeBack(delta);
  }

  /** The commit's own changes, and those found so far. */
  get allDeltas(): readonly TableDelta[] {
    return [...this.#commit.deltas, ...this.deltas];
  }

  /** Gives up the tables whose rules look at one that was given up; gives those. */
  failDependents(tables: Iterable<RestrictedTable>): ReadonlySet<RestrictedTable> {
    const failed = new Set<RestrictedTable>();
    if (this.failed.length === 0) return failed;
    for (const table of tables) {
      if (this.failed.some((other) => other.table === table.def)) continue;
      const looked = new Set(table.rules.flatMap((rule) => rule.tables));
      const reason = this.failed.find((other) => looked.has(other.table));
      if (reason === undefined) continue;
      failed.add(table);
      this.failed.push({ table: table.def, message: reason.message });
    }
    return failed;
  }

  /** Works out the changes of tables of one level. */
  update(changed: ReadonlyMap<RestrictedTable, ReadonlyMap<RuleQuery, readonly Delta[]>>): void {
    const found: TableDelta[] = [];
    for (const [table, changes] of changed) {
      try {
        const delta = this.#changeOf(table, changes);
        if (delta !== undefined) found.push(delta);
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        const message = `row-level security of \`${table.def.name}\`: ${error.message}`;
        this.failed.push({ table: table.def, message });
      }
    }
    for (const delta of found) {
      this.#before.takeBack(delta);
      this.deltas.push(delta);
    }
  }

  #changeOf(table: RestrictedTable, changes: ReadonlyMap<RuleQuery, readonly Delta[]>): TableDelta | undefined {
    const { state, work } = this.#commit;
    const [after, before] = [
      { state, work },
      { state: this.#before, work },
    ];
    work.startQuery();
    const [gained, lost]: [RowSet, RowSet] = [new Map(), new Map()];
    for (const [rule, byRelation] of changes) {
      // Not every relation changed: `forEach` passes over the others.
      byRelation.forEach(({ inserts, deletes }, position) => {
        rule.collectFrom(position, inserts, after, gained);
        rule.collectFrom(position, deletes, before, lost);
      });
    }
    const wasSeen = table.makeTest(before);
    const isSeen = table.makeTest(after);
    const wholeId = table.whole.id;
    const inserts = [...gained].filter(
      ([key, row]) => !lost.has(key) && (this.#before.wasInserted(wholeId, key) || !wasSeen(row)),
    );
    const deletes = [...lost].filter(
      ([key, row]) => !gained.has(key) && (this.#before.wasDeleted(wholeId, key) || !isSeen(row)),
    );
    if (inserts.length === 0 && deletes.length === 0) return undefined;
    return { table: table.def, inserts: inserts.map(([, row]) => row), deletes: deletes.map(([, row]) => row) };
  }
}
