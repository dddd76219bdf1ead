import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import { compileCodec } from '../bsatn/codec.ts';
import { BsatnReader } from '../bsatn/reader.ts';
import { BsatnError } from '../bsatn/bsatn-error.ts';
import type { ColumnDef, ConstraintDef, IndexDef, SequenceDef, TableDef } from './module-def.ts';
import type { RawIndexDef, RawSequenceDef, RawTableDef } from './raw-module-def.ts';
import { isUnit } from './special-types.ts';
import type { ValidationContext } from './validation-context.ts';

/** A table that has no numbers yet. */
export interface TableDraft extends Omit<TableDef, 'id' | 'indexes'> {
  readonly indexes: readonly Omit<IndexDef, 'id'>[];
}

const I128_MAX = (1n << 127n) - 1n;

/** Checks one table and works out its names. Problems are reported; what comes back is good only without any. */
export function validateTable(context: ValidationContext, raw: RawTableDef): TableDraft {
  const name = context.names.canonical('table', raw.sourceName);
  if (name.startsWith('st_')) {
    context.problems.add('TableNameReserved', `table \`${name}\`: names that start with \`st_\` are the system's`);
  }
  const owner = `table \`${raw.sourceName}\``;
  context.names.claim(raw.sourceName, owner);
  context.names.claim(name, owner);
  return new TableValidation(context, raw, name).validate();
}

class TableValidation {
  readonly #context: ValidationContext;
  readonly #raw: RawTableDef;
  readonly #name: string;
  readonly #columns: readonly ColumnDef[];

  constructor(context: ValidationContext, raw: RawTableDef, name: string) {
    this.#context = context;
    this.#raw = raw;
    this.#name = name;
    this.#columns = this.#validateColumns();
  }

  validate(): TableDraft {
    const raw = this.#raw;
    const constraints = raw.constraints.map((columns) => this.#validateConstraint(columns));
    const indexes = raw.indexes.map((index) => this.#validateIndex(index));
    const sequences = raw.sequences.map((sequence) => this.#validateSequence(sequence));
    this.#checkConstraintsHaveIndexes();
    this.#checkOneSequencePerColumn();
    return {
      name: this.#name,
      accessor: raw.sourceName,
      columns: this.#columns,
      primaryKey: this.#validatePrimaryKey(),
      indexes,
      constraints,
      sequences,
      access: raw.access,
      isEvent: raw.isEvent,
      isSystem: false,
    };
  }

  #validateColumns(): ColumnDef[] {
    const { types, names } = this.#context;
    const { productTypeRef } = this.#raw;
    const rowType = types.raw(productTypeRef);
    if (rowType?.type !== 'product') {
      this.#report('InvalidProductTypeRef', `its row type ${productTypeRef} is not a product`);
      return [];
    }
    const resolved = types.resolveRef(productTypeRef, `table \`${this.#name}\``);
    const canonicalNames = new Set<string>();
    const columns = rowType.elements.map(({ name: accessor = '' }, position): ColumnDef => {
      if (accessor === '') this.#report('UnnamedColumn', `column ${position} has no name`);
      const name = accessor === '' ? '' : names.identifier(names.snake(accessor));
      if (canonicalNames.has(name)) this.#report('DuplicateColumnName', `two columns are named \`${name}\``);
      canonicalNames.add(name);
      const algebraicType = elementType(resolved, position);
      return { name, accessor, algebraicType, defaultValue: this.#validateDefault(position, algebraicType) };
    });
    for (const { column } of this.#raw.defaultValues) {
      if (column >= columns.length) this.#report('ColumnNotFound', `a default is for column ${column}`);
    }
    return columns;
  }

  #validateDefault(position: number, type: AlgebraicType): Uint8Array | undefined {
    // Of several defaults for one column the last one counts.
    const value = this.#raw.defaultValues.findLast(({ column }) => column === position)?.value;
    if (value === undefined) return undefined;
    try {
      // Bytes behind the value are not an error, but they must not get into rows.
      const reader = new BsatnReader(value);
      compileCodec(type).skip(reader);
      return value.subarray(0, reader.offset);
    } catch (error) {
      if (!(error instanceof BsatnError)) throw error;
      this.#report(
        'ColumnDefaultValueMalformed',
        `the default of column ${position} is not of its type: ${error.message}`,
      );
      return undefined;
    }
  }

  #validatePrimaryKey(): number | undefined {
    const { primaryKey, constraints } = this.#raw;
    const [column] = primaryKey;
    if (column === undefined) return undefined;
    if (primaryKey.length > 1) {
      this.#report('RepeatedPrimaryKey', 'it has more than one primary key column');
    } else if (column >= this.#columns.length) {
      this.#report('ColumnNotFound', `its primary key is column ${column}`);
    } else if (!constraints.some((columns) => columns.length === 1 && columns[0] === column)) {
      this.#report('MissingPrimaryKeyUniqueConstraint', 'its primary key has no unique constraint of its own');
    }
    return column;
  }

