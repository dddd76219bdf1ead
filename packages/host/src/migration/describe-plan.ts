import { unreachable } from '../assert.ts';
import type { MigrationPlan, MigrationRefusal, MigrationStep, TableSummary } from './migration-plan.ts';

/** One line of a plan for people: what kind of change it is, for whoever colours it, and the text. */
export interface PlanLine {
  readonly kind: 'add' | 'remove' | 'change' | 'refusal' | 'break';
  readonly text: string;
  /** 1 under the line before that has 0. */
  readonly indent: 0 | 1;
}

/** A plan for people, line by line; a plan that changes no data has none. */
export function describePlan({ steps, refusals }: Pick<MigrationPlan, 'steps' | 'refusals'>): readonly PlanLine[] {
  return [...steps.flatMap(describeStep), ...refusals.flatMap(describeRefusal)];
}

/** The lines as plain text, with a sign for each kind: + add, - remove, ~ change, ! breaks clients, x refused. */
export function formatPlan(lines: readonly PlanLine[]): string {
  if (lines.length === 0) return 'No changes to the data.';
  return lines.map(({ kind, text, indent }) => `${'    '.repeat(indent)}${SIGNS[kind]} ${text}`).join('\n');
}

/** The refusals of a plan as the text of an error. */
export function formatRefusals(refusals: readonly MigrationRefusal[]): string {
  return refusals.map(({ rule, reason, advice }) => `  - [${rule}] ${reason} ${advice}`).join('\n');
}

const SIGNS: Readonly<Record<PlanLine['kind'], string>> = {
  add: '+',
  remove: '-',
  change: '~',
  refusal: 'x',
  break: '!',
};

function describeStep(step: MigrationStep): PlanLine[] {
  switch (step.type) {
    case 'remove-table':
      return [line('remove', `table ${step.table} (only if it is empty)`)];
    case 'remove-index':
      return [line('remove', `index ${step.index} of table ${step.table}`)];
    case 'remove-constraint':
      return [line('remove', `unique constraint on ${step.table}(${step.columns.join(', ')})`)];
    case 'remove-sequence':
      return [line('remove', `auto-increment of ${step.table}.${step.column}`)];
    case 'remove-view':
      return [line('remove', `view ${step.view}`)];
    case 'remove-row-level-security':
      return [line('remove', `row-level security rule: ${step.sql}`)];
    case 'add-table':
      return describeTable(step.table);
    case 'add-index':
      return [line('add', `${step.algorithm} index ${step.index} on ${step.table}(${step.columns.join(', ')})`)];
    case 'add-constraint':
      return [line('add', `unique constraint on ${step.table}(${step.columns.join(', ')})`)];
    case 'add-sequence':
      return [line('add', `auto-increment of ${step.table}.${step.column}`)];
    case 'add-view':
      return [line('add', `${step.access} view ${step.view}`)];
    case 'add-row-level-security':
      return [line('add', `row-level security rule: ${step.sql}`)];
    default:
      return describeChange(step);
  }
}

type ChangeStep = Exclude<
  MigrationStep,
  { readonly type: `add-${Exclude<AddedPart, 'columns'>}` | `remove-${string}` }
>;
type AddedPart = 'table' | 'index' | 'constraint' | 'sequence' | 'view' | 'row-level-security' | 'columns';

function describeChange(step: ChangeStep): PlanLine[] {
  switch (step.type) {
    case 'add-columns':
      return [
        line('change', `table ${step.table}: every row gets new columns at its end, with their defaults`),
        ...step.columns.map(({ name, type }) => below('add', `${name}: ${type}`)),
      ];
    case 'change-columns':
      return [
        line('change', `table ${step.table}: more variants`),
        ...step.columns.map(({ name, from, to }) => below('change', `${name}: ${from} becomes ${to}`)),
      ];
    case 'reschema-event-table':
      return [
        line('change', `event table ${step.table}: its columns are now`),
        ...step.columns.map(({ name, type }) => below('change', `${name}: ${type}`)),
      ];
    case 'change-index-source-name':
      return [
        line('change', `index ${step.index} of table ${step.table}: source name ${step.from} becomes ${step.to}`),
      ];
    case 'change-table-accessor':
      return [line('change', `table ${step.table}: accessor ${step.from} becomes ${step.to}`)];
    case 'change-column-accessor':
      return [line('change', `column ${step.table}.${step.column}: accessor ${step.from} becomes ${step.to}`)];
    case 'change-access':
      return [line('change', `${step.of} ${step.name} becomes ${step.to}`)];
    case 'change-primary-key':
      return [line('change', `table ${step.table}: primary key ${step.from ?? 'none'} becomes ${step.to ?? 'none'}`)];
    case 'update-view':
      return [line('change', `view ${step.view} is evaluated anew`)];
    case 'disconnect-all-users':
      return [line('break', 'all clients are disconnected, and those with old bindings may not work any more')];
    default:
      return unreachable(step);
  }
}

function describeTable(table: TableSummary): PlanLine[] {
  const { name, access, isEvent, columns, primaryKey, uniqueConstraints, indexes, autoIncrement, schedules } = table;
  const lines = [line('add', `${access} ${isEvent ? 'event ' : ''}table ${name}`)];
  for (const column of columns) lines.push(below('add', `${column.name}: ${column.type}`));
  if (primaryKey !== undefined) lines.push(below('add', `primary key ${primaryKey}`));
  for (const constraint of uniqueConstraints) lines.push(below('add', `unique (${constraint.join(', ')})`));
  for (const index of indexes) lines.push(below('add', `index ${index}`));
  for (const column of autoIncrement) lines.push(below('add', `auto-increment of ${column}`));
  if (schedules !== undefined) lines.push(below('add', `its rows call ${schedules} on schedule`));
  return lines;
}

function describeRefusal({ rule, reason, advice }: MigrationRefusal): PlanLine[] {
  return [line('refusal', `[${rule}] ${reason}`), below('refusal', advice)];
}

function line(kind: PlanLine['kind'], text: string): PlanLine {
  return { kind, text, indent: 0 };
}

function below(kind: PlanLine['kind'], text: string): PlanLine {
  return { kind, text, indent: 1 };
}
