import { NervError } from '../errors.ts';
import type { CompiledQuery } from './compiled-query.ts';
import type { Entity, Relation } from './entity.ts';
import type { LiveQuery, QueryDelta } from './entity-graph.ts';
import type { GraphOrigin, NetChange } from './graph-change.ts';
import { addListener, type DoneWrite, type GraphCore, type GraphWatcher, type Listener } from './graph-core.ts';
import type { GraphStore } from './graph-store.ts';
import { LiveRows } from './live-query.ts';
import { matchingRows, type Source } from './run-query.ts';

type Live<Row extends Entity> = Map<LiveRows<Row>, Set<Listener<QueryDelta<Row>>>>;

/** The live queries of one graph: they watch it while there are any. */
export class LiveQueries implements GraphWatcher {
  readonly #core: GraphCore<GraphStore>;
  readonly #entities: Live<Entity> = new Map();
  readonly #relations: Live<Relation> = new Map();

  constructor(core: GraphCore<GraphStore>) {
    this.#core = core;
  }

  entities(compiled: CompiledQuery): LiveQuery<Entity> {
    return this.#start(this.#entities, this.#core.store.entities, compiled);
  }

  relations(compiled: CompiledQuery): LiveQuery<Relation> {
    return this.#start(this.#relations, this.#core.store.relations, compiled);
  }

  take({ net, origin }: DoneWrite): void {
    this.#announce(this.#entities, net.entities, origin);
    this.#announce(this.#relations, net.relations, origin);
  }

  close(): void {
    for (const live of [...this.#entities.keys(), ...this.#relations.keys()]) live.close();
  }

  #start<Row extends Entity>(all: Live<Row>, rows: Source<Row>, compiled: CompiledQuery): LiveQuery<Row> {
    this.#core.assertOpen();
    const live = new LiveRows<Row>(compiled, matchingRows(rows, compiled), {
      subscribe: (query, handler) => {
        const listeners = all.get(query);
        if (listeners === undefined) throw new NervError('graph/closed', 'The live query is closed. Start a new one.');
        return addListener(listeners, handler);
      },
      close: (query) => {
        all.get(query)?.clear();
        all.delete(query);
        if (this.#entities.size + this.#relations.size === 0) this.#core.watchers.delete(this);
      },
    });
    all.set(live, new Set());
    this.#core.watchers.add(this);
    return live;
  }

  #announce<Row extends Entity>(all: Live<Row>, changes: readonly NetChange<Row>[], origin: GraphOrigin): void {
    if (changes.length === 0) return;
    for (const [live, listeners] of all) {
      const delta = live.apply(changes, origin);
      if (delta === undefined) continue;
      for (const listener of listeners) this.#core.notify(listener, delta);
    }
  }
}
