/*
 * What is held of a graph, for everybody who looks at it. Invariants:
 * - what readers see is the confirmed rows that are in a part, and over them the own writes that are shown;
 * - each call tells subscribers once, with the net change;
 * - a row that leaves all parts is one that is gone, here.
 */
import type { EntityRow, RelationRow } from '@inner-universe/module/wire';
import { GraphReplica, type ConfirmedRow, type GraphOperation } from '@inner-universe/nerv/graph/replica';
import type { GraphKind } from '../encryption/graph-sealer.ts';
import type { LoadedPart } from './graph-part.ts';
import {
  makeEntities,
  makeRelations,
  openRows,
  type RowSource,
  type StoredEntity,
  type StoredRelation,
} from './graph-rows.ts';
import { HeldRows, type GoneRow, type HeldRow, type StoredRow } from './held-rows.ts';
import { PendingWrites, type RawRow } from './pending-writes.ts';

/** What changed, all in all. */
export interface RawChanges {
  readonly entities: readonly EntityRow[];
  readonly relations: readonly RelationRow[];
  readonly gone: readonly GoneRow[];
}

export interface ReplicaRowsParts {
  readonly source: RowSource;
  readonly onError: (error: unknown) => void;
  readonly heldRowsMax: number;
  readonly identity: () => string;
}

/** How far above the limit of loading a graph may grow by what others write. */
const GROWTH = 2;

/** A replica, the confirmed rows under it, and the own writes over it. */
export class ReplicaRows {
  readonly replica: GraphReplica;
  readonly held: HeldRows;
  readonly pending: PendingWrites;
  readonly #source: RowSource;
  /** Called for each row that is put in or taken out. */
  onChange: ((kind: GraphKind, id: string) => void) | undefined;

  constructor({ source, onError, heldRowsMax, identity }: ReplicaRowsParts) {
    this.#source = source;
    this.held = new HeldRows(heldRowsMax);
    this.replica = new GraphReplica({ onError });
    // Rows and deletions come here in order.
    this.replica.endLoading();
    this.pending = new PendingWrites(this.replica, identity);
  }

  /** Takes in rows of pages that were read to load a part. @throws `graph/too-large` */
  async load(changes: RawChanges, parts: readonly LoadedPart[]): Promise<void> {
    await this.#takeIn(changes, { parts, times: 1 });
  }

  /** Takes in what changed. @throws `graph/too-large` when it has grown too much */
  async follow(changes: RawChanges, parts: readonly LoadedPart[]): Promise<void> {
    await this.#takeIn(changes, { parts, times: GROWTH });
  }

