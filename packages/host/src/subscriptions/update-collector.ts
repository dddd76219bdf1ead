import type { QuerySetUpdate, QueryUpdate, TableUpdates } from './shared-results.ts';

/** The one update of a client; one and the same for all clients that get it in a query set of this number. */
interface Single {
  readonly querySetId: number;
  readonly update: QueryUpdate;
  readonly result: readonly QuerySetUpdate[];
}

/** Several updates of a client, by query set. */
type Several = Map<number, QueryUpdate[]>;

/**
 * Gathers the updates of one commit by client, query set and table. Most clients get one: those whose query sets have the
 * same number then share the whole result, so that its message is made once for all of them.
 */
export class UpdateCollector<C> {
  readonly #clients = new Map<C, Single | Several>();
  /** Subscribers of one query are added one after the other, and mostly have it in a query set of the same number. */
  #lastSingle: Single | undefined;

  add(client: C, querySetId: number, update: QueryUpdate): void {
    const known = this.#clients.get(client);
    if (known === undefined) {
      this.#clients.set(client, this.#singleOf(querySetId, update));
      return;
    }
    const several = known instanceof Map ? known : new Map([[known.querySetId, [known.update]]]);
    if (several !== known) this.#clients.set(client, several);
    const updates = several.get(querySetId);
    if (updates === undefined) several.set(querySetId, [update]);
    else updates.push(update);
  }

  /** Query sets ascend by id, tables by name. */
  finish(): Map<C, readonly QuerySetUpdate[]> {
    const result = new Map<C, readonly QuerySetUpdate[]>();
    for (const [client, gathered] of this.#clients) {
      result.set(client, gathered instanceof Map ? groupBySet(gathered) : gathered.result);
    }
    return result;
  }

  #singleOf(querySetId: number, update: QueryUpdate): Single {
    const last = this.#lastSingle;
    if (last?.update === update && last.querySetId === querySetId) return last;
    const tables = [{ tableName: update.tableName, updates: [update] }];
    const single = { querySetId, update, result: [{ querySetId, tables }] };
    this.#lastSingle = single;
    return single;
  }
}

function groupBySet(querySets: Several): readonly QuerySetUpdate[] {
  const ids = [...querySets.keys()].toSorted((a, b) => a - b);
  return ids.map((querySetId) => ({ querySetId, tables: groupByTable(querySets.get(querySetId) ?? []) }));
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
