import type { CommitKind } from '../database/calls.ts';

/** What a transaction, or a look at rows, is made for; the names are SpacetimeDB's. */
export type Workload = 'Reducer' | 'Sql' | 'Subscribe' | 'Update' | 'Internal' | 'Procedure' | 'View';

/** The workload of a transaction. */
export function workloadOf(kind: CommitKind): Workload {
  switch (kind) {
    case 'reducer':
    case 'lifecycle':
    case 'scheduled':
      return 'Reducer';
    case 'procedure':
      return 'Procedure';
    case 'sql':
      return 'Sql';
  }
}
