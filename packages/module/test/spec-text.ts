/** The parts of SPEC.md that follow from the built module: its tables, functions and types, as Markdown. */
import type { AlgebraicType } from '../../host/src/bsatn/algebraic-type.ts';
import type { ModuleDef, ParamDef, TableDef } from '../../host/src/schema/module-def.ts';

const SPECIALS: Record<string, string> = {
  __timestamp_micros_since_unix_epoch__: 'timestamp',
  __time_duration_micros__: 'time_duration',
  __identity__: 'identity',
  __connection_id__: 'connection_id',
};

/** Each generated part by the name of its markers in SPEC.md. */
export function specParts(def: ModuleDef): Record<string, string> {
  const names = new Map(def.types.map(({ name, algebraicType }) => [JSON.stringify(algebraicType), name]));
  const rowTypes = new Set(def.tables.map((table) => JSON.stringify(rowTypeOf(table))));
  const parameters = new Set(def.reducers.map(({ params }) => JSON.stringify({ type: 'product', elements: params })));
  const types = def.types.filter(({ algebraicType }) => {
    const key = JSON.stringify(algebraicType);
    return !rowTypes.has(key) && !parameters.has(key);
  });
  return {
    tables: def.tables.map((table) => tableText(table, names)).join('\n\n'),
    reducers: def.reducers
      .map(({ name, params, lifecycle, visibility }) => {
        const marks =
          lifecycle === undefined ? (visibility === 'private' ? ' · private' : '') : ` · lifecycle: ${lifecycle}`;
        return `- \`${name}(${paramsText(params, names)})\`${marks}`;
      })
      .join('\n'),
    procedures: def.procedures
      .map(
        ({ name, params, returnType }) =>
          `- \`${name}(${paramsText(params, names)}) -> ${typeText(returnType, names)}\``,
      )
      .join('\n'),
    types: types.map(({ name, algebraicType }) => `- \`${name}\` ${bodyText(algebraicType, names)}`).join('\n'),
  };
}

function tableText(table: TableDef, names: ReadonlyMap<string, string>): string {
  const marks = [table.access, ...(table.isEvent ? ['event table'] : [])];
  if (table.schedule !== undefined) marks.push(`schedule of ${table.schedule.functionName}`);
  const unique = new Set(table.indexes.filter((index) => index.isUnique).flatMap((index) => index.columns));
  const increments = new Set(table.sequences.map((sequence) => sequence.column));
  const columns = table.columns.map((column, position) => {
    const notes = [];
    if (table.primaryKey === position) notes.push('primary key');
    else if (unique.has(position)) notes.push('unique');
    if (increments.has(position)) notes.push('auto-increment');
    return `| ${column.name} | ${typeText(column.algebraicType, names)} | ${notes.join(', ')} |`;
  });
  const indexes = table.indexes
    .filter((index) => !index.isUnique)
    .map((index) => `(${index.columns.map((position) => table.columns[position]?.name).join(', ')})`);
  return [
    `### ${table.name}`,
    '',
    `${marks.join(', ')}. Indexes besides keys: ${indexes.length === 0 ? 'none' : indexes.join(', ')}.`,
    '',
    '| column | type | |',
    '|---|---|---|',
    ...columns,
  ].join('\n');
}

function rowTypeOf(table: TableDef): AlgebraicType {
  return { type: 'product', elements: table.columns.map(({ name, algebraicType }) => ({ name, algebraicType })) };
}

function paramsText(params: readonly ParamDef[], names: ReadonlyMap<string, string>): string {
  return params.map(({ name, algebraicType }) => `${name}: ${typeText(algebraicType, names)}`).join(', ');
}

function bodyText(type: AlgebraicType, names: ReadonlyMap<string, string>): string {
  if (type.type === 'sum') {
    return `one of ${type.variants.map(({ name, algebraicType }) => `\`${name}\` (${typeText(algebraicType, names)})`).join(', ')}`;
  }
  if (type.type !== 'product') return typeText(type, names);
  return `{ ${type.elements.map(({ name, algebraicType }) => `${name}: ${typeText(algebraicType, names)}`).join(', ')} }`;
}

function typeText(type: AlgebraicType, names: ReadonlyMap<string, string>): string {
  const named = names.get(JSON.stringify(type));
  if (named !== undefined) return named;
  if (type.type === 'array') return type.element.type === 'u8' ? 'bytes' : `array<${typeText(type.element, names)}>`;
  if (type.type === 'sum') {
    const [some, none] = type.variants;
    if (some?.name === 'some' && none?.name === 'none') return `option<${typeText(some.algebraicType, names)}>`;
    if (some?.name === 'Interval') return 'schedule_at';
  }
  if (type.type === 'product') {
    const special = SPECIALS[type.elements[0]?.name ?? ''];
    if (special !== undefined) return special;
  }
  return type.type;
}