  #validateConstraint(columns: readonly number[]): ConstraintDef {
    const columnNames = this.#columnNames(columns, 'a unique constraint');
    const name = `${this.#name}_${columnNames}_key`;
    this.#context.names.claim(name, `a unique constraint of table \`${this.#name}\` on (${columns.join(', ')})`);
    const twins = this.#raw.constraints.filter((other) => other.join() === columns.join());
    if (twins.length > 1) this.#report('DuplicateName', `two unique constraints are named \`${name}\``);
    return { name, columns };
  }

  #validateIndex(raw: RawIndexDef): Omit<IndexDef, 'id'> {
    const { names } = this.#context;
    const { columns, algorithm } = raw;
    const columnNames = this.#columnNames(columns, 'an index');
    const accessor = raw.sourceName;
    const explicit = accessor === undefined ? undefined : names.explicit('index', accessor);
    const name = names.identifier(explicit ?? `${this.#name}_${columnNames}_idx_${algorithm}`);
    const owner = `an index of table \`${this.#name}\` (${accessor ?? 'without a source name'})`;
    if (accessor === undefined) this.#report('IdentifierError', `index \`${name}\` has no source name`);
    else names.claim(accessor, owner);
    names.claim(name, owner);
    const twins = this.#raw.indexes.filter((other) => other.sourceName === accessor);
    if (twins.length > 1) this.#report('DuplicateName', `two indexes have the source name \`${accessor}\``);
    if (algorithm === 'direct') this.#checkDirect(columns);
    return {
      name,
      accessor: accessor ?? name,
      codegenName: raw.accessorName,
      // A direct index answers as a BTree does.
      algorithm: algorithm === 'hash' ? 'hash' : 'btree',
      columns,
      isUnique: this.#raw.constraints.some((constraint) => sameSet(constraint, columns)),
    };
  }

  #checkDirect(columns: readonly number[]): void {
    const type = this.#columns[columns[0] ?? -1]?.algebraicType;
    if (type === undefined || isDirectType(type)) return;
    this.#report('DirectIndexOnBadType', `a direct index is on column ${columns[0]}, which is of type ${type.type}`);
  }

  #validateSequence(raw: RawSequenceDef): SequenceDef {
    const { names } = this.#context;
    const { column, increment } = raw;
    const sequence = { start: raw.start ?? 1n, min: raw.min ?? 1n, max: raw.max ?? I128_MAX };
    const definition = this.#columns[column];
    const name = `${this.#name}_${definition?.name ?? column}_seq`;
    names.claim(name, `a sequence of table \`${this.#name}\``);
    if (definition === undefined) this.#report('ColumnNotFound', `a sequence is on column ${column}`);
    else if (!INTEGER_TYPE.test(definition.algebraicType.type)) {
      this.#report('InvalidSequenceColumnType', `column \`${definition.name}\` has a sequence but is not an integer`);
    }
    if (!(sequence.min <= sequence.start && sequence.start <= sequence.max) || increment === 0n) {
      const { start, min, max } = sequence;
      this.#report(
        'InvalidSequenceRange',
        `sequence \`${name}\` starts at ${start} in ${min} to ${max} by ${increment}`,
      );
    }
    return { name, column, ...sequence, increment };
  }

  #checkConstraintsHaveIndexes(): void {
    for (const columns of this.#raw.constraints) {
      if (this.#raw.indexes.some((index) => sameSet(index.columns, columns))) continue;
      this.#report('UniqueConstraintWithoutIndex', `the unique constraint on (${columns.join(', ')}) has no index`);
    }
  }

  #checkOneSequencePerColumn(): void {
    const columns = this.#raw.sequences.map(({ column }) => column);
    for (const column of columns) {
      if (columns.indexOf(column) === columns.lastIndexOf(column)) continue;
      this.#report('OneAutoInc', `column ${column} has more than one sequence`);
    }
  }

  /** Canonical names of columns joined by `_`; reports columns that do not exist or come twice. */
  #columnNames(columns: readonly number[], what: string): string {
    if (columns.length === 0) this.#report('ColumnNotFound', `${what} has no columns`);
    if (new Set(columns).size !== columns.length) {
      this.#report('DuplicateColumns', `${what} has a column more than once: (${columns.join(', ')})`);
    }
    return columns
      .map((position) => {
        const column = this.#columns[position];
        if (column === undefined) this.#report('ColumnNotFound', `${what} is on column ${position}`);
        return column?.name ?? position;
      })
      .join('_');
  }

  #report(rule: string, problem: string): void {
    this.#context.problems.add(rule, `table \`${this.#name}\`: ${problem}`);
  }
}

const INTEGER_TYPE = /^[iu](8|16|32|64|128|256)$/;

function elementType(type: AlgebraicType, position: number): AlgebraicType {
  const element = type.type === 'product' ? type.elements[position] : undefined;
  return element?.algebraicType ?? { type: 'product', elements: [] };
}

function isDirectType(type: AlgebraicType): boolean {
  if (type.type === 'sum') return type.variants.every(({ algebraicType }) => isUnit(algebraicType));
  return /^u(8|16|32|64)$/.test(type.type);
}

function sameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((column) => b.includes(column));
}
