import type { ModuleDef } from '@inner-universe/host';
import { typeText } from '@inner-universe/host/codegen';

/** One thing that a module has now and had not before, or the other way round, or has in another form. */
export interface DefinitionChange {
  readonly type: 'added' | 'removed' | 'changed';
  /** What it is: `table`, `event table`, `view`, `reducer`, `procedure`, `type`, `route`. */
  readonly kind: string;
  readonly name: string;
  /** What is added, removed or different about it, one line each. */
  readonly details: readonly string[];
}

/** What differs between two definitions of a module, by kind and name; all that is there, when there was none before. */
export function describeChanges(before: ModuleDef | undefined, after: ModuleDef): readonly DefinitionChange[] {
  const old = new Map((before === undefined ? [] : partsOf(before)).map((part) => [keyOf(part), part]));
  const changes: DefinitionChange[] = [];
  for (const part of partsOf(after)) {
    const former = old.get(keyOf(part));
    old.delete(keyOf(part));
    const { kind, name } = part;
    if (former === undefined) changes.push({ type: 'added', kind, name, details: [] });
    else if (hasChanged(former, part)) changes.push({ type: 'changed', kind, name, details: diffTraits(former, part) });
  }
  for (const { kind, name } of old.values()) changes.push({ type: 'removed', kind, name, details: [] });
  return changes;
}

/** One part of a definition, by what can be said of it in words. */
interface Part {
  readonly kind: string;
  readonly name: string;
  readonly traits: readonly string[];
}

function keyOf({ kind, name }: Part): string {
  return `${kind} ${name}`;
}

function partsOf(def: ModuleDef): Part[] {
  return [
    ...def.tables.filter((table) => !table.isSystem).map(describeTable),
    ...def.views.map((view) => ({
      kind: 'view',
      name: view.name,
      traits: [...columnTraits(view.columns), `${view.isPublic ? 'public' : 'private'}`],
    })),
    ...def.reducers.map((reducer) => ({
      kind: reducer.lifecycle === undefined ? 'reducer' : 'lifecycle reducer',
      name: reducer.name,
      traits: [signature(reducer.params), reducer.visibility],
    })),
    ...def.procedures.map(({ name, params, returnType, visibility }) => ({
      kind: 'procedure',
      name,
      traits: [`${signature(params)}: ${typeText(returnType)}`, visibility],
    })),
    ...def.httpRoutes.map(({ method, path, handlerName }) => ({
      kind: 'route',
      name: `${method ?? 'ANY'} ${path}`,
      traits: [`calls ${handlerName}`],
    })),
  ];
}

function describeTable(table: ModuleDef['tables'][number]): Part {
  const names = (positions: readonly number[]): string =>
    positions.map((position) => table.columns[position]?.name ?? '').join(', ');
  return {
    kind: table.isEvent ? 'event table' : 'table',
    name: table.name,
    traits: [
      ...columnTraits(table.columns),
      ...(table.primaryKey === undefined ? [] : [`primary key ${names([table.primaryKey])}`]),
      ...table.constraints.map(({ columns }) => `unique (${names(columns)})`),
      ...table.indexes.map(({ algorithm, columns }) => `${algorithm} index (${names(columns)})`),
      ...table.sequences.map(({ column }) => `auto-increment of ${names([column])}`),
      ...(table.schedule === undefined ? [] : [`rows call ${table.schedule.functionName} on schedule`]),
      table.access,
    ],
  };
}

function columnTraits(columns: ModuleDef['tables'][number]['columns']): readonly string[] {
  return columns.map(({ name, algebraicType }) => `column ${name}: ${typeText(algebraicType)}`);
}

function signature(params: ModuleDef['reducers'][number]['params']): string {
  return `(${params.map(({ name, algebraicType }) => `${name}: ${typeText(algebraicType)}`).join(', ')})`;
}

function hasChanged(before: Part, after: Part): boolean {
  return before.traits.join('\n') !== after.traits.join('\n');
}

function diffTraits(before: Part, after: Part): readonly string[] {
  const [old, now] = [new Set(before.traits), new Set(after.traits)];
  const details = [
    ...before.traits.filter((trait) => !now.has(trait)).map((trait) => `- ${trait}`),
    ...after.traits.filter((trait) => !old.has(trait)).map((trait) => `+ ${trait}`),
  ];
  return details.length > 0 ? details : ['~ the order of its parts'];
}
