import type { Row } from '../datastore/state-view.ts';
import type { EvaluationContext } from '../query/evaluator.ts';
import type { TableDef } from '../schema/module-def.ts';
import type { RowSet, RuleQuery } from './rule-query.ts';

/** What a restricted table is made of. */
interface RestrictedTableParts {
  /** Names the table and who sees this of it. */
  readonly key: string;
  /** As the table's own, but for the number. */
  readonly def: TableDef;
  readonly whole: TableDef;
  /** As in `TableRules`. */
  readonly level: number;
  readonly rules: readonly RuleQuery[];
}

/** What one asker, or all who see the same, may see of a table: those rows that at least one rule gives. */
export class RestrictedTable {
  readonly key: string;
  readonly def: TableDef;
  readonly whole: TableDef;
  readonly level: number;
  readonly rules: readonly RuleQuery[];
  users = 0;

  constructor({ key, def, whole, level, rules }: RestrictedTableParts) {
    this.key = key;
    this.def = def;
    this.whole = whole;
    this.level = level;
    this.rules = rules;
  }

  /** Its rows, each once. */
  rows(context: EvaluationContext): Iterable<Row> {
    const rows: RowSet = new Map();
    for (const rule of this.rules) rule.collect(context, rows);
    return rows.values();
  }

  /** A test whether a row of the whole table is one of its own, good as long as the state stays as it is. */
  makeTest(context: EvaluationContext): (row: Row) => boolean {
    const tests = this.rules.map((rule) => rule.makeTest(context));
    return (row) => tests.some((test) => test(row));
  }
}
