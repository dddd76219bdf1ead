import type { ScheduleDef } from './module-def.ts';
import type { RawScheduleDef, RawTableDef } from './raw-module-def.ts';
import { isScheduleAt } from './special-types.ts';
import type { FunctionDefs } from './validate-functions.ts';
import type { TableDraft } from './validate-table.ts';
import type { ValidationContext } from './validation-context.ts';

/** Checks which tables schedule which functions; by the table's source name. */
export function validateSchedules(
  context: ValidationContext,
  tables: readonly TableDraft[],
  functions: FunctionDefs,
): Map<string, ScheduleDef> {
  const schedules = new Map<string, ScheduleDef>();
  for (const raw of context.raw.schedules) {
    const table = tables.find(({ accessor }) => accessor === raw.tableName);
    if (table === undefined) {
      context.problems.add('TableNotFound', `a schedule is for table \`${raw.tableName}\`, which does not exist`);
      continue;
    }
    if (schedules.has(table.accessor)) {
      context.problems.add('DuplicateSchedule', `table \`${table.name}\` has more than one schedule`);
    }
    schedules.set(table.accessor, validateSchedule(context, { raw, table, functions }));
  }
  return schedules;
}

function validateSchedule(
  context: ValidationContext,
  parts: { readonly raw: RawScheduleDef; readonly table: TableDraft; readonly functions: FunctionDefs },
): ScheduleDef {
  const { raw, table, functions } = parts;
  checkColumns(context, table, raw.atColumn);
  const name = `${table.name}_sched`;
  context.names.claim(name, `the schedule of table \`${table.name}\``);
  const target = [...functions.reducers, ...functions.procedures].find(({ accessor }) => accessor === raw.functionName);
  if (target === undefined) {
    context.problems.add(
      'MissingScheduledFunction',
      `table \`${table.name}\` schedules \`${raw.functionName}\`, which is no reducer and no procedure`,
    );
  } else {
    checkParams(context, table, raw.functionName);
  }
  return { name, atColumn: raw.atColumn, functionName: target?.name ?? raw.functionName };
}

function checkColumns({ problems }: ValidationContext, table: TableDraft, atColumn: number): void {
  const key = table.primaryKey === undefined ? undefined : table.columns[table.primaryKey];
  const at = table.columns[atColumn];
  if (key?.algebraicType.type === 'u64' && at !== undefined && isScheduleAt(at.algebraicType)) return;
  problems.add(
    'ScheduledIncorrectColumns',
    `table \`${table.name}\` needs a primary key of type u64 and a column of type ScheduleAt at position ${atColumn} to be scheduled`,
  );
}

/** The function takes one row of the table and nothing else. */
function checkParams({ raw, problems }: ValidationContext, table: TableDraft, functionName: string): void {
  const rawTable: RawTableDef | undefined = raw.tables.find(({ sourceName }) => sourceName === table.accessor);
  const definition = [...raw.reducers, ...raw.procedures].find(({ sourceName }) => sourceName === functionName);
  const [param, ...others] = definition?.params ?? [];
  const type = param?.algebraicType;
  if (others.length === 0 && type?.type === 'ref' && type.ref === rawTable?.productTypeRef) return;
  problems.add(
    'IncorrectScheduledFunctionParams',
    `\`${functionName}\`, which table \`${table.name}\` schedules, must take exactly one row of that table`,
  );
}
