// The store, and everybody who is told of its changes.
//
// - A write happens whole or not at all.
// - When a write returns to its caller, or to the subscriber that made it, every live query is up to date.
// - Subscribers are told of writes in the order of writes, each write's changes after the whole write.
// - What a subscriber throws reaches the error hook, never the writer or another subscriber.

import { NervError } from '../errors.ts';
import { Fifo } from '../events/fifo.ts';
import { isPromiseLike } from '../events/promise-like.ts';
import { systemReport } from '../ids/system.ts';
import type { Entity, Relation } from './entity.ts';
import type { ChangeSelector, GraphSubscription, LiveQuery, QueryDelta } from './entity-graph.ts';
import { type GraphChange, type GraphOrigin, makeChange, type NetChange, type NetChanges } from './graph-change.ts';
import type { RowVersion } from './graph-past.ts';
import { type GraphRows, GraphStore, type IndexedProperties } from './graph-store.ts';
import { GraphWriter } from './graph-writer.ts';
import { LiveRows } from './live-query.ts';
import type { CompiledQuery } from './compiled-query.ts';
import { matchingRows } from './run-query.ts';
import type { RowSource, Slot } from './vertex.ts';

/** How many writes may follow from one another, subscribers writing what subscribers hear of. */
export const MAX_GENERATIONS = 256;

/** What keeps a graph's past: see the entry `graph/history`. */
export interface HistoryKeeper {
  /** Called once, by the graph it is given to. @throws `graph/invalid-argument` if it has one already */
  begin(present: GraphStore): void;
  /** Takes in what a write did, after it. */
  record(net: NetChanges, atMs: number): void;
  /** The graph as it was recorded at a time. @throws `graph/history-trimmed` */
  asOf(timeMs: number): GraphRows;
  /** What is known of the rows of an id, the oldest first; entities before relations. */
  versionsOf(id: string): readonly RowVersion<Entity | Relation>[];
}

/** Where a subscriber's error goes. */
export type GraphErrorHook = (error: unknown) => void;

interface Notice {
  readonly listener: GraphSubscription;
  readonly generation: number;
  readonly call: () => unknown;
}

/** A graph's rows and its subscribers. */
export class GraphCore {
  readonly store: GraphStore;
  readonly history: HistoryKeeper | undefined;
  readonly #onError: GraphErrorHook;
  readonly #listeners = new Set<Listener<GraphChange>>();
  readonly #liveEntities = new Map<LiveRows<Entity>, Set<Listener<QueryDelta<Entity>>>>();
  readonly #liveRelations = new Map<LiveRows<Relation>, Set<Listener<QueryDelta<Relation>>>>();
  readonly #notices = new Fifo<Notice>();
  #generation = 0;
  #telling = false;
  #closed = false;

  constructor(indexed: IndexedProperties, onError: GraphErrorHook, history?: HistoryKeeper) {
    this.store = new GraphStore(indexed);
    this.#onError = onError;
    this.history = history;
    history?.begin(this.store);
  }

