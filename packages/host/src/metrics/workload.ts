/** What a transaction, or a look at rows, is made for; the names are SpacetimeDB's. */
export type Workload = 'Reducer' | 'Sql' | 'Subscribe' | 'Update' | 'Internal' | 'Procedure' | 'View';
