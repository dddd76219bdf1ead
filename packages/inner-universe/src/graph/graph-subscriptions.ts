import type { ChangeSelector, GraphSubscription, LiveQuery, QueryDelta } from '@inner-universe/nerv/graph';
import type { GraphPart } from './graph-part.ts';
import type { PartLease } from './live-graph.ts';

/** The part of a graph that changes of this selection are told from. */
export function partOfSelector({ subject, type }: ChangeSelector): GraphPart {
  const types = type === undefined ? undefined : [type];
  return {
    types: subject === 'relation' ? [] : types,
    relationTypes: subject === 'entity' ? [] : types,
  };
}

/** A subscription that begins when its part of the graph has been loaded, may end before, and then lets the part go. */
export class LeasedSubscription implements GraphSubscription {
  readonly #lease: PartLease;
  #subscription: GraphSubscription | undefined;
  #ended = false;

  constructor(lease: PartLease, start: () => GraphSubscription, onError: (error: unknown) => void) {
    this.#lease = lease;
    lease.ready.then(() => {
      if (!this.#ended) this.#subscription = start();
    }, onError);
  }

  get active(): boolean {
    return !this.#ended && (this.#subscription?.active ?? true);
  }

  unsubscribe(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#subscription?.unsubscribe();
    this.#lease.release();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }
}

/** A live query whose rows are loaded. */
export interface LoadingQuery<Row> extends LiveQuery<Row> {
  /** Resolves when all its rows are here; rejects when they cannot be loaded, which is reported too. */
  readonly ready: Promise<void>;
}

/** A live query that lets its part of the graph go when it is closed. */
export class LeasedQuery<Row> implements LoadingQuery<Row> {
  readonly #query: LiveQuery<Row>;
  readonly #lease: PartLease;

  constructor(query: LiveQuery<Row>, lease: PartLease, onError: (error: unknown) => void) {
    this.#query = query;
    this.#lease = lease;
    lease.ready.catch(onError);
  }

  get ready(): Promise<void> {
    return this.#lease.ready;
  }

  get current(): readonly Row[] {
    return this.#query.current;
  }

  subscribe(handler: (delta: QueryDelta<Row>) => unknown): GraphSubscription {
    return this.#query.subscribe(handler);
  }

  close(): void {
    this.#query.close();
    this.#lease.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