  /**
   * Does a write as a whole, and tells of it. `atMs` is when, for the history.
   * @throws whatever the body throws, having taken back what it wrote; `graph/closed`; `graph/limit`
   */
  write<T>(origin: GraphOrigin, atMs: number, body: (writer: GraphWriter) => T): T {
    this.assertOpen();
    if (this.#generation >= MAX_GENERATIONS) throw tooManyGenerations();
    const writer = new GraphWriter(this.store);
    let result: T;
    try {
      result = body(writer);
    } catch (error) {
      writer.undoTo(0);
      throw error;
    }
    const isHeard = this.#listeners.size > 0 || this.#liveEntities.size > 0 || this.#liveRelations.size > 0;
    if (isHeard || this.history !== undefined) {
      const net = writer.net();
      this.history?.record(net, atMs);
      if (isHeard) this.#announce(net, origin);
    }
    return result;
  }

  subscribe(selector: ChangeSelector, handler: (change: GraphChange) => unknown): GraphSubscription {
    this.assertOpen();
    return addListener(this.#listeners, handler, selector);
  }

  liveEntities(compiled: CompiledQuery): LiveQuery<Entity> {
    return this.#live(this.#liveEntities, this.store.entities, compiled);
  }

  liveRelations(compiled: CompiledQuery): LiveQuery<Relation> {
    return this.#live(this.#liveRelations, this.store.relations, compiled);
  }

  close(): void {
    this.#closed = true;
    for (const listener of this.#listeners) listener.unsubscribe();
    for (const live of [...this.#liveEntities.keys(), ...this.#liveRelations.keys()]) live.close();
  }

  /** @throws NervError `graph/closed` */
  assertOpen(): void {
    if (this.#closed) throw new NervError('graph/closed', 'The graph is closed. Make a new one.');
  }

  #live<Row extends Entity>(
    all: Map<LiveRows<Row>, Set<Listener<QueryDelta<Row>>>>,
    rows: RowSource<Slot<Row>, CompiledQuery>,
    compiled: CompiledQuery,
  ): LiveQuery<Row> {
    this.assertOpen();
    const live = new LiveRows<Row>(compiled, matchingRows(rows, compiled), {
      subscribe: (query, handler) => {
        const listeners = all.get(query);
        if (listeners === undefined) throw new NervError('graph/closed', 'The live query is closed. Start a new one.');
        return addListener(listeners, handler, {});
      },
      close: (query) => {
        for (const listener of all.get(query) ?? []) listener.unsubscribe();
        all.delete(query);
      },
    });
    all.set(live, new Set());
    return live;
  }

  #announce(net: NetChanges, origin: GraphOrigin): void {
    this.#announceLive(this.#liveEntities, net.entities, origin);
    this.#announceLive(this.#liveRelations, net.relations, origin);
    if (this.#listeners.size > 0) {
      for (const entity of net.entities) this.#announceChange(makeChange('entity', entity, origin));
      for (const relation of net.relations) this.#announceChange(makeChange('relation', relation, origin));
    }
    if (!this.#telling) this.#tell();
  }

  #announceLive<Row extends Entity>(
    all: Map<LiveRows<Row>, Set<Listener<QueryDelta<Row>>>>,
    changes: readonly NetChange<Row>[],
    origin: GraphOrigin,
  ): void {
    if (changes.length === 0) return;
    for (const [live, listeners] of all) {
      const delta = live.apply(changes, origin);
      if (delta === undefined) continue;
      for (const listener of listeners) this.#addNotice(listener, () => listener.handler(delta));
    }
  }

  #announceChange(change: GraphChange): void {
    for (const listener of this.#listeners) {
      if (isSelected(listener.selector, change)) this.#addNotice(listener, () => listener.handler(change));
    }
  }

  #addNotice(listener: GraphSubscription, call: () => unknown): void {
    this.#notices.push({ listener, generation: this.#generation + 1, call });
  }

  #tell(): void {
    this.#telling = true;
    for (let notice = this.#notices.shift(); notice !== undefined; notice = this.#notices.shift()) {
      if (!notice.listener.active) continue;
      this.#generation = notice.generation;
      this.#call(notice.call);
    }
    this.#generation = 0;
    this.#telling = false;
  }

  #call(call: () => unknown): void {
    try {
      const result = call();
      if (isPromiseLike(result)) Promise.resolve(result).catch((error: unknown) => this.#report(error));
    } catch (error) {
      this.#report(error);
    }
  }

  // A hook that throws must not stop the telling; its error is shown instead.
  #report(error: unknown): void {
    try {
      this.#onError(error);
    } catch (hookError) {
      systemReport('The error hook of a graph failed:', hookError);
    }
  }
}

/** Somebody who is told of something. */
class Listener<T> implements GraphSubscription {
  readonly handler: (about: T) => unknown;
  readonly selector: ChangeSelector;
  readonly #leave: (self: Listener<T>) => void;
  #active = true;

  constructor(handler: (about: T) => unknown, selector: ChangeSelector, leave: (self: Listener<T>) => void) {
    this.handler = handler;
    this.selector = selector;
    this.#leave = leave;
  }

  get active(): boolean {
    return this.#active;
  }

  unsubscribe(): void {
    this.#active = false;
    this.#leave(this);
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }
}

function addListener<T>(all: Set<Listener<T>>, handler: (about: T) => unknown, selector: ChangeSelector): Listener<T> {
  const listener = new Listener(handler, selector, (self) => all.delete(self));
  all.add(listener);
  return listener;
}

function isSelected(selector: ChangeSelector, change: GraphChange): boolean {
  const row = change.after ?? change.before;
  return (
    (selector.subject === undefined || selector.subject === change.subject) &&
    (selector.change === undefined || selector.change === change.type) &&
    (selector.id === undefined || selector.id === change.id) &&
    (selector.type === undefined || selector.type === row.type)
  );
}

function tooManyGenerations(): NervError {
  return new NervError(
    'graph/limit',
    `${MAX_GENERATIONS} writes followed from one another. ` +
      `Some subscriber writes, directly or through others, what it is told of; break that circle.`,
    { details: { limit: MAX_GENERATIONS } },
  );
}
