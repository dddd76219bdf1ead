// The store, and everybody who is told of its changes.
//
// - A write happens whole or not at all.
// - When a write returns to its caller, or to the subscriber that made it, every watcher has taken it in.
// - Subscribers are told of writes in the order of writes, each write's changes after the whole write.
// - What a subscriber throws reaches the error hook, never the writer or another subscriber.

import { closed, NervError } from '../errors.ts';
import { Fifo } from '../events/fifo.ts';
import { isPromiseLike } from '../events/promise-like.ts';
import { systemReport } from '../ids/system.ts';
import type { ChangeSelector, GraphSubscription } from './entity-graph.ts';
import { type GraphChange, type GraphOrigin, makeChange, type NetChanges } from './graph-change.ts';
import type { WritableRows } from './row-store.ts';
import { GraphWriter } from './graph-writer.ts';

/** How many writes may follow from one another, subscribers writing what subscribers hear of. */
export const MAX_GENERATIONS = 256;

/** Where a subscriber's error goes. */
export type GraphErrorHook = (error: unknown) => void;

/** A write that was done: what it changed, whose it is, and when it was. */
export interface DoneWrite {
  readonly net: NetChanges;
  readonly origin: GraphOrigin;
  readonly atMs: number;
}

/** What takes in every write before any subscriber hears of it: a history, live queries. */
export interface GraphWatcher {
  take(write: DoneWrite): void;
  close?(): void;
}

interface Notice {
  readonly listener: GraphSubscription;
  readonly generation: number;
  readonly call: () => unknown;
}

/** A graph's rows and its subscribers. */
export class GraphCore<Store extends WritableRows = WritableRows> {
  readonly store: Store;
  readonly watchers: Set<GraphWatcher> = new Set();
  readonly #onError: GraphErrorHook;
  readonly #listeners = new Set<Listener<GraphChange>>();
  readonly #notices = new Fifo<Notice>();
  #generation = 0;
  #telling = false;
  #closed = false;

  constructor(store: Store, onError: GraphErrorHook = reportToConsole) {
    this.store = store;
    this.#onError = onError;
  }

  /**
   * Does a write as a whole, by a new writer, and tells of it. `atMs` is when.
   * @throws whatever the body throws, having taken back what it wrote; `graph/closed`; `graph/limit`
   */
  write<T>(
    origin: GraphOrigin,
    atMs: number,
    body: (writer: GraphWriter) => T,
    writer: GraphWriter = new GraphWriter(this.store),
  ): T {
    this.assertOpen();
    if (this.#generation >= MAX_GENERATIONS) {
      throw new NervError('graph/limit', `${MAX_GENERATIONS} writes followed from one another. Break that circle.`, {
        details: { limit: MAX_GENERATIONS },
      });
    }
    let result: T;
    try {
      result = body(writer);
    } catch (error) {
      writer.undoTo(0);
      throw error;
    }
    if (this.watchers.size + this.#listeners.size > 0) this.#announce({ net: writer.net(), origin, atMs });
    return result;
  }

  /** @throws NervError `graph/closed` */
  subscribe(selector: ChangeSelector, handler: (change: GraphChange) => unknown): GraphSubscription {
    this.assertOpen();
    return addListener(this.#listeners, handler, selector);
  }

  /** Has a subscriber called when its turn comes, unless it has left by then. */
  notify<T>(listener: Listener<T>, about: T): void {
    this.#notices.push({
      listener,
      generation: this.#generation + 1,
      call: () => listener.handler(about),
    });
  }

  close(): void {
    this.#closed = true;
    for (const listener of this.#listeners) listener.unsubscribe();
    for (const watcher of this.watchers) watcher.close?.();
  }

  /** @throws NervError `graph/closed` */
  assertOpen(): void {
    if (this.#closed) throw closed('graph/closed', 'graph');
  }

  #announce(write: DoneWrite): void {
    const { net, origin } = write;
    for (const watcher of this.watchers) watcher.take(write);
    if (this.#listeners.size > 0) {
      for (const entity of net.entities) this.#announceChange(makeChange('entity', entity, origin));
      for (const relation of net.relations) this.#announceChange(makeChange('relation', relation, origin));
    }
    if (!this.#telling) this.#tell();
  }

  #announceChange(change: GraphChange): void {
    for (const listener of this.#listeners) if (isSelected(listener.selector, change)) this.notify(listener, change);
  }

  #tell(): void {
    this.#telling = true;
    for (let notice = this.#notices.shift(); notice !== undefined; notice = this.#notices.shift()) {
      if (!notice.listener.active) continue;
      this.#generation = notice.generation;
      try {
        const result = notice.call();
        if (isPromiseLike(result)) result.then(undefined, (error: unknown) => this.#report(error));
      } catch (error) {
        this.#report(error);
      }
    }
    this.#generation = 0;
    this.#telling = false;
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
export class Listener<T> implements GraphSubscription {
  readonly handler: (about: T) => unknown;
  readonly selector: ChangeSelector;
  readonly #all: Set<Listener<T>>;

  /** For `addListener`. */
  constructor(handler: (about: T) => unknown, selector: ChangeSelector, all: Set<Listener<T>>) {
    this.handler = handler;
    this.selector = selector;
    this.#all = all;
  }

  get active(): boolean {
    return this.#all.has(this);
  }

  unsubscribe(): void {
    this.#all.delete(this);
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }
}

/** Adds a listener to others. */
export function addListener<T>(
  all: Set<Listener<T>>,
  handler: (about: T) => unknown,
  selector: ChangeSelector = {},
): Listener<T> {
  const listener = new Listener(handler, selector, all);
  all.add(listener);
  return listener;
}

function isSelected({ subject, change: type, id, type: rowType }: ChangeSelector, change: GraphChange): boolean {
  return (
    (subject ?? change.subject) === change.subject &&
    (type ?? change.type) === change.type &&
    (id ?? change.id) === change.id &&
    (rowType === undefined || rowType === (change.after ?? change.before).type)
  );
}

function reportToConsole(error: unknown): void {
  systemReport('A subscriber of a graph failed:', error);
}
