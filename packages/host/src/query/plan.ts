import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { IndexRange, Row } from '../datastore/state-view.ts';
import type { IndexDef } from '../schema/module-def.ts';
import type { Relation } from './catalog.ts';
import type { Output } from './checker.ts';
import type { ColumnRef, PossibleValues, Predicate, Test } from './predicate.ts';

/** One row of each relation that is bound so far, at the relation's position. */
export type Tuple = readonly Row[];

/** How the rows of a relation are found without looking at other relations. */
export type Access =
  /** Its condition never holds. */
  | { readonly type: 'none' }
  | { readonly type: 'scan' }
  /** The ranges are disjoint. */
  | { readonly type: 'seek'; readonly index: IndexDef; readonly ranges: readonly IndexRange[] };

/** How the rows of a relation are found whose column `key` has a given value. */
export type Lookup =
  /** `prefix` are constants for the index columns before the key's. */
  | {
      readonly type: 'index';
      readonly index: IndexDef;
      readonly prefix: readonly AlgebraicValue[];
      readonly key: ColumnRef;
    }
  /** No index serves: the rows are put into a hash table by the key. */
  | { readonly type: 'hash'; readonly key: ColumnRef };

/** A relation of a plan with the conditions that look at it alone. */
export interface PlannedRelation {
  readonly alias: string;
  readonly relation: Relation;
  readonly condition: Predicate;
  /** `condition` as a function; undefined when it always holds. */
  readonly test: Test<Row> | undefined;
  /** To which values `condition` restricts columns by equality. */
  readonly possible: ReadonlyMap<number, PossibleValues>;
  readonly access: Access;
}

/** One step of an evaluation: binds one relation more. */
export interface Step {
  readonly position: number;
  readonly source:
    | { readonly type: 'access'; readonly access: Access }
    /** Rows whose key equals the column `from` of a relation bound before. */
    | { readonly type: 'lookup'; readonly lookup: Lookup; readonly from: ColumnRef };
  /** The conditions over several relations that can be decided from this step on, but for the lookup's own. */
  readonly conditions: readonly Predicate[];
  readonly test: Test<Tuple> | undefined;
}

/** How a query is answered. Immutable, and good for any state of the database. */
export interface SelectPlan {
  readonly relations: readonly PlannedRelation[];
  readonly output: Output;
  readonly limit: number | undefined;
  readonly steps: readonly Step[];
}
