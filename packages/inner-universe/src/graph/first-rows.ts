import type { Entity, Page } from '@inner-universe/nerv';
import type { CompiledQuery } from '@inner-universe/nerv/graph/replica';
import { isAfterCursor, makeCursor } from '@inner-universe/nerv/graph/replica';

/** How many rows beyond those wanted are gathered before the rest is let go. */
const SLACK = 1_024;

/**
 * The first rows of a query in its order, picked out of rows that come in any order. Holds about as many as it gives;
 * a row that comes again, changed meanwhile, counts as it came last.
 */
export class FirstRows {
  readonly #query: CompiledQuery;
  readonly #count: number;
  readonly #isAfter: ((row: Entity) => boolean) | undefined;
  #rows = new Map<string, Entity>();
  /** The last row that can still be among the first, once there are enough. */
  #last: Entity | undefined;

  /** @throws NervError `graph/invalid-cursor` */
  constructor(query: CompiledQuery, limit: number) {
    this.#query = query;
    this.#count = limit + 1;
    const { cursor } = query.query;
    this.#isAfter = cursor === undefined ? undefined : isAfterCursor(query, cursor);
  }

  add(rows: readonly Entity[]): void {
    for (const row of rows) {
      this.#rows.delete(row.id);
      if (this.#isWanted(row)) this.#rows.set(row.id, row);
    }
    if (this.#rows.size >= this.#count + SLACK) this.#cut();
  }

  page(): Page<Entity> {
    const found = this.#sorted();
    const items = found.slice(0, this.#count - 1);
    const last = items.at(-1);
    // What was let go may be wanted after all where much changed meanwhile: the next page finds it.
    const isAll = found.length < this.#count && this.#last === undefined;
    return { items, next: isAll || last === undefined ? undefined : makeCursor(this.#query, last) };
  }

  #isWanted(row: Entity): boolean {
    const { order, matches } = this.#query;
    if (!matches(row) || this.#isAfter?.(row) === false) return false;
    return this.#last === undefined || order.compare(row, this.#last) <= 0;
  }

  #cut(): void {
    const sorted = this.#sorted().slice(0, this.#count + SLACK / 2);
    this.#rows = new Map(sorted.map((row) => [row.id, row]));
    this.#last = sorted.at(-1);
  }

  #sorted(): Entity[] {
    return [...this.#rows.values()].sort((left, right) => this.#query.order.compare(left, right));
  }
}
