/*
 * The graph as it is held here: loaded by pages, then kept up by the log. Invariants:
 * - a record of the log is taken in after those before it, its rows read in one go;
 * - what a page brought before a record told of it is not news again: the rows' `seq` decides.
 */
import { GraphReplica, type ConfirmedRow, type LocalEntityGraph } from '@inner-universe/nerv';
import { idsOf } from '../client/inner-universe-client.ts';
import type { LiveEvent } from '../client/change-source.ts';
import type { ModuleClient } from '../client/client.ts';
import type { GraphReads } from './graph-reads.ts';

/** A whole graph, in memory and live. */
export class LiveGraph {
  readonly #replica: GraphReplica;
  readonly #client: ModuleClient;
  readonly #reads: GraphReads;
  readonly #onError: (error: unknown) => void;
  #stopListening: (() => void) | undefined;
  #loaded: Promise<void> | undefined;
  #line: Promise<void> = Promise.resolve();

  constructor(client: ModuleClient, reads: GraphReads, onError: (error: unknown) => void) {
    this.#client = client;
    this.#reads = reads;
    this.#onError = onError;
    this.#replica = new GraphReplica({ onError });
  }

  /** What is held, for synchronous reading and subscribing. */
  get graph(): LocalEntityGraph {
    return this.#replica.graph;
  }

  /** Loads everything the first time; resolves when it is there. A failed load is tried again by the next call. */
  load(): Promise<void> {
    this.#loaded ??= this.#load().catch((error: unknown) => {
      this.#loaded = undefined;
      this.#stopListening?.();
      throw error;
    });
    return this.#loaded;
  }

  /** Resolves when everything committed before this call is taken in. */
  async upToDate(): Promise<LocalEntityGraph> {
    await this.load();
    await this.#client.catchUp();
    await this.#line;
    return this.graph;
  }

  async close(): Promise<void> {
    this.#stopListening?.();
    await this.#line;
    this.#replica.graph.close();
  }

  async #load(): Promise<void> {
    this.#replica.beginLoading();
    // Listening first: what is changed while the pages come is read again after them.
    this.#stopListening = this.#client.listen((events) => this.#accept(events));
    let finishLoading: () => void = () => undefined;
    this.#line = new Promise((resolve) => (finishLoading = resolve));
    try {
      for await (const rows of this.#reads.entities()) this.#replica.confirm(rows.map((row) => ({ type: 'entity', row })));
      for await (const rows of this.#reads.relations()) this.#replica.confirm(rows.map((row) => ({ type: 'relation', row })));
    } finally {
      finishLoading();
    }
    await this.#line;
    this.#replica.endLoading();
  }

  #accept(events: readonly LiveEvent[]): void {
    const records = events.filter((event) => event.kind === 'system' && /^(ENTITY|RELATION)_/.test(event.eventType));
    for (const record of records) {
      this.#line = this.#line.then(() => this.#takeIn(record)).catch(this.#onError);
    }
  }

  async #takeIn(record: LiveEvent): Promise<void> {
    const ids = idsOf(record);
    const seq = Number(record.seq);
    const isEntity = record.eventType.startsWith('ENTITY_');
    const rows = isEntity ? await this.#reads.entitiesById(ids) : await this.#reads.relationsById(ids);
    const confirmed: ConfirmedRow[] = [];
    const found = new Set<string>();
    for (const row of rows) {
      found.add(row.id);
      confirmed.push({ type: isEntity ? 'entity' : 'relation', row } as ConfirmedRow); // read as what it is
    }
    // What a record names and no longer exists was deleted, by this record or a later one that says so again.
    for (const id of ids) {
      if (!found.has(id)) confirmed.push({ type: isEntity ? 'entity-deleted' : 'relation-deleted', id, seq });
    }
    this.#replica.confirm(confirmed);
  }
}
