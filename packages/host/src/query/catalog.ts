import { assert } from '../assert.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { scalarTypeOf } from './scalar-type.ts';
import type { RowCodec } from '../bsatn/row-codec.ts';
import type { Row } from '../datastore/state-view.ts';
import type { TableDef, ViewDef } from '../schema/module-def.ts';
import type { Predicate } from './predicate.ts';
import type { Scalar, ScalarType } from './scalar-type.ts';

/** Who asks. The owner sees private tables; for everyone else they do not exist. */
export interface Visibility {
  readonly identity: bigint;
  readonly isOwner: boolean;
  /** Number of a table that is seen whole in spite of its restriction: the one that the restriction is worked out for. */
  readonly wholeTable?: number | undefined;
}

/** Reads one column of a table's rows as a scalar. */
export type ColumnReader = (row: Row) => Scalar;

/** The views of a module, each a table for everybody who may see other rows in it. */
export interface ViewCatalog {
  readonly defs: readonly ViewDef[];
  /** The view as this identity sees it: the same table as long as it is in use. */
  tableOf(view: ViewDef, identity: bigint): TableDef;
}

/** Which rows of a table an asker may see. */
export type RowRestriction = RestrictionFacts &
  (
    | { /** The table is relation 0 in it. */ readonly type: 'condition'; readonly condition: Predicate }
    | { /** Has the columns and indexes of the one asked for. */ readonly type: 'table'; readonly table: TableDef }
  );

/** What is known of a restriction whoever asks. */
export interface RestrictionFacts {
  /** Whether it differs between those who are not the owner. */
  readonly usesSender: boolean;
  /** How many tables SpacetimeDB would put into one query for this one, at most. */
  readonly expandedTables: number;
  /** Whether SpacetimeDB could look up all joins in it by indexes. */
  readonly hasIndexes: boolean;
}

/** Who may see which rows, where that is not all of them. */
export interface RowRestrictions {
  /** Whether there is a restriction for anybody but the owner. */
  has(table: TableDef): boolean;
  /** What holds for somebody who is not the owner. Undefined: every row. */
  restrictionFor(table: TableDef, visibility: Visibility): RowRestriction | undefined;
}

/** A table as SQL sees it. */
export class Relation {
  readonly table: TableDef;
  readonly codec: RowCodec;
  readonly #scalarTypes: readonly (ScalarType | undefined)[];
  readonly #readers: (ColumnReader | undefined)[];

