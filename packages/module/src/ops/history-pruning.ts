/**
 * Pruning of the graph's past. Invariants:
 * - the bound moves first, in the same transaction as the first step, so that nobody is answered from half of a past;
 * - of what each row was up to the bound, the last change stays, unless it is a deletion: with it and all later ones,
 *   the graph at the bound and after is told as before;
 * - a step looks at a bounded number of changes, each of which makes at most the one before it go; a walk may end after
 *   any step and goes on where it was;
 * - up to where a walk has got, an id has at most one change. So a later walk looks only at what came since.
 */
import type { Range } from 'spacetimedb/server';
import { historyBoundOf } from '../reads/history-bound.ts';
import { allHistories, momentAt, timeOfMoment, type Timeline } from '../reads/graph-moment.ts';
import { PageBudget } from '../reads/page.ts';
import { formatCursor, parseCursor, positionTail } from '../reads/cursor.ts';
import { concat } from '../reads/reader.ts';
import { makeRange, readBySeq, type SeqSource } from '../reads/seq-reader.ts';
import { refuse } from '../refusals/refused.ts';
import type { Db } from '../schema/database.ts';
import type { PruneHistoryOp } from '../schema/op-types.ts';
import type { EntityHistoryRow, HistoryBoundRow, RelationHistoryRow } from '../schema/rows.ts';
import { makeTimestamp, micros, type Timestamp } from '../values/library-values.ts';
import { MAX_TRIM_ROWS } from '../wire/limits.ts';
import { SYSTEM_SCOPE } from '../wire/vocabulary.ts';
import { releaseChunks } from './chunks.ts';
import type { Work } from './work.ts';

/** Changes that one step looks at. Each makes one go at most, and one that is a deletion itself, too. */
const STEP_CHANGES = MAX_TRIM_ROWS / 2;

/** Moves the bound of the graph's past, or takes another step of removing what lies before it. */
export function pruneHistory(work: Work, { keptFromSeq }: PruneHistoryOp): void {
  work.access.requireOwner('prune the past of the graph');
  const { seqBefore, trimmedSeq } = work.log;
  if (keptFromSeq > seqBefore) {
    refuse('value/malformed', `The log ends at ${seqBefore}; the past cannot be kept from ${keptFromSeq} on.`);
  }
  if (moveBound({ db: work.db, seq: seqBefore }, keptFromSeq, trimmedSeq)) {
    work.log.change('HISTORY_PRUNED', SYSTEM_SCOPE, keptFromSeq.toString(), { seq: keptFromSeq.toString() });
  }
  removeSome(work);
}

/** What maintenance knows of the universe. */
export interface PruningTimes extends Timeline {
  readonly now: Timestamp;
  readonly trimmedSeq: bigint;
}

/**
 * Takes one step of maintenance: the past older than `maxAgeSeconds` goes (undefined: none), and what was begun goes on.
 * Returns whether there is more to do.
 */
export function pruneOldHistory(
  { db, seq, now, trimmedSeq }: PruningTimes,
  maxAgeSeconds: number | undefined,
): boolean {
  if (maxAgeSeconds !== undefined) {
    const until = micros(now) - BigInt(Math.ceil(maxAgeSeconds * 1_000_000));
    const search = { trimmedSeq, histories: allHistories(db) };
    if (until > 0n) moveBound({ db, seq }, momentAt({ db, seq }, until, search), trimmedSeq);
  }
  return removeSome({ db, now });
}

/** Moves the bound up to a `seq`, and tells whether it was before it. */
function moveBound(timeline: Timeline, keptFromSeq: bigint, trimmedSeq: bigint): boolean {
  const { db } = timeline;
  const known = historyBoundOf(db);
  if (keptFromSeq <= (known?.keptFromSeq ?? 0n)) return false;
  const time = timeOfMoment(timeline, keptFromSeq, { trimmedSeq, histories: allHistories(db) });
  if (known === undefined) {
    const keptFrom = makeTimestamp(time);
    db.historyBound.insert({ id: 0, keptFromSeq, keptFrom, cursor: '', done: false, removed: 0n });
  } else {
    const keptFrom = time > micros(known.keptFrom) ? makeTimestamp(time) : known.keptFrom;
    db.historyBound.id.update({ ...known, keptFromSeq, keptFrom, done: false });
  }
  return true;
}

