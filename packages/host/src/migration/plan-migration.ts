import type { ModuleDef, RowRuleDef, TableDef, ViewDef } from '../schema/module-def.ts';
import { type MigrationPlan, PlanDraft } from './migration-plan.ts';
import { planTable } from './plan-table.ts';
import { summarizeTable } from './table-summary.ts';
import { compareTypes } from './type-change.ts';

/**
 * What has to be done so that a new program takes over the data of an old one, or why it cannot: all refusals that the
 * definitions give reason for. Tables, columns and what belongs to them are the same when their canonical names are.
 * Functions, their types and HTTP routes may change freely and are in no step.
 */
export function planMigration(before: ModuleDef, after: ModuleDef): MigrationPlan {
  const draft = new PlanDraft();
  planTables(draft, before.tables, after.tables);
  planViews(draft, before.views, after.views);
  planRowLevelSecurity(draft, before.rowLevelSecurity, after.rowLevelSecurity);
  return draft.finish();
}

function planTables(draft: PlanDraft, before: readonly TableDef[], after: readonly TableDef[]): void {
  const newTables = byName(after);
  const oldNames = new Set(before.map(({ name }) => name));
  for (const old of byName(before).values()) {
    const table = newTables.get(old.name);
    if (table !== undefined) {
      planTable(draft, old, table);
    } else {
      draft.step({ type: 'remove-table', table: old.name });
      draft.breakClients();
    }
  }
  for (const table of newTables.values()) {
    if (!oldNames.has(table.name)) draft.step({ type: 'add-table', table: summarizeTable(table) });
  }
}

function planViews(draft: PlanDraft, before: readonly ViewDef[], after: readonly ViewDef[]): void {
  const newViews = byName(after);
  const oldViews = byName(before);
  for (const old of oldViews.values()) {
    const view = newViews.get(old.name);
    if (view === undefined) {
      draft.step({ type: 'remove-view', view: old.name });
      draft.breakClients();
    } else if (!isSameView(old, view)) {
      draft.step({ type: 'remove-view', view: old.name });
      draft.step({ type: 'add-view', view: view.name, access: accessOf(view) });
      draft.breakClients();
    } else {
      if (old.isPublic !== view.isPublic) {
        draft.step({ type: 'change-access', of: 'view', name: view.name, to: accessOf(view) });
      }
      draft.step({ type: 'update-view', view: view.name });
    }
  }
  for (const view of newViews.values()) {
    if (!oldViews.has(view.name)) draft.step({ type: 'add-view', view: view.name, access: accessOf(view) });
  }
}

/** Whether rows of the one are rows of the other, for the same askers. */
function isSameView(before: ViewDef, after: ViewDef): boolean {
  if (before.isAnonymous !== after.isAnonymous || before.primaryKey !== after.primaryKey) return false;
  if (before.columns.length !== after.columns.length) return false;
  return before.columns.every(({ name, algebraicType }, position) => {
    const column = after.columns[position];
    return column?.name === name && compareTypes(algebraicType, column.algebraicType).type === 'same';
  });
}

function accessOf({ isPublic }: ViewDef): 'public' | 'private' {
  return isPublic ? 'public' : 'private';
}

/** Rules of different submodules are different: they name different tables. */
function planRowLevelSecurity(draft: PlanDraft, before: readonly RowRuleDef[], after: readonly RowRuleDef[]): void {
  const missing = (rules: readonly RowRuleDef[], others: readonly RowRuleDef[]): readonly RowRuleDef[] =>
    rules.filter(({ sql, prefix }) => !others.some((other) => other.sql === sql && other.prefix === prefix));
  const [removed, added] = [missing(before, after), missing(after, before)];
  for (const { sql } of removed) draft.step({ type: 'remove-row-level-security', sql });
  for (const { sql } of added) draft.step({ type: 'add-row-level-security', sql });
  if (removed.length > 0 || added.length > 0) draft.breakClients();
}

/** In the order of names, so that plans do not depend on the order of declaration. */
function byName<Named extends { readonly name: string }>(items: readonly Named[]): ReadonlyMap<string, Named> {
  return new Map(items.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((item) => [item.name, item]));
}
