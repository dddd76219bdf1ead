import type { TableDef } from '../schema/module-def.ts';
import type { RestrictionFacts } from '../query/catalog.ts';
import type { SelectStatement } from '../query/syntax.ts';

/** One rule: it returns rows of its table, which whoever it is asked for may see. */
export interface RowRule {
  readonly sql: string;
  readonly statement: SelectStatement;
  /** The submodule that it belongs to, as in `RowRuleDef`. */
  readonly prefix: string;
}

/** The rules of one table. A row is seen by whom at least one of them gives it to. */
export interface TableRules extends RestrictionFacts {
  readonly table: TableDef;
  readonly rules: readonly RowRule[];
  /** Whether none of them looks at another row than the one in question. */
  readonly isCondition: boolean;
  /** 0 when no other table in them has rules; else one more than the highest of those. */
  readonly level: number;
}

/** The row-level security of a module, checked. */
export interface RowRules {
  /** Every table that rules may name, the system's too. */
  readonly tables: readonly TableDef[];
  readonly byTable: ReadonlyMap<number, TableRules>;
}