  /** @param twin a relation with the same columns, whose compiled parts serve this one too */
  constructor(table: TableDef, twin?: Relation) {
    this.table = table;
    this.codec = twin === undefined ? compileRowCodec(table.columns) : twin.codec;
    this.#scalarTypes =
      twin === undefined ? table.columns.map(({ algebraicType }) => scalarTypeOf(algebraicType)) : twin.#scalarTypes;
    this.#readers = twin === undefined ? [] : twin.#readers;
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

/** What a name stands for: a table, or a view that is a table for each who asks. */
type Entry = { readonly relation: Relation } | { readonly view: ViewDef };

/** A table or a view, by the names and the access that both have. */
interface Named {
  readonly name: string;
  readonly accessor: string;
  readonly isPublic: boolean;
}

/** A relation as its asker sees it. `rules`: whether its restriction holds, or there is none, or not for this asker. */
export interface VisibleRelation {
  readonly relation: Relation;
  readonly rules: 'none' | 'applied' | 'bypassed';
  readonly restriction?: RowRestriction | undefined;
}

/** The tables and views that SQL may name. */
export class Catalog {
  readonly #relations: readonly Relation[];
  readonly #byAccessor: ReadonlyMap<string, Entry>;
  readonly #byName: ReadonlyMap<string, Entry>;
  readonly #views: ViewCatalog | undefined;
  readonly #viewRelations = new WeakMap<TableDef, Relation>();
  readonly #viewTwins = new Map<ViewDef, Relation>();
  readonly #restrictions: RowRestrictions | undefined;
  readonly #restrictedRelations = new WeakMap<TableDef, Relation>();

  constructor(tables: readonly TableDef[], views?: ViewCatalog, restrictions?: RowRestrictions) {
    this.#views = views;
    this.#restrictions = restrictions;
    this.#relations = tables.map((table) => new Relation(table));
    const entries: readonly Entry[] = [
      ...this.#relations.map((relation) => ({ relation })),
      ...(views?.defs ?? []).map((view) => ({ view })),
    ];
    this.#byAccessor = new Map(entries.map((entry) => [namedOf(entry).accessor, entry]));
    this.#byName = new Map(entries.map((entry) => [namedOf(entry).name, entry]));
  }

  /**
   * The table or view of this accessor, or else of this canonical name, when the asker may see it: which of its rows,
   * `restrict` tells.
   */
  tryResolve(name: string, visibility: Visibility): Relation | undefined {
    const entry = this.#byAccessor.get(name) ?? this.#byName.get(name);
    if (entry === undefined || !(visibility.isOwner || namedOf(entry).isPublic)) return undefined;
    return 'view' in entry ? this.#viewRelation(entry.view, visibility) : entry.relation;
  }

  /** What the asker may see of a relation that `tryResolve` gave. */
  restrict(relation: Relation, visibility: Visibility): VisibleRelation {
    const restrictions = this.#restrictions;
    if (restrictions?.has(relation.table) !== true) return { relation, rules: 'none' };
    if (visibility.isOwner) return { relation, rules: 'bypassed' };
    const restriction = restrictions.restrictionFor(relation.table, visibility);
    if (restriction === undefined) return { relation, rules: 'none' };
    const isTable = restriction.type === 'table';
    return {
      relation: isTable ? this.#restrictedRelation(restriction.table, relation) : relation,
      rules: 'applied',
      restriction,
    };
  }

  /**
   * SQL for each table that `SELECT * FROM *` stands for, ascending by canonical name: the tables and views that the
   * asker may see, but no event and no system tables.
   */
  expandStar({ isOwner }: Visibility): readonly string[] {
    const tables = this.#relations.filter(({ table }) => !table.isEvent && !table.isSystem);
    return [...tables.map((relation) => namedOf({ relation })), ...(this.#views?.defs ?? [])]
      .filter(({ isPublic }) => isOwner || isPublic)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((named) => `SELECT * FROM ${this.#nameFor(named)}`);
  }

  #restrictedRelation(table: TableDef, whole: Relation): Relation {
    const known = this.#restrictedRelations.get(table);
    if (known !== undefined) return known;
    const relation = new Relation(table, whole);
    this.#restrictedRelations.set(table, relation);
    return relation;
  }

  #viewRelation(view: ViewDef, { identity }: Visibility): Relation | undefined {
    const table = this.#views?.tableOf(view, identity);
    if (table === undefined) return undefined;
    let relation = this.#viewRelations.get(table);
    if (relation === undefined) {
      relation = new Relation(table, this.#viewTwins.get(view));
      this.#viewRelations.set(table, relation);
      this.#viewTwins.set(view, relation);
    }
    return relation;
  }

  /** A name that resolves to this very table: another table's accessor may hide its canonical name. */
  #nameFor({ name, accessor }: Named): string {
    const first = this.#byAccessor.get(name);
    const isHidden = first !== undefined && namedOf(first).name !== name;
    return quoteName(isHidden ? accessor : name);
  }
}

function namedOf(entry: Entry): Named {
  if ('view' in entry) return entry.view;
  const { name, accessor, access } = entry.relation.table;
  return { name, accessor, isPublic: access === 'public' };
}

function quoteName(name: string): string {
  const parts = name.split('.');
  return parts.map((part) => (/^[A-Za-z_]\w*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`)).join('.');
}
