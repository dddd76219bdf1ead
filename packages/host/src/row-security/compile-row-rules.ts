import { assert } from '../assert.ts';
import { Catalog, type Visibility } from '../query/catalog.ts';
import { type CheckedSubscription, checkSubscription } from '../query/checker.ts';
import { refuseNot, usesIndexJoin } from '../query/compile.ts';
import { parseSelect } from '../query/parser.ts';
import { invalidQuery, QueryError, unsupportedQuery } from '../query/query-error.ts';
import { Problems } from '../schema/problems.ts';
import type { ModuleDef, RowRuleDef, TableDef } from '../schema/module-def.ts';
import { tablesOfSubmodule } from './submodule-tables.ts';
import type { RowRule, RowRules, TableRules } from './row-rules.ts';

/** Rules that look at tables with rules of their own, and so on, more often than this are refused. */
const LEVELS_MAX = 16;

/** What rules are compiled with. */
export interface RowRulesOptions {
  readonly def: Pick<ModuleDef, 'rowLevelSecurity' | 'views'>;
  /** Every table, the system's too. */
  readonly tables: readonly TableDef[];
  /** True refuses what SpacetimeDB refuses although this host could do it. */
  readonly strictCompat: boolean;
}

/**
 * Compiles the row-level security of a module. Undefined when it has none.
 * @throws {SchemaError} `schema/invalid` naming every rule that cannot be, and why
 */
export function compileRowRules({ def, tables, strictCompat }: RowRulesOptions): RowRules | undefined {
  if (def.rowLevelSecurity.length === 0) return undefined;
  const problems = new Problems();
  const checked: CheckedRule[] = [];
  const catalogs = new Map<string, Catalog>();
  for (const rule of def.rowLevelSecurity) {
    const catalog = catalogs.get(rule.prefix) ?? new Catalog(tablesOfSubmodule(tables, rule.prefix));
    catalogs.set(rule.prefix, catalog);
    try {
      checked.push(checkRule(rule, { catalog, views: def.views, strictCompat }));
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      problems.add('InvalidRowLevelSecurity', `row-level security \`${rule.sql}\`: ${error.message}`);
    }
  }
  problems.throwIfAny();
  const byTable = new RuleGraph(checked, tables, problems).finish();
  problems.throwIfAny();
  return { tables, byTable };
}

/** A rule whose names and types are sound. */
interface CheckedRule {
  readonly rule: RowRule;
  /** Number of the table whose rows it returns. */
  readonly tableId: number;
  /** Numbers of the tables that it looks at, the table itself too, each as often as it stands there. */
  readonly lookedAt: readonly number[];
  readonly usesSender: boolean;
  readonly hasIndexes: boolean;
}

/** Rules see what everybody may see, and are asked for nobody yet. */
const ANYBODY: Visibility = { identity: 0n, isOwner: false };

/** @throws {QueryError} */
function checkRule(
  { sql, prefix }: RowRuleDef,
  context: { readonly catalog: Catalog; readonly views: ModuleDef['views']; readonly strictCompat: boolean },
): CheckedRule {
  const statement = parseSelect(sql.trim());
  if (context.strictCompat) refuseNot(statement.where);
  for (const { table } of statement.from) explainUnusable(table, prefix, context);
  const checked = checkSubscription(statement, context.catalog, ANYBODY);
  refuseUnusable(checked);
  return {
    rule: { sql, statement, prefix },
    tableId: checked.table.id,
    lookedAt: checked.relations.map(({ relation }) => relation.table.id),
    usesSender: checked.usesSender,
    hasIndexes: checked.relations.length === 1 || usesIndexJoin(checked),
  };
}

/** Says of a table that a rule cannot name more than that there is none. @throws {QueryError} */
function explainUnusable(
  name: string,
  prefix: string,
  { catalog, views }: { readonly catalog: Catalog; readonly views: ModuleDef['views'] },
): void {
  if (catalog.tryResolve(name, ANYBODY) !== undefined) return;
  if (catalog.tryResolve(name, { ...ANYBODY, isOwner: true }) !== undefined) {
    throw invalidQuery(
      `the table \`${name}\` is private, and rules are for public tables and look at public tables alone. Make it public, with a rule that hides its rows, or let a view do what the rule should`,
    );
  }
  const isView = views.some((view) => view.accessor === `${prefix}${name}` || view.name === `${prefix}${name}`);
  if (isView) throw unsupportedQuery(`\`${name}\` is a view, and rules are for tables and look at tables alone`);
}

