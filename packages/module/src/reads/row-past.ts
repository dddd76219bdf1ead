/**
 * What entities and relations were at a `seq`, told by their rows and histories. What a history does not tell, because
 * it was not kept, is refused and never guessed: revisions count the changes of a row without a gap.
 */
import type { Range } from 'spacetimedb/server';
import { refuse } from '../refusals/refused.ts';
import type { EntityHistoryRow, EntityRow, RelationHistoryRow, RelationRow } from '../schema/rows.ts';
import { mayReadEntity, mayReadRelation } from './graph.ts';
import type { Reader } from './reader.ts';
import { makeRange } from './seq-reader.ts';

/** What the histories of entities and of relations have in common. */
interface Change {
  readonly seq: bigint;
  readonly position: number;
  readonly operation: string;
  readonly revision: number;
}

interface Current {
  readonly id: string;
  readonly seq: bigint;
}

/** The rows of one kind, now and before. */
export interface Past<Row extends Current, History extends Change> {
  readonly kind: 'entity' | 'relation';
  find(id: string): Row | null;
  historyOf(id: string, range: Range<bigint>): Iterable<History>;
  /** The row as it was after a change. */
  toRow(change: History): Row;
  idOf(change: History): string;
  typeOf(row: Row): string;
  mayRead(row: Row): boolean;
}

/** The past of entities. */
export function entityPast(reader: Reader): Past<EntityRow, EntityHistoryRow> {
  const { db } = reader;
  return {
    kind: 'entity',
    find: (id) => db.entity.id.find(id),
    historyOf: (id, range) => db.entityHistory.byEntity.filter([id, range]),
    toRow: (change) => ({ ...change, id: change.entityId, createdSeq: 0n }),
    idOf: ({ entityId }) => entityId,
    typeOf: ({ entityType }) => entityType,
    mayRead: (row) => mayReadEntity(reader, row),
  };
}

/** The past of relations. */
export function relationPast(reader: Reader): Past<RelationRow, RelationHistoryRow> {
  const { db } = reader;
  return {
    kind: 'relation',
    find: (id) => db.relation.id.find(id),
    historyOf: (id, range) => db.relationHistory.byRelation.filter([id, range]),
    toRow: (change) => ({ ...change, id: change.relationId, createdSeq: 0n }),
    idOf: ({ relationId }) => relationId,
    typeOf: ({ relationType }) => relationType,
    mayRead: (row) => mayReadRelation(reader, row),
  };
}

/** Which row, and when. With a type, what was not kept matters only for rows of it. */
interface Moment {
  readonly id: string;
  readonly seq: bigint;
  readonly type?: string | undefined;
}

/**
 * What the row of an id was at a `seq`; undefined if there was none.
 * @throws `graph/no-history`
 */
export function rowAt<Row extends Current, History extends Change>(
  reader: Reader,
  past: Past<Row, History>,
  { id, seq, type = '' }: Moment,
): Row | undefined {
  const now = past.find(id) ?? undefined;
  if (now !== undefined && now.seq <= seq) return now;
  const historyOf = (range: Range<bigint>): Iterable<History> => past.historyOf(id, range);
  const before = lastUpTo(historyOf, seq);
  const after = firstAfter(historyOf, seq, reader.seq);
  const was = before?.operation === 'deleted' ? undefined : before;
  const isTold = after === undefined ? now === undefined && was === undefined : follows(was, after);
  if (!isTold) {
    const known = [now, was && past.toRow(was), after && past.toRow(after)];
    const isWanted = (row: Row): boolean => (type === '' || past.typeOf(row) === type) && past.mayRead(row);
    if (!known.some((row) => row !== undefined && isWanted(row))) return undefined;
    refuseUntold(past, { id, seq });
  }
  if (was !== undefined) return past.toRow(was);
  if (before === undefined && after === undefined) requireTold(reader, past.kind, [], seq);
  return undefined;
}