  /** Takes in rows that were kept here. */
  async adopt(rows: readonly HeldRow[]): Promise<void> {
    const news = rows.filter(({ kind, row }) => this.held.isNews(kind, row.id, row.seq));
    const opened = await Promise.all(news.map((held) => this.#open(held)));
    for (const held of opened) this.#put(held, 1);
    this.#confirm(opened.map(asConfirmed), []);
  }

  /** Takes out what is in none of these parts. */
  keepOnly(parts: readonly LoadedPart[]): void {
    const left = [...this.held.all()].filter(
      ({ kind, row, scope }) => !parts.some((part) => part.holds(kind, row, scope)),
    );
    this.#takeOut(left.map(({ kind, row }) => ({ kind, id: row.id, seq: row.seq })));
  }

  /** Takes out what a part has here and was not found when it was read again. */
  dropUnfound(part: LoadedPart, found: Readonly<Record<GraphKind, ReadonlySet<string>>>): void {
    const lost = [...this.held.all()].filter(
      ({ kind, row, scope }) => part.holds(kind, row, scope) && !found[kind].has(row.id),
    );
    this.#takeOut(lost.map(({ kind, row }) => ({ kind, id: row.id, seq: row.seq })));
  }

  /** Opens sealed rows anew: keys have come or gone. */
  async reopen(): Promise<void> {
    const sealed = [...this.held.all()].filter(({ stored }) => stored !== undefined);
    const opened = await Promise.all(sealed.map((held) => this.#open(held)));
    const rows: ConfirmedRow[] = [];
    for (const held of opened) {
      // It may have changed, or gone, while keys were asked for.
      if (this.held.get(held.kind, held.row.id)?.stored !== held.stored) continue;
      this.#put(held, GROWTH);
      rows.push(...replacing(held));
    }
    this.#confirm(rows, []);
  }

  /** Shows a write before it is confirmed, if it applies to what is held. */
  show(id: string, operations: readonly GraphOperation[]): boolean {
    return this.pending.show(id, operations);
  }

  /** Takes off the writes that were applied, when all that they became is taken in. */
  settleAnswered(): void {
    const settled = this.pending.takeAnswered();
    if (settled.length > 0) this.#confirm([], settled);
  }

  close(): void {
    this.replica.graph.close();
    this.held.clear();
    this.pending.clear();
  }

  async #takeIn(
    { entities, relations, gone }: RawChanges,
    { parts, times }: { readonly parts: readonly LoadedPart[]; readonly times: number },
  ): Promise<void> {
    const raw: readonly RawRow[] = [
      ...entities.map((row): RawRow => ({ kind: 'entity', row })),
      ...relations.map((row): RawRow => ({ kind: 'relation', row })),
    ];
    const goneAt = new Map(gone.map(({ kind, id, seq }) => [`${kind} ${id}`, seq]));
    const rowAt = new Map(raw.map(({ kind, row }) => [`${kind} ${row.id}`, Number(row.seq)]));
    const news = raw.filter(
      ({ kind, row }) =>
        this.held.isNews(kind, row.id, Number(row.seq)) && Number(row.seq) > (goneAt.get(`${kind} ${row.id}`) ?? -1),
    );
    const decoded = await this.#decode(news.filter((one) => parts.some((part) => part.mayHold(...placeOf(one)))));
    const wanted = decoded.filter(({ kind, row, scope }) => parts.some((part) => part.holds(kind, row, scope)));
    const kept = new Set(wanted.map(({ kind, row }) => `${kind} ${row.id}`));
    // What has left the parts is gone, here.
    const left = news.filter(
      ({ kind, row }) => !kept.has(`${kind} ${row.id}`) && this.held.get(kind, row.id) !== undefined,
    );
    const out: GoneRow[] = [
      ...left.map(({ kind, row }) => ({ kind, id: row.id, seq: Number(row.seq) })),
      ...gone.filter(
        ({ kind, id, seq }) =>
          this.held.get(kind, id) !== undefined &&
          this.held.isNews(kind, id, seq) &&
          seq >= (rowAt.get(`${kind} ${id}`) ?? -1),
      ),
    ];
    for (const held of wanted) this.#put(held, times);
    for (const { kind, id } of out) this.#delete(kind, id);
    // Relations before their ends, so that no deletion leaves one without.
    out.sort((one, other) => (one.kind === other.kind ? 0 : one.kind === 'relation' ? -1 : 1));
    this.#confirm([...out.map(asGone), ...wanted.map(asConfirmed)], this.pending.settledBy(raw, gone));
  }

  #takeOut(rows: readonly GoneRow[]): void {
    for (const { kind, id } of rows) this.#delete(kind, id);
    const sorted = [...rows].sort((one, other) => (one.kind === other.kind ? 0 : one.kind === 'relation' ? -1 : 1));
    // Between the change that is known here and the next.
    this.#confirm(
      sorted.map((row) => asGone({ ...row, seq: row.seq + 0.5 })),
      [],
    );
  }

  #put(held: HeldRow, times: number): void {
    this.held.put(held, times);
    this.onChange?.(held.kind, held.row.id);
  }

  #delete(kind: GraphKind, id: string): void {
    this.held.delete(kind, id);
    this.onChange?.(kind, id);
  }

  #confirm(rows: readonly ConfirmedRow[], settled: readonly string[]): void {
    if (rows.length > 0 || settled.length > 0) this.replica.confirm(rows, settled);
  }

  async #decode(raw: readonly RawRow[]): Promise<readonly HeldRow[]> {
    const source = { read: this.#source.read, sealer: undefined };
    return Promise.all(
      raw.map(async (one) => {
        const [row] = await (one.kind === 'entity'
          ? makeEntities(source, [one.row])
          : makeRelations(source, [one.row]));
        const { scope } = one.row;
        // One row was asked for.
        return this.#open({ kind: one.kind, row: row as StoredRow, scope, stored: row });
      }),
    );
  }

  /** A row as it is seen; where nothing of its type is sealed, that is how it is stored. */
  async #open(held: HeldRow): Promise<HeldRow> {
    const { sealer } = this.#source;
    const { kind, row, stored = row } = held;
    if (sealer?.covers(kind, row.type) !== true) return { ...held, stored: undefined };
    const [opened = stored] = await openRows(sealer, kind, [stored]);
    return { ...held, row: opened, stored };
  }
}

function placeOf({ kind, row }: RawRow): [kind: GraphKind, type: string, scope: string] {
  return [kind, kind === 'entity' ? row.entityType : row.relationType, row.scope];
}

function asConfirmed({ kind, row }: HeldRow): ConfirmedRow {
  // A row of a kind is of its table.
  return kind === 'entity' ? { type: kind, row: row as StoredEntity } : { type: kind, row: row as StoredRelation };
}

function asGone({ kind, id, seq }: GoneRow): ConfirmedRow {
  return { type: kind === 'entity' ? 'entity-deleted' : 'relation-deleted', id, seq };
}

/** A row of the same `seq` in the place of one that is there. */
function replacing(held: HeldRow): ConfirmedRow[] {
  const { kind, row } = held;
  return [asGone({ kind, id: row.id, seq: row.seq + 0.5 }), asConfirmed(held)];
}