/** @throws {QueryError} */
function refuseUnusable({ table, relations, output }: CheckedSubscription): void {
  if (table.isSystem) throw unsupportedQuery(`\`${table.name}\` is a system table, which has rules of its own`);
  for (const [position, { relation }] of relations.entries()) {
    if (!relation.table.isEvent || (output.type === 'rows' && output.relation === position)) continue;
    throw unsupportedQuery(
      `Event tables cannot be used as the lookup table in joins, and \`${relation.table.name}\` is one: its rows do not stay`,
    );
  }
}

/** Which tables' rules look at which others. */
class RuleGraph {
  readonly #rules = new Map<number, CheckedRule[]>();
  readonly #tables: ReadonlyMap<number, TableDef>;
  readonly #problems: Problems;
  readonly #finished = new Map<number, TableRules>();
  /** Tables whose rules are being worked out, each looked at by the one before it. */
  readonly #path: number[] = [];

  constructor(rules: readonly CheckedRule[], tables: readonly TableDef[], problems: Problems) {
    for (const rule of rules) this.#rules.set(rule.tableId, [...(this.#rules.get(rule.tableId) ?? []), rule]);
    this.#tables = new Map(tables.map((table) => [table.id, table]));
    this.#problems = problems;
  }

  finish(): ReadonlyMap<number, TableRules> {
    for (const tableId of this.#rules.keys()) this.#visit(tableId);
    return this.#finished;
  }

  /** Undefined for a table without rules, and where there is no end to it. */
  #visit(tableId: number): TableRules | undefined {
    const rules = this.#rules.get(tableId);
    const known = this.#finished.get(tableId);
    if (rules === undefined || known !== undefined) return known;
    if (this.#path.includes(tableId)) return this.#refuseCycle(tableId);
    this.#path.push(tableId);
    const parts = rules.map((rule) => this.#expand(rule));
    this.#path.pop();
    const level = Math.max(...parts.map((part) => part.level));
    const table = this.#table(tableId);
    if (level === LEVELS_MAX) {
      this.#problems.add(
        'RowLevelSecurityTooDeep',
        `row-level security of table \`${table.name}\` looks at tables with rules that look at tables with rules, more than ${LEVELS_MAX} times over`,
      );
    }
    const finished: TableRules = {
      table,
      rules: rules.map(({ rule }) => rule),
      usesSender: parts.some(({ usesSender }) => usesSender),
      isCondition: rules.every(({ lookedAt }) => lookedAt.length === 1),
      level,
      expandedTables: Math.max(...parts.map((part) => part.expandedTables)),
      hasIndexes: parts.every(({ hasIndexes }) => hasIndexes),
    };
    this.#finished.set(tableId, finished);
    return finished;
  }

  /** A rule together with the rules of what it looks at. It sees its own table whole. */
  #expand(rule: CheckedRule): Pick<TableRules, 'usesSender' | 'level' | 'expandedTables' | 'hasIndexes'> {
    const others = rule.lookedAt.filter((tableId) => tableId !== rule.tableId);
    const inner = others.map((tableId) => this.#visit(tableId)).filter((rules) => rules !== undefined);
    return {
      usesSender: rule.usesSender || inner.some(({ usesSender }) => usesSender),
      level: Math.max(-1, ...inner.map(({ level }) => level)) + 1,
      expandedTables: inner.reduce((sum, { expandedTables }) => sum + expandedTables - 1, rule.lookedAt.length),
      hasIndexes: rule.hasIndexes && inner.every(({ hasIndexes }) => hasIndexes),
    };
  }

  #refuseCycle(tableId: number): undefined {
    const cycle = [...this.#path.slice(this.#path.indexOf(tableId)), tableId];
    const names = cycle.map((id) => `\`${this.#table(id).name}\``).join(', which looks at ');
    this.#problems.add('RowLevelSecurityCycle', `row-level security has no end: the rules of ${names}`);
    return undefined;
  }

  #table(tableId: number): TableDef {
    const table = this.#tables.get(tableId);
    assert(table !== undefined, 'what a rule names is a table');
    return table;
  }
}
