/** SQL as parsed: names are not resolved and literals have no type yet. */
export interface SelectStatement {
  readonly type: 'select';
  readonly projection: Projection;
  /** At least one; all but the first are joined to those before them. */
  readonly from: readonly FromItem[];
  readonly where: Expression | undefined;
  /** Digits as written. */
  readonly limit: string | undefined;
}

/** `INSERT INTO table [(columns)] VALUES (…), (…)`. */
export interface InsertStatement {
  readonly type: 'insert';
  readonly table: string;
  /** Names as written; undefined when no list was given. */
  readonly columns: readonly string[] | undefined;
  readonly rows: readonly (readonly Constant[])[];
}

/** `UPDATE table SET column = constant, … [WHERE …]`. */
export interface UpdateStatement {
  readonly type: 'update';
  readonly table: string;
  readonly assignments: readonly { readonly column: string; readonly value: Constant }[];
  readonly where: Expression | undefined;
}

/** `DELETE FROM table [WHERE …]`. */
export interface DeleteStatement {
  readonly type: 'delete';
  readonly table: string;
  readonly where: Expression | undefined;
}

/** `SET variable = constant` or `SET variable TO constant`. */
export interface SetStatement {
  readonly type: 'set';
  readonly variable: string;
  readonly value: Constant;
}

/** `SHOW variable`. */
export interface ShowStatement {
  readonly type: 'show';
  readonly variable: string;
}

/** A statement that changes rows of one table. */
export type DmlStatement = InsertStatement | UpdateStatement | DeleteStatement;

export type Statement = SelectStatement | DmlStatement | SetStatement | ShowStatement;

export type Projection =
  | { readonly type: 'star' }
  | { readonly type: 'table-star'; readonly table: string }
  | { readonly type: 'columns'; readonly columns: readonly ProjectedColumn[] }
  | { readonly type: 'count'; readonly name: string };

export interface ProjectedColumn {
  readonly column: ColumnName;
  readonly name: string;
}

/** A table in FROM or JOIN. */
export interface FromItem {
  /** As written, parts joined by dots. */
  readonly table: string;
  /** The name that is in scope; the table's own when it has no alias. */
  readonly alias: string;
  readonly on?: JoinCondition | undefined;
}

/** `ON left = right`. */
export interface JoinCondition {
  readonly left: ColumnName;
  readonly right: ColumnName;
}

/** A column's name; `table` is the qualifier as written, parts joined by dots. */
export interface ColumnName {
  readonly table: string | undefined;
  readonly name: string;
}

export type CompareOperator = '=' | '<>' | '<' | '<=' | '>' | '>=';

export type Literal =
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'number'; readonly text: string }
  | { readonly type: 'string'; readonly text: string }
  | { readonly type: 'hex'; readonly text: string };

/** A literal, or who asks. */
export type Constant = Literal | { readonly type: 'sender' };

export type Expression =
  | Constant
  | { readonly type: 'column'; readonly column: ColumnName }
  | {
      readonly type: 'compare';
      readonly operator: CompareOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly type: 'and' | 'or'; readonly terms: readonly Expression[] }
  | { readonly type: 'not'; readonly term: Expression };
