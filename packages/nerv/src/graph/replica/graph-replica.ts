// A graph that is held elsewhere, as far as it is known here, under the own writes that are not confirmed yet.
//
// - A row is taken in only if its `seq` is above what is known of its id, deletions included while loading.
// - Confirmed rows are taken as they come: whoever sends them keeps the graph's promises. During loading a relation
//   may be here before its ends.

import { assert } from '../../assert.ts';
import { NervError } from '../../errors.ts';
import {
  PendingOverlay,
  type PendingNotice,
  type PendingRequest,
  type PutOutcome,
} from '../../pending/pending-overlay.ts';
import { applyOperation } from '../apply-operation.ts';
import type { Entity, GraphSchema, Relation } from '../entity.ts';
import type { GraphCore } from '../graph-core.ts';
import type { GraphOperation } from '../graph-operation.ts';
import type { GraphStore } from '../graph-store.ts';
import type { GraphWriter } from '../graph-writer.ts';
import { type EntityGraphOptions, LocalEntityGraph, makeGraphCore } from '../local-entity-graph.ts';
import { readOnly } from '../../values/read-only.ts';
import { copyProperties } from '../property-value.ts';
import { ReplicaWriter } from './replica-writer.ts';

/** A row as the log has it: its state after the write `seq`, or that this write deleted it. */
export type ConfirmedRow =
  | { readonly type: 'entity'; readonly row: Entity & { readonly seq: number } }
  | { readonly type: 'relation'; readonly row: Relation & { readonly seq: number } }
  | {
      readonly type: 'entity-deleted' | 'relation-deleted';
      readonly id: string;
      readonly seq: number;
    };

/** What happened to the pending writes; changes of rows are told by the graph's own subscriptions. */
export type GraphNotice = PendingNotice<readonly GraphOperation[], undefined>;

/** What a replica is given. */
export interface GraphReplicaOptions extends Omit<EntityGraphOptions, 'history'> {
  /** How many requests may be pending; default 1,024. */
  readonly pendingLimit?: number | undefined;
}

/** Feeds a graph from a log. `graph` is for reading and subscribing; its own writes are not sent anywhere. */
export class GraphReplica<S extends GraphSchema = GraphSchema> {
  readonly graph: LocalEntityGraph<S>;
  readonly #core: GraphCore<GraphStore>;
  readonly #overlay: PendingOverlay<readonly GraphOperation[], readonly ConfirmedRow[], undefined>;
  /** The `seq` of each deletion seen while loading, by kind and id. */
  readonly #deleted = new Map<string, number>();
  #writer: ReplicaWriter | undefined;
  #loading = true;

  constructor(options: GraphReplicaOptions = {}) {
    this.#core = makeGraphCore(options);
    this.graph = new LocalEntityGraph<S>(options, this.#core);
    this.#overlay = new PendingOverlay(
      {
        put: (operations) => this.#put(operations),
        confirm: (rows) => this.#takeIn(rows),
        takeChange: () => undefined,
      },
      { limit: options.pendingLimit },
    );
  }

  /** The requests that wait for their answer. */
  get pending(): readonly PendingRequest<readonly GraphOperation[]>[] {
    return this.#overlay.pending;
  }

  /**
   * Shows a request's writes as pending, until it is confirmed or refused.
   * @throws what the first write that does not apply would throw (then nothing is shown), `pending/limit`
   */
  request(id: string, operations: readonly GraphOperation[]): void {
    const kept = operations.map(keepOperation);
    const notice = this.#write('pending', () => this.#overlay.add(id, kept));
    const [conflict] = notice?.conflicts ?? [];
    if (conflict !== undefined) throw conflict.reason;
  }

  /** Takes in what the log has, and the answers to the requests named. */
  confirm(rows: readonly ConfirmedRow[], settled: readonly string[] = []): GraphNotice | undefined {
    return this.#write('confirmed', () => this.#overlay.confirm(rows, settled));
  }

