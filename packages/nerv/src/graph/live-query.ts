// A query's result, kept true by the changes of each write.
//
// - `#rows` holds exactly the rows that match now, as they are now, by id; `#sorted` the same in the query's order.
// - Of a query with a limit only the first so many are shown, up to `#last`; without one, all are.
// - Each delta leads from what was shown before a write to what is shown after it.

import { assert } from '../assert.ts';
import type { CompiledQuery } from './compiled-query.ts';
import type { Entity } from './entity.ts';
import type { GraphSubscription, LiveQuery, QueryDelta } from './entity-graph.ts';
import type { GraphOrigin, NetChange } from './graph-change.ts';
import { SortedRows } from './sorted-rows.ts';
import { assertNoCursor } from './run-query.ts';

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
  readonly #limit: number;
  #shownCount: number;
  #last: Row | undefined;
  #current: readonly Row[] | undefined;

  /** @throws NervError `graph/invalid-query` if the query has a cursor */
  constructor(compiled: CompiledQuery, matching: Row[], owner: LiveQueryOwner<Row>) {
    assertNoCursor(compiled);
    this.#compiled = compiled;
    this.#owner = owner;
    this.#limit = compiled.limit ?? Number.POSITIVE_INFINITY;
    this.#rows = new Map(matching.map((row) => [row.id, row]));
    this.#sorted = new SortedRows(matching, (left, right) => compiled.order.compare(left, right));
    this.#shownCount = Math.min(this.#limit, this.#sorted.size);
    this.#last = compiled.limit === undefined ? undefined : this.current.at(-1);
  }

  get current(): readonly Row[] {
    this.#current ??= Object.freeze(this.#sorted.first(this.#compiled.limit));
    return this.#current;
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
    const relevant = this.#relevant(changes);
    if (relevant.length === 0) return undefined;
    const shown = this.#changeRows(relevant);
    assert(this.#sorted.size === this.#rows.size, 'a live query has each row once');
    if (shown.length === 0) return undefined;
    this.#current = undefined;
    return deltaOf(shown, origin);
  }

  // The changes as the result sees them: a row that does not match is not there.
  #relevant(changes: readonly NetChange<Row>[]): NetChange<Row>[] {
    const relevant: NetChange<Row>[] = [];
    for (const { id, after } of changes) {
      const before = this.#rows.get(id);
      const matching = after !== undefined && this.#compiled.matches(after) ? after : undefined;
      if (before !== matching) relevant.push({ id, before, after: matching });
    }
    return relevant;
  }

  // Changes the rows, and gives the changes of what is shown.
  #changeRows(changes: readonly NetChange<Row>[]): readonly NetChange<Row>[] {
    const isLimited = this.#limit !== Number.POSITIVE_INFINITY;
    if (changes.length >= RESORT_FROM_CHANGES && changes.length * RESORT_AT_FRACTION >= this.#sorted.size) {
      const before = isLimited ? this.current : [];
      this.#resort(changes);
      return isLimited ? this.#showAnew(before) : changes;
    }
    if (!isLimited) {
      for (const { id, before, after } of changes) this.#replace(id, before, after);
      return changes;
    }
    const shown = new ShownChanges<Row>();
    for (const { id, before, after } of changes) {
      if (before !== undefined) this.#hide(before, shown);
      this.#replace(id, before, after);
      if (after !== undefined) this.#show(after, shown);
    }
    return shown.net();
  }

  #replace(id: string, before: Row | undefined, after: Row | undefined): void {
    if (before !== undefined) this.#sorted.remove(before);
    if (after === undefined) {
      this.#rows.delete(id);
      return;
    }
    this.#sorted.add(after);
    this.#rows.set(id, after);
  }

  // Takes a row that is about to leave out of what is shown; the one after the last moves up.
  #hide(row: Row, shown: ShownChanges<Row>): void {
    if (this.#last === undefined || this.#compiled.order.compare(row, this.#last) > 0) return;
    const next = this.#sorted.after(this.#last);
    shown.leave(row);
    if (next !== undefined) shown.enter(next);
    else this.#shownCount -= 1;
    this.#last = next ?? (row === this.#last ? this.#sorted.before(row) : this.#last);
  }

  // Shows a row that has come, if it lies before the last or there is room; the last one moves out if there is none.
  #show(row: Row, shown: ShownChanges<Row>): void {
    const isBefore = this.#last !== undefined && this.#compiled.order.compare(row, this.#last) < 0;
    if (this.#shownCount < this.#limit) {
      this.#shownCount += 1;
      shown.enter(row);
      if (!isBefore) this.#last = row;
      return;
    }
    if (!isBefore || this.#last === undefined) return;
    shown.enter(row);
    shown.leave(this.#last);
    this.#last = this.#sorted.before(this.#last);
  }

  #resort(changes: readonly NetChange<Row>[]): void {
    for (const { id, after } of changes) {
      if (after === undefined) this.#rows.delete(id);
      else this.#rows.set(id, after);
    }
    this.#sorted.reset([...this.#rows.values()]);
  }

  #showAnew(before: readonly Row[]): readonly NetChange<Row>[] {
    this.#current = undefined;
    const after = this.current;
    this.#shownCount = after.length;
    this.#last = after.at(-1);
    const shown = new ShownChanges<Row>();
    for (const row of before) shown.leave(row);
    for (const row of after) shown.enter(row);
    return shown.net();
  }
}

/** What enters and leaves a result, row by row; all in all, each row once. */
class ShownChanges<Row extends Entity> {
  readonly #before = new Map<string, Row | undefined>();
  readonly #after = new Map<string, Row | undefined>();

  enter(row: Row): void {
    if (!this.#before.has(row.id)) this.#before.set(row.id, undefined);
    this.#after.set(row.id, row);
  }

  leave(row: Row): void {
    if (!this.#before.has(row.id)) this.#before.set(row.id, row);
    this.#after.set(row.id, undefined);
  }

  net(): readonly NetChange<Row>[] {
    const changes: NetChange<Row>[] = [];
    for (const [id, before] of this.#before) {
      const after = this.#after.get(id);
      if (before !== after) changes.push({ id, before, after });
    }
    return changes;
  }
}

function deltaOf<Row>(changes: readonly NetChange<Row>[], origin: GraphOrigin): QueryDelta<Row> {
  const added: Row[] = [];
  const updated: { readonly before: Row; readonly after: Row }[] = [];
  const removed: Row[] = [];
  for (const { before, after } of changes) {
    // Where there was no row before, there is one after.
    if (before === undefined) added.push(after as Row);
    else if (after === undefined) removed.push(before);
    else updated.push({ before, after });
  }
  return { added, updated, removed, origin };
}
