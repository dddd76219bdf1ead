import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import type { ColumnDef, ViewDef } from './module-def.ts';
import type { RawViewDef } from './raw-module-def.ts';
import { isOption } from './special-types.ts';
import type { ValidationContext } from './validation-context.ts';

/** Checks the views and what they return. */
export function validateViews(context: ValidationContext): ViewDef[] {
  checkPrimaryKeys(context);
  return context.raw.views.map((view) => validateView(context, view));
}

function validateView(context: ValidationContext, raw: RawViewDef): ViewDef {
  const name = context.names.canonical('function', raw.sourceName);
  context.names.claim(name, `view \`${raw.sourceName}\``);
  if (name.startsWith('st_')) {
    context.problems.add('TableNameReserved', `view \`${name}\`: names that start with \`st_\` are the system's`);
  }
  const columns = validateColumns(context, raw, name);
  return {
    id: raw.index,
    name,
    accessor: raw.sourceName,
    isAnonymous: raw.isAnonymous,
    isPublic: raw.isPublic,
    columns,
    primaryKey: validatePrimaryKey(context, raw, columns),
  };
}

function validateColumns({ types, names, problems }: ValidationContext, raw: RawViewDef, name: string): ColumnDef[] {
  const ref = rowRef(raw.returnType);
  const rowType = ref === undefined ? undefined : types.raw(ref);
  if (ref === undefined || rowType?.type !== 'product') {
    problems.add('InvalidViewReturnType', `view \`${name}\` must return an array or an option of a declared row type`);
    return [];
  }
  const resolved = types.resolveRef(ref, `view \`${name}\``);
  const resolvedElements = resolved.type === 'product' ? resolved.elements : [];
  const canonicalNames = new Set<string>();
  return rowType.elements.map(({ name: accessor = '' }, position) => {
    if (accessor === '') problems.add('UnnamedColumn', `view \`${name}\`: column ${position} has no name`);
    const algebraicType: AlgebraicType = resolvedElements[position]?.algebraicType ?? { type: 'product', elements: [] };
    const column = accessor === '' ? '' : names.identifier(names.snake(accessor));
    if (canonicalNames.has(column)) {
      problems.add('DuplicateColumnName', `view \`${name}\`: two columns are named \`${column}\``);
    }
    canonicalNames.add(column);
    return { name: column, accessor, algebraicType };
  });
}

/** The row type of an array, of an option, or of the marker for a query. */
function rowRef(type: AlgebraicType): number | undefined {
  let inner: AlgebraicType | undefined;
  if (type.type === 'array') inner = type.element;
  else if (type.type === 'sum' && isOption(type)) inner = type.variants[0]?.algebraicType;
  else if (type.type === 'product' && type.elements.length === 1 && type.elements[0]?.name === '__query__') {
    inner = type.elements[0].algebraicType;
  }
  return inner?.type === 'ref' ? inner.ref : undefined;
}

function validatePrimaryKey(
  { raw: { viewPrimaryKeys }, problems }: ValidationContext,
  raw: RawViewDef,
  columns: readonly ColumnDef[],
): number | undefined {
  const key = viewPrimaryKeys.find(({ viewSourceName }) => viewSourceName === raw.sourceName);
  const [columnName] = key?.columns ?? [];
  if (key === undefined || columnName === undefined) return undefined;
  if (key.columns.length > 1) {
    problems.add('MultipleViewPrimaryKeyColumns', `view \`${raw.sourceName}\` has more than one primary key column`);
  }
  const position = columns.findIndex(({ accessor }) => accessor === columnName);
  if (position >= 0) return position;
  problems.add(
    'ViewPrimaryKeyColumnNotFound',
    `view \`${raw.sourceName}\` has no column \`${columnName}\` for its key`,
  );
  return undefined;
}

function checkPrimaryKeys({ raw: { viewPrimaryKeys, views }, problems }: ValidationContext): void {
  const seen = new Set<string>();
  for (const { viewSourceName } of viewPrimaryKeys) {
    if (!views.some(({ sourceName }) => sourceName === viewSourceName)) {
      problems.add('ViewPrimaryKeyViewNotFound', `there is no view \`${viewSourceName}\` to have a primary key`);
    }
    if (seen.has(viewSourceName)) {
      problems.add('RepeatedViewPrimaryKey', `view \`${viewSourceName}\` has more than one primary key`);
    }
    seen.add(viewSourceName);
  }
}
