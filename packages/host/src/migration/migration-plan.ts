/**
 * One thing that a migration does. All names are canonical unless they say otherwise; plain data throughout.
 */
export type MigrationStep =
  | { readonly type: 'remove-index'; readonly table: string; readonly index: string }
  | {
      readonly type: 'remove-constraint';
      readonly table: string;
      readonly constraint: string;
      readonly columns: readonly string[];
    }
  | { readonly type: 'remove-sequence'; readonly table: string; readonly sequence: string; readonly column: string }
  | { readonly type: 'remove-view'; readonly view: string }
  | { readonly type: 'remove-row-level-security'; readonly sql: string }
  /** Only when the table is empty. */
  | { readonly type: 'remove-table'; readonly table: string }
  /** Enums in these columns, or inside them, have more variants than before. Rows stay as they are. */
  | { readonly type: 'change-columns'; readonly table: string; readonly columns: readonly ChangedColumn[] }
  /** Other columns of a table that never has rows. */
  | { readonly type: 'reschema-event-table'; readonly table: string; readonly columns: readonly ColumnSummary[] }
  /** Every row gets the default of these columns at its end. */
  | { readonly type: 'add-columns'; readonly table: string; readonly columns: readonly ColumnSummary[] }
  | {
      readonly type: 'change-index-source-name';
      readonly table: string;
      readonly index: string;
      readonly from: string;
      readonly to: string;
    }
  | { readonly type: 'change-table-accessor'; readonly table: string; readonly from: string; readonly to: string }
  | {
      readonly type: 'change-column-accessor';
      readonly table: string;
      readonly column: string;
      readonly from: string;
      readonly to: string;
    }
  | { readonly type: 'add-table'; readonly table: TableSummary }
  | {
      readonly type: 'add-index';
      readonly table: string;
      readonly index: string;
      readonly algorithm: string;
      readonly columns: readonly string[];
    }
  /** Only when no two rows have the same values. */
  | {
      readonly type: 'add-constraint';
      readonly table: string;
      readonly constraint: string;
      readonly columns: readonly string[];
    }
  /** Only when no row has a value that the sequence would hand out. */
  | { readonly type: 'add-sequence'; readonly table: string; readonly sequence: string; readonly column: string }
  | { readonly type: 'add-view'; readonly view: string; readonly access: 'public' | 'private' }
  | { readonly type: 'add-row-level-security'; readonly sql: string }
  | {
      readonly type: 'change-access';
      readonly of: 'table' | 'view';
      readonly name: string;
      readonly to: 'public' | 'private';
    }
  | {
      readonly type: 'change-primary-key';
      readonly table: string;
      readonly from: string | undefined;
      readonly to: string | undefined;
    }
  /** The view is as it was; what it returns is found anew. */
  | { readonly type: 'update-view'; readonly view: string }
  /** Clients hold rows that are not of the new form, or queries that have no meaning any more: each is ended. */
  | { readonly type: 'disconnect-all-users' };

/** A column for people: its type as text. */
export interface ColumnSummary {
  readonly name: string;
  readonly type: string;
}

/** A column whose type grew. */
export interface ChangedColumn {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** A table that is added. */
export interface TableSummary {
  readonly name: string;
  readonly access: 'public' | 'private';
  readonly isEvent: boolean;
  readonly columns: readonly ColumnSummary[];
  readonly primaryKey: string | undefined;
  readonly uniqueConstraints: readonly (readonly string[])[];
  readonly indexes: readonly string[];
  readonly autoIncrement: readonly string[];
  /** Name of the function that its rows call. */
  readonly schedules: string | undefined;
}

/** Rules by which a change is refused; SpacetimeDB's names where it has one. */
export type RefusalRule =
  | 'AddColumn'
  | 'RemoveColumn'
  | 'ReorderTable'
  | 'ChangeColumnType'
  | 'FewerVariants'
  | 'RenamedVariant'
  | 'SizeMismatch'
  | 'AlignMismatch'
  | 'FewerFields'
  | 'RenamedField'
  | 'ChangeTableEventFlag'
  | 'ChangeIndexAccessor'
  | 'ChangeUniqueConstraint'
  | 'AddSchedule'
  | 'RemoveSchedule'
  | 'ChangeSchedule'
  /** Of the rows that are there. */
  | 'TableNotEmpty'
  | 'DuplicateValues'
  | 'ValuesInSequenceRange';

/** A change that is not made. */
export interface MigrationRefusal {
  readonly rule: RefusalRule;
  readonly table: string;
  /** What would change, and why that is not possible: one or two sentences. */
  readonly reason: string;
  /** What to do: one sentence. */
  readonly advice: string;
}

/** How one program takes over the data of another. */
export interface MigrationPlan {
  /** In the order in which they are done. */
  readonly steps: readonly MigrationStep[];
  /** Whether connected clients are ended. */
  readonly breaksClients: boolean;
  /** Empty when the plan can be run. */
  readonly refusals: readonly MigrationRefusal[];
}

/** The order of steps, by their type. */
const STEP_ORDER: readonly MigrationStep['type'][] = [
  'remove-index',
  'remove-constraint',
  'remove-sequence',
  'remove-view',
  'remove-row-level-security',
  'remove-table',
  'change-columns',
  'reschema-event-table',
  'add-columns',
  'change-index-source-name',
  'change-table-accessor',
  'change-column-accessor',
  'add-table',
  'add-index',
  'add-constraint',
  'add-sequence',
  'add-view',
  'add-row-level-security',
  'change-access',
  'change-primary-key',
  'update-view',
  'disconnect-all-users',
];

/** Collects what a plan consists of. */
export class PlanDraft {
  readonly #steps: MigrationStep[] = [];
  readonly #refusals: MigrationRefusal[] = [];
  #breaksClients = false;

  step(step: MigrationStep): void {
    this.#steps.push(step);
  }

  refuse(refusal: MigrationRefusal): void {
    this.#refusals.push(refusal);
  }

  /** Notes that the change before makes connected clients' data or queries void. */
  breakClients(): void {
    this.#breaksClients = true;
  }

  /** Steps in their order; those of one type by name. */
  finish(): MigrationPlan {
    if (this.#breaksClients) this.#steps.push({ type: 'disconnect-all-users' });
    const steps = this.#steps.toSorted((a, b) => STEP_ORDER.indexOf(a.type) - STEP_ORDER.indexOf(b.type));
    return { steps, breaksClients: this.#breaksClients, refusals: this.#refusals };
  }
}
