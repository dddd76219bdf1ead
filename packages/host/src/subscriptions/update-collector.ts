import type { QuerySetUpdate, QueryUpdate, TableUpdates } from './shared-results.ts';

/** Gathers the updates of one commit by client, query set and table. */
export class UpdateCollector<C> {
  readonly #clients = new Map<C, Map<number, QueryUpdate[]>>();

  add(client: C, querySetId: number, update: QueryUpdate): void {
    const querySets = this.#clients.get(client);
    if (querySets === undefined) {
      this.#clients.set(client, new Map([[querySetId, [update]]]));
      return;
    }
    const updates = querySets.get(querySetId);
    if (updates === undefined) querySets.set(querySetId, [update]);
    else updates.push(update);
  }

  /** Query sets ascend by id, tables by name. */
  finish(): Map<C, readonly QuerySetUpdate[]> {
    const result = new Map<C, readonly QuerySetUpdate[]>();
    for (const [client, querySets] of this.#clients) {
      const ids = [...querySets.keys()].toSorted((a, b) => a - b);
      result.set(
        client,
        ids.map((querySetId) => ({ querySetId, tables: groupByTable(querySets.get(querySetId) ?? []) })),
      );
    }
    return result;
  }
}

function groupByTable(updates: readonly QueryUpdate[]): readonly TableUpdates[] {
  const tables = new Map<string, QueryUpdate[]>();
  for (const update of updates) {
    const ofTable = tables.get(update.tableName);
    if (ofTable === undefined) tables.set(update.tableName, [update]);
    else ofTable.push(update);
  }
  const names = [...tables.keys()].toSorted();
  return names.map((tableName) => ({ tableName, updates: tables.get(tableName) ?? [] }));
}
