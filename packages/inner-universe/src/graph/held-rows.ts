/*
 * The confirmed rows that are held here, in memory. Invariants:
 * - each row is as the log has it, with its scope, and, where it is sealed, as it is stored;
 * - there are never more than the limit.
 */
import type { GraphKind } from '../encryption/graph-sealer.ts';
import { NervPersistenceError } from '../errors.ts';
import type { StoredEntity, StoredRelation } from './graph-rows.ts';

/** A row of either kind. */
export type StoredRow = StoredEntity | StoredRelation;

/** A row as it is seen, and what is known of it beside. */
export interface HeldRow {
  readonly kind: GraphKind;
  readonly row: StoredRow;
  readonly scope: string;
  /** With its properties as they are stored, of types that are sealed. */
  readonly stored: StoredRow | undefined;
}

/** Something that is gone, by a record of this `seq`. */
export interface GoneRow {
  readonly kind: GraphKind;
  readonly id: string;
  readonly seq: number;
}

/** Rows by kind and id. A row takes some 150 bytes here beside what it is itself. */
export class HeldRows {
  readonly #rows: Readonly<Record<GraphKind, Map<string, HeldRow>>> = { entity: new Map(), relation: new Map() };
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#rows.entity.size + this.#rows.relation.size;
  }

  get(kind: GraphKind, id: string): HeldRow | undefined {
    return this.#rows[kind].get(id);
  }

  /** Whether a row, or a deletion, with this `seq` is news. */
  isNews(kind: GraphKind, id: string, seq: number): boolean {
    return seq > (this.#rows[kind].get(id)?.row.seq ?? -1);
  }

  /** `times` is how many times the limit counts. @throws {NervPersistenceError} `graph/too-large` */
  put(held: HeldRow, times: number): void {
    const rows = this.#rows[held.kind];
    if (this.size >= this.#max * times && !rows.has(held.row.id)) throw this.#tooLarge();
    rows.set(held.row.id, held);
  }

  delete(kind: GraphKind, id: string): void {
    this.#rows[kind].delete(id);
  }

  *all(): Generator<HeldRow, void, undefined> {
    yield* this.#rows.entity.values();
    yield* this.#rows.relation.values();
  }

  clear(): void {
    this.#rows.entity.clear();
    this.#rows.relation.clear();
  }

  #tooLarge(): NervPersistenceError {
    return new NervPersistenceError(
      'graph/too-large',
      `More than ${this.#max} entities and relations would be held here. Load a smaller part (by types, scopes or where), ` +
        'unload what is not needed, read by pages, or raise `heldRowsMax`.',
      { details: { heldRowsMax: this.#max } },
    );
  }
}