/** One change of an entity or a relation, as the walk meets it. */
interface Met {
  readonly key: string;
  readonly seq: bigint;
  readonly position: number;
  readonly change: Change;
}

type Change =
  | { readonly kind: 'entity'; readonly id: string; readonly row: EntityHistoryRow }
  | { readonly kind: 'relation'; readonly id: string; readonly row: RelationHistoryRow };

/** One step of the walk. Returns whether there is more to do. */
function removeSome(work: Pick<Work, 'db' | 'now'>): boolean {
  const { db } = work;
  const bound = historyBoundOf(db);
  if (bound === undefined || bound.done) return false;
  const cursor = parseCursor(bound.cursor, { seq: 0n, tail: '' });
  const span = { cursor, first: 0n, last: bound.keptFromSeq, descending: false };
  const page = readBySeq(changesOf(db), span, new PageBudget(STEP_CHANGES));
  const lasts = new Map(page.rows.map((met) => [met.key, met]));
  let removed = 0;
  for (const last of lasts.values()) removed += removeBefore(work, last);
  const next: HistoryBoundRow = {
    ...bound,
    cursor: formatCursor(page.cursor),
    done: !page.more,
    removed: bound.removed + BigInt(removed),
  };
  db.historyBound.id.update(next);
  return page.more;
}

function changesOf(db: Db): SeqSource<Met, Met> {
  const scopes = [...db.scope.iter()].map(({ name }) => name);
  return {
    fetch: (range) => concat(scopes.map((scope) => metIn(db, scope, range))),
    tailOf: ({ position, key }) => positionTail(position, key),
    admit: (met) => met,
  };
}

function* metIn(db: Db, scope: string, range: Range<bigint>): Generator<Met, undefined> {
  for (const row of db.entityHistory.byScope.filter([scope, range])) {
    yield met({ kind: 'entity', id: row.entityId, row });
  }
  for (const row of db.relationHistory.byScope.filter([scope, range])) {
    yield met({ kind: 'relation', id: row.relationId, row });
  }
}

function met(change: Change): Met {
  const { kind, id, row } = change;
  return { key: `${kind} ${id}`, seq: row.seq, position: row.position, change };
}

/** Removes what an id was before a change, and the change if it is a deletion. Returns how many. */
function removeBefore(work: Pick<Work, 'db' | 'now'>, { change: last }: Met): number {
  const line = [...changesUpTo(work.db, last)].filter((one) => !isAfter(one.row, last.row));
  line.sort((left, right) => (isAfter(left.row, right.row) ? 1 : -1));
  const gone = last.row.operation === 'deleted' ? line : line.slice(0, -1);
  for (const [place, change] of gone.entries()) remove(work, change, line[place + 1]);
  return gone.length;
}

function* changesUpTo(db: Db, { kind, id, row: { seq } }: Change): Generator<Change, undefined> {
  const range = makeRange(0n, seq);
  if (kind === 'entity') {
    for (const row of db.entityHistory.byEntity.filter([id, range])) yield { kind, id, row };
  } else {
    for (const row of db.relationHistory.byRelation.filter([id, range])) yield { kind, id, row };
  }
}

function remove(work: Pick<Work, 'db' | 'now'>, change: Change, next: Change | undefined): void {
  const { scope, properties, propertiesEncoding } = change.row;
  // Changes that left the properties as they were share one reference to their chunks, which the last of them gives up.
  const isHandedOn = next !== undefined && next.row.scope === scope && next.row.properties === properties;
  if (!isHandedOn) releaseChunks(work, scope, [properties, propertiesEncoding]);
  const isGone =
    change.kind === 'entity' ? work.db.entityHistory.delete(change.row) : work.db.relationHistory.delete(change.row);
  if (!isGone) throw new Error(`the change of ${change.id} at ${change.row.seq} was not there to be removed`);
}

function isAfter(one: Change['row'], other: Change['row']): boolean {
  return one.seq === other.seq ? one.position > other.position : one.seq > other.seq;
}
