import { assert } from '../assert.ts';
import { Catalog, type RowRestriction, type RowRestrictions, type Visibility } from '../query/catalog.ts';
import { checkSubscription, type CheckedSubscription } from '../query/checker.ts';
import { makeOr } from '../query/predicate.ts';
import type { TableDef } from '../schema/module-def.ts';
import { RestrictedTable } from './restricted-table.ts';
import type { RowRule, RowRules, TableRules } from './row-rules.ts';
import { RuleQuery } from './rule-query.ts';
import { tablesOfSubmodule } from './submodule-tables.ts';

/*
 * What everybody but the owner sees of tables with rules.
 *
 * - Where the rules of a table look at nothing but the row in question, they become part of the condition of a query;
 *   where not, the query is asked of a restricted table instead, which there is one of for each who sees other rows.
 * - A restricted table keeps no rows: it finds them, and tests them, by the rules and by the tables that these look at.
 * - Rules look at other tables as the asker sees those, and at their own table whole.
 */

/** Above every number of a table of a module and of an instance of a view. */
const FIRST_ID = 2 ** 48;

/** The restricted tables of one program. */
export class RestrictedTables implements RowRestrictions {
  readonly #rules: RowRules;
  readonly #catalogs = new Map<string, Catalog>();
  readonly #byKey = new Map<string, RestrictedTable>();
  readonly #byId = new Map<number, RestrictedTable>();
  readonly #unused = new Set<RestrictedTable>();
  #nextId: number = FIRST_ID;

  constructor(rules: RowRules) {
    this.#rules = rules;
  }

  has({ id }: TableDef): boolean {
    return this.#rules.byTable.has(id);
  }

  /** A restricted table that it gives is there until `dropUnused`, unless it is in use then. */
  restrictionFor({ id }: TableDef, visibility: Visibility): RowRestriction | undefined {
    const rules = this.#rules.byTable.get(id);
    if (rules === undefined || id === visibility.wholeTable) return undefined;
    const { usesSender, expandedTables, hasIndexes } = rules;
    const facts = { usesSender, expandedTables, hasIndexes };
    // Who asks makes no difference to rules without `:sender`: then all share one table.
    const identity = usesSender ? visibility.identity : 0n;
    if (!rules.isCondition) return { type: 'table', ...facts, table: this.#tableFor(rules, identity).def };
    const conditions = rules.rules.map((rule) => this.#check(rule, rules.table, identity).predicate);
    return { type: 'condition', ...facts, condition: makeOr(conditions) };
  }

  /** The restricted table of this number; undefined for other tables. */
  find(tableId: number): RestrictedTable | undefined {
    return this.#byId.get(tableId);
  }

  /** Begins to use a restricted table and those that its rules look at; gives those that nobody used before. */
  acquire({ id }: TableDef): readonly RestrictedTable[] {
    const table = this.#byId.get(id);
    if (table === undefined) return [];
    table.users += 1;
    if (table.users > 1) return [];
    this.#unused.delete(table);
    return [...lookedAt(table).flatMap((other) => this.acquire(other)), table];
  }

  /** Ends one use that `acquire` began; gives the tables that nobody uses any more. */
  release({ id }: TableDef): readonly RestrictedTable[] {
    const table = this.#byId.get(id);
    if (table === undefined) return [];
    assert(table.users > 0, 'a restricted table that is released is in use');
    table.users -= 1;
    if (table.users > 0) return [];
    this.#unused.add(table);
    return [table, ...lookedAt(table).flatMap((other) => this.release(other))];
  }

  /** Forgets the tables that nobody uses: to be called when what asked for them was answered. */
  dropUnused(): void {
    for (const table of this.#unused) {
      this.#byKey.delete(table.key);
      this.#byId.delete(table.def.id);
    }
    this.#unused.clear();
  }

  #tableFor({ table: whole, rules, level }: TableRules, identity: bigint): RestrictedTable {
    const key = `${whole.id} ${identity.toString(16)}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const queries = rules.map((rule) => new RuleQuery(this.#check(rule, whole, identity)));
    const table = new RestrictedTable({
      key,
      def: { ...whole, id: this.#newId(), restricts: whole.id },
      whole,
      level,
      rules: queries,
    });
    this.#byKey.set(key, table);
    this.#byId.set(table.def.id, table);
    this.#unused.add(table);
    return table;
  }

  /** A rule as it is for one asker. It was checked when the module was published: it has no errors. */
  #check({ statement, prefix }: RowRule, { id }: TableDef, identity: bigint): CheckedSubscription {
    return checkSubscription(statement, this.#catalogFor(prefix), { identity, isOwner: false, wholeTable: id });
  }

  #catalogFor(prefix: string): Catalog {
    const known = this.#catalogs.get(prefix);
    if (known !== undefined) return known;
    const catalog = new Catalog(tablesOfSubmodule(this.#rules.tables, prefix), undefined, this);
    this.#catalogs.set(prefix, catalog);
    return catalog;
  }

  #newId(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }
}

function lookedAt({ rules }: RestrictedTable): readonly TableDef[] {
  return rules.flatMap(({ tables }) => tables);
}
