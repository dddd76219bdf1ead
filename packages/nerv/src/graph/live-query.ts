// A query's result, kept true by the changes of each write.
//
// - `#rows` holds exactly the rows that match now, as they are now, by id; `#sorted` the same in the query's order.
// - The result shown is the first `limit` of `#sorted`, and each delta leads from one shown result to the next.

import { assert } from '../assert.ts';
import type { Entity } from './entity.ts';
import type { GraphSubscription, LiveQuery, QueryDelta } from './entity-graph.ts';
import type { GraphOrigin, NetChange } from './graph-change.ts';
import { SortedRows } from './sorted-rows.ts';
import type { CompiledQuery } from './run-query.ts';
import { invalidQuery } from './where.ts';

const RESORT_FROM_CHANGES = 32;
const RESORT_AT_FRACTION = 64;

/** How a live query reaches its subscribers, and leaves its graph. */
export interface LiveQueryOwner<Row> {
  subscribe(query: LiveRows<Row & Entity>, handler: (delta: QueryDelta<Row>) => unknown): GraphSubscription;
  close(query: LiveRows<Row & Entity>): void;
}

/** The rows of one live query. */
export class LiveRows<Row extends Entity> implements LiveQuery<Row> {
  readonly #compiled: CompiledQuery;
  readonly #owner: LiveQueryOwner<Row>;
  readonly #rows: Map<string, Row>;
  readonly #sorted: SortedRows<Row>;
  #shown: readonly Row[] | undefined;

  /** @throws NervError `graph/invalid-query` if the query has a cursor */
  constructor(compiled: CompiledQuery, matching: Row[], owner: LiveQueryOwner<Row>) {
    if (compiled.query.cursor !== undefined) throw invalidQuery('cursor', 'has no place in a live query');
    this.#compiled = compiled;
    this.#owner = owner;
    this.#rows = new Map(matching.map((row) => [row.id, row]));
    this.#sorted = new SortedRows(matching, (left, right) => compiled.order.compare(left, right));
  }

  get current(): readonly Row[] {
    this.#shown ??= Object.freeze(this.#sorted.first(this.#compiled.limit));
    return this.#shown;
  }

  subscribe(handler: (delta: QueryDelta<Row>) => unknown): GraphSubscription {
    return this.#owner.subscribe(this, handler);
  }

  close(): void {
    this.#owner.close(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes a write's changes in; gives what changed in the result, if anything did. */
  apply(changes: readonly NetChange<Row>[], origin: GraphOrigin): QueryDelta<Row> | undefined {
    const { limit } = this.#compiled;
    const relevant = changes.flatMap((change) => this.#relevant(change) ?? []);
    if (relevant.length === 0) return undefined;
    const shownBefore = limit === undefined ? undefined : this.current;
    this.#shown = undefined;
    if (relevant.length >= RESORT_FROM_CHANGES && relevant.length * RESORT_AT_FRACTION >= this.#sorted.size) {
      this.#applyAll(relevant);
    } else {
      for (const change of relevant) this.#applyOne(change);
    }
    assert(this.#sorted.size === this.#rows.size, 'a live query has each row once');
    return shownBefore === undefined
      ? deltaOfChanges(relevant, origin)
      : deltaOfResults(shownBefore, this.current, origin);
  }

  // The change as the result sees it: a row that does not match is not there.
  #relevant({ id, after }: NetChange<Row>): NetChange<Row> | undefined {
    const before = this.#rows.get(id);
    const matching = after !== undefined && this.#compiled.matches(after) ? after : undefined;
    return before === matching ? undefined : { id, before, after: matching };
  }

  #applyOne({ id, before, after }: NetChange<Row>): void {
    if (before !== undefined) this.#sorted.remove(before);
    if (after === undefined) {
      this.#rows.delete(id);
      return;
    }
    this.#sorted.add(after);
    this.#rows.set(id, after);
  }

  #applyAll(changes: readonly NetChange<Row>[]): void {
    for (const { id, after } of changes) {
      if (after === undefined) this.#rows.delete(id);
      else this.#rows.set(id, after);
    }
    this.#sorted.reset([...this.#rows.values()]);
  }
}

function deltaOfChanges<Row>(changes: readonly NetChange<Row>[], origin: GraphOrigin): QueryDelta<Row> {
  const added: Row[] = [];
  const updated: { readonly before: Row; readonly after: Row }[] = [];
  const removed: Row[] = [];
  for (const { before, after } of changes) {
    if (before === undefined) {
      if (after !== undefined) added.push(after);
    } else if (after === undefined) {
      removed.push(before);
    } else {
      updated.push({ before, after });
    }
  }
  return { added, updated, removed, origin };
}

function deltaOfResults<Row extends Entity>(
  before: readonly Row[],
  after: readonly Row[],
  origin: GraphOrigin,
): QueryDelta<Row> | undefined {
  const old = new Map(before.map((row) => [row.id, row]));
  const changes: NetChange<Row>[] = [];
  for (const row of after) {
    const was = old.get(row.id);
    if (was !== row) changes.push({ id: row.id, before: was, after: row });
    old.delete(row.id);
  }
  for (const row of old.values()) changes.push({ id: row.id, before: row, after: undefined });
  return changes.length === 0 ? undefined : deltaOfChanges(changes, origin);
}
