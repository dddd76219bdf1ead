import { assert } from '../assert.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { scalarTypeOf } from './scalar-type.ts';
import type { RowCodec } from '../bsatn/row-codec.ts';
import type { Row } from '../datastore/state-view.ts';
import type { TableDef, ViewDef } from '../schema/module-def.ts';
import type { Scalar, ScalarType } from './scalar-type.ts';

/** Who asks. The owner sees private tables; for everyone else they do not exist. */
export interface Visibility {
  readonly identity: bigint;
  readonly isOwner: boolean;
}

/** Reads one column of a table's rows as a scalar. */
export type ColumnReader = (row: Row) => Scalar;

/** A table as SQL sees it. */
export class Relation {
  readonly table: TableDef;
  readonly codec: RowCodec;
  readonly #scalarTypes: readonly (ScalarType | undefined)[];
  readonly #readers: (ColumnReader | undefined)[] = [];

  constructor(table: TableDef) {
    this.table = table;
    this.codec = compileRowCodec(table.columns);
    this.#scalarTypes = table.columns.map(({ algebraicType }) => scalarTypeOf(algebraicType));
  }

  /** Position of a column by the name its module uses, or else by its canonical name. */
  columnPosition(name: string): number | undefined {
    const byAccessor = this.table.columns.findIndex(({ accessor }) => accessor === name);
    if (byAccessor >= 0) return byAccessor;
    const byName = this.table.columns.findIndex((column) => column.name === name);
    return byName >= 0 ? byName : undefined;
  }

  /** Undefined when SQL cannot compare the column. */
  scalarType(position: number): ScalarType | undefined {
    return this.#scalarTypes[position];
  }

  /** The column must have a scalar type. */
  reader(position: number): ColumnReader {
    const known = this.#readers[position];
    if (known !== undefined) return known;
    const type = this.#scalarTypes[position];
    assert(type !== undefined, 'only columns of scalar types are read as scalars');
    const { codec } = this;
    const reader: ColumnReader = (row) => type.unwrap(codec.column(row, position));
    this.#readers[position] = reader;
    return reader;
  }
}

/** The tables that SQL may name. */
export class Catalog {
  readonly #relations: readonly Relation[];
  readonly #byAccessor: ReadonlyMap<string, Relation>;
  readonly #byName: ReadonlyMap<string, Relation>;
  readonly #views: readonly ViewDef[];

  /** `views` are the views of the module, which cannot be asked. */
  constructor(tables: readonly TableDef[], views: readonly ViewDef[] = []) {
    this.#views = views;
    this.#relations = tables.map((table) => new Relation(table));
    this.#byAccessor = new Map(this.#relations.map((relation) => [relation.table.accessor, relation]));
    this.#byName = new Map(this.#relations.map((relation) => [relation.table.name, relation]));
  }

  /** The table of this accessor, or else of this canonical name, when the asker may see it. */
  tryResolve(name: string, visibility: Visibility): Relation | undefined {
    const relation = this.#byAccessor.get(name) ?? this.#byName.get(name);
    return relation !== undefined && isVisible(relation.table, visibility) ? relation : undefined;
  }

  /** Whether this is the name of a view that the asker would see, if views could be asked. */
  namesView(name: string, { isOwner }: Visibility): boolean {
    return this.#views.some((view) => (view.accessor === name || view.name === name) && (isOwner || view.isPublic));
  }

  /**
   * SQL for each table that `SELECT * FROM *` stands for, ascending by canonical name: what the asker may see, but no
   * event and no system tables.
   */
  expandStar(visibility: Visibility): readonly string[] {
    return this.#relations
      .filter(({ table }) => isVisible(table, visibility) && !table.isEvent && !table.isSystem)
      .toSorted((a, b) => (a.table.name < b.table.name ? -1 : 1))
      .map((relation) => `SELECT * FROM ${this.#nameFor(relation)}`);
  }

  /** A name that resolves to this very table: another table's accessor may hide its canonical name. */
  #nameFor({ table }: Relation): string {
    const isHidden = (this.#byAccessor.get(table.name)?.table ?? table) !== table;
    return quoteName(isHidden ? table.accessor : table.name);
  }
}

function isVisible(table: TableDef, { isOwner }: Visibility): boolean {
  return isOwner || table.access === 'public';
}

function quoteName(name: string): string {
  const parts = name.split('.');
  return parts.map((part) => (/^[A-Za-z_]\w*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`)).join('.');
}