  /** Takes off a request that was refused. */
  refuse(id: string): GraphNotice | undefined {
    return this.#write('confirmed', () => this.#overlay.refuse(id));
  }

  /** Rows may come out of their order again, from pages beside changes: deletions are remembered until `endLoading`. */
  beginLoading(): void {
    this.#loading = true;
  }

  /** All pages have come: from now on rows come in the order of `seq`. */
  endLoading(): void {
    this.#loading = false;
    this.#deleted.clear();
  }

  #write<T>(origin: 'pending' | 'confirmed', body: () => T): T {
    const writer = new ReplicaWriter(this.#core.store);
    const write = (): T => {
      this.#writer = writer;
      try {
        return body();
      } finally {
        this.#writer = undefined;
      }
    };
    return this.#core.write(origin, 0, write, writer);
  }

  #put(operations: readonly GraphOperation[]): PutOutcome {
    const writer = this.#currentWriter();
    const mark = writer.mark();
    try {
      for (const operation of operations) applyOperation(writer, operation);
    } catch (reason) {
      if (!(reason instanceof NervError)) throw reason;
      writer.undoTo(mark);
      return { type: 'conflict', reason };
    }
    const steps = writer.stepsSince(mark);
    return { type: 'applied', undo: () => this.#currentWriter().revert(steps) };
  }

  #takeIn(rows: readonly ConfirmedRow[]): void {
    const writer = this.#currentWriter();
    for (const row of rows) {
      if (!this.#isNews(row)) continue;
      takeInRow(writer, row);
      if (this.#loading && 'id' in row) this.#deleted.set(`${row.type} ${row.id}`, row.seq);
    }
  }

  #isNews(row: ConfirmedRow): boolean {
    const { entities, relations } = this.#core.store;
    const [id, seq] = 'id' in row ? [row.id, row.seq] : [row.row.id, row.row.seq];
    const isEntity = row.type === 'entity' || row.type === 'entity-deleted';
    const known = (isEntity ? entities : relations).get(id)?.row?.seq ?? -1;
    const deleted = this.#deleted.get(`${isEntity ? 'entity-deleted' : 'relation-deleted'} ${id}`) ?? -1;
    return seq > Math.max(known, deleted);
  }

  #currentWriter(): ReplicaWriter {
    assert(this.#writer !== undefined, 'the overlay is moved only inside a write');
    return this.#writer;
  }
}

function takeInRow(writer: GraphWriter, row: ConfirmedRow): void {
  switch (row.type) {
    case 'entity':
      return writer.put('entity', freezeRow(row.row));
    case 'relation':
      return writer.put('relation', freezeRow(row.row));
    case 'entity-deleted':
      return writer.remove('entity', row.id);
    case 'relation-deleted':
      return writer.remove('relation', row.id);
  }
}

function freezeRow<Row extends Entity>(row: Row): Row {
  readOnly(row.properties);
  Object.freeze(row.tags);
  return Object.freeze(row);
}

// A pending operation is applied again and again: what the user gave may change meanwhile, so it is copied.
function keepOperation(operation: GraphOperation): GraphOperation {
  switch (operation.type) {
    case 'create-entity':
    case 'upsert-entity':
    case 'create-relation':
    case 'upsert-relation': {
      const { tags, properties } = operation.input;
      const input = {
        ...operation.input,
        tags: tags === undefined ? undefined : [...tags],
        properties: properties === undefined ? undefined : copyProperties(properties),
      };
      return { ...operation, input };
    }
    case 'update-entity':
    case 'update-relation': {
      const { tags, properties } = operation.patch;
      const patch = {
        ...operation.patch,
        tags: tags === undefined ? undefined : [...tags],
        properties: properties === undefined ? undefined : copyProperties(properties),
      };
      return { ...operation, patch };
    }
    case 'delete-entity':
    case 'delete-relation':
      return operation;
  }
}