/** Whether a change of an id is the first after a `seq`. */
export function isFirstAfter<Row extends Current, History extends Change>(
  past: Past<Row, History>,
  change: History,
  seq: bigint,
): boolean {
  const first = firstAfter((range) => past.historyOf(past.idOf(change), range), seq, change.seq);
  return first !== undefined && first.seq === change.seq && first.position === change.position;
}

/** Whether a change of an id is the last up to a `seq`. */
export function isLastUpTo<Row extends Current, History extends Change>(
  past: Past<Row, History>,
  change: History,
  seq: bigint,
): boolean {
  const last = lastUpTo((range) => past.historyOf(past.idOf(change), range), seq);
  return last !== undefined && last.seq === change.seq && last.position === change.position;
}

/**
 * Refuses a look at the past of these types (none: of all) at a `seq` after which not everything was kept.
 * @throws `graph/no-history`
 */
export function requireTold(reader: Reader, kind: 'entity' | 'relation', types: readonly string[], seq: bigint): void {
  const gaps =
    types.length === 0
      ? [...reader.db.historyGap.iter()].filter(({ ownerKind }) => ownerKind === kind)
      : types.map((type) => reader.db.historyGap.gapKey.find(`${kind}:${type}`)).filter((gap) => gap !== null);
  // A type that the caller may not read is none of its business, and none of what it is told.
  const gap = gaps.find((one) => one.seq > seq && reader.access.mayReadType(kind, one.ownerType));
  if (gap === undefined) return;
  // The gaps are of all scopes: to others than the owner, only a type that they named is named.
  const type = types.length > 0 || reader.access.isOwner ? gap.ownerType : '';
  const what = type === '' ? `some ${kind} type` : `the ${kind} type '${type}'`;
  refuse(
    'graph/no-history',
    `Not all changes of ${what} after ${seq} were kept: its history was 'none' at ${gap.seq}. ` +
      'Ask for a later time, or for other types.',
    { details: { kind, type, seq: seq.toString(), keptFromSeq: gap.seq.toString() } },
  );
}

function follows(was: Change | undefined, after: Change): boolean {
  if (after.operation === 'created') return was === undefined;
  if (was === undefined) return false;
  return after.revision === (after.operation === 'deleted' ? was.revision : was.revision + 1);
}

function refuseUntold(
  { kind }: { readonly kind: string },
  { id, seq }: { readonly id: string; readonly seq: bigint },
): never {
  refuse(
    'graph/no-history',
    `What the ${kind} '${id}' was at ${seq} was not kept: the history of its type was 'none' for a while. Ask for a later time.`,
    { ids: [id], details: { kind, seq: seq.toString() } },
  );
}

const FIRST_WINDOW = 64n;
const WIDENING = 16n;

/** The last change with a `seq` up to this one. */
function lastUpTo<C extends Change>(fetch: (range: Range<bigint>) => Iterable<C>, last: bigint): C | undefined {
  let high = last;
  for (let window = FIRST_WINDOW; high > 0n; window *= WIDENING) {
    const low = high > window ? high - window + 1n : 1n;
    const found = [...fetch(makeRange(low, high))].reduce<C | undefined>(
      (a, b) => (a && isAfter(a, b) ? a : b),
      undefined,
    );
    if (found !== undefined) return found;
    high = low - 1n;
  }
  return undefined;
}

/** The first change with a `seq` after the one and up to the other. */
function firstAfter<C extends Change>(
  fetch: (range: Range<bigint>) => Iterable<C>,
  seq: bigint,
  last: bigint,
): C | undefined {
  let low = seq + 1n;
  for (let window = FIRST_WINDOW; low <= last; window *= WIDENING) {
    const high = low + window - 1n < last ? low + window - 1n : last;
    const found = [...fetch(makeRange(low, high))].reduce<C | undefined>(
      (a, b) => (a && isAfter(b, a) ? a : b),
      undefined,
    );
    if (found !== undefined) return found;
    low = high + 1n;
  }
  return undefined;
}

function isAfter(one: Change, other: Change): boolean {
  return one.seq === other.seq ? one.position > other.position : one.seq > other.seq;
}
