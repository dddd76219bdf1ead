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

/** Runs work as long as somebody waits for it. */
type Waiting = (work: () => Promise<void>) => Promise<void>;

/** A live query whose rows are loaded. */
export interface LoadingQuery<Row> extends LiveQuery<Row> {
  /**
   * Resolves when all its rows are here; rejects when they cannot be loaded, or when it was called off before: then it is
   * closed. That is reported too.
   */
  readonly ready: Promise<void>;
}

/** A live query that lets its part of the graph go when it is closed, which it is when waiting for it is called off. */
export class LeasedQuery<Row> implements LoadingQuery<Row> {
  readonly ready: Promise<void>;
  readonly #query: LiveQuery<Row>;
  readonly #lease: PartLease;

  /** `within` waits for the part as long as the caller wants to. */
  constructor(
    query: LiveQuery<Row>,
    lease: PartLease,
    { within, onError }: { readonly within: Waiting; readonly onError: (error: unknown) => void },
  ) {
    this.#query = query;
    this.#lease = lease;
    let isLoadOver = false;
    const loaded = lease.ready.finally(() => (isLoadOver = true));
    this.ready = within(() => loaded);
    this.ready.catch((error: unknown) => {
      if (!isLoadOver) this.close();
      onError(error);
    });
    // Who has called it off is told nothing more of it.
    loaded.catch(() => undefined);
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
