/**
 * Times and `seq` of the graph. Where the log is trimmed, the histories of entities and relations still have the times
 * of its changes, which is all that the graph needs.
 */
import type { Range } from 'spacetimedb/server';
import type { Db } from '../schema/database.ts';
import { micros, type Timestamp } from '../values/library-values.ts';
import { lastSeqBefore } from './log-time.ts';
import type { Reader } from './reader.ts';
import { makeRange } from './seq-reader.ts';

/** What is looked at for times: the tables, and the last `seq`. */
export type Timeline = Pick<Reader, 'db' | 'seq'>;

/** The changes of a history whose `seq` lie in a range. */
export type HistoryFetch = (range: Range<bigint>) => Iterable<{ readonly seq: bigint; readonly recordedAt: Timestamp }>;

/** The histories of a scope: of entities, and of relations. */
export function historiesOf(db: Db, scope: string): Readonly<Record<'entity' | 'relation', HistoryFetch>> {
  return {
    entity: (range) => db.entityHistory.byScope.filter([scope, range]),
    relation: (range) => db.relationHistory.byScope.filter([scope, range]),
  };
}

/** Every history there is. */
export function allHistories(db: Db): readonly HistoryFetch[] {
  return [...db.scope.iter()].flatMap(({ name }) => Object.values(historiesOf(db, name)));
}

/** A moment of the graph, and what to look for it in. */
export interface MomentSearch {
  /** Up to which `seq` the log is trimmed. */
  readonly trimmedSeq: bigint;
  readonly histories: readonly HistoryFetch[];
}

/** The last `seq` recorded up to a time; of a part of the log that is trimmed, the last change in the histories up to then. */
export function momentAt(timeline: Timeline, timeMicros: bigint, { trimmedSeq, histories }: MomentSearch): bigint {
  const seq = lastSeqBefore(timeline, trimmedSeq, timeMicros + 1n);
  return seq > trimmedSeq || trimmedSeq === 0n ? seq : lastChangeUpTo(histories, trimmedSeq, timeMicros);
}

/** The last change in some histories that was recorded up to a time and is not after `last`; 0 for none. */
function lastChangeUpTo(histories: readonly HistoryFetch[], last: bigint, timeMicros: bigint): bigint {
  const firstFrom = (from: bigint, to: bigint): { seq: bigint; recordedAt: Timestamp } | undefined => {
    let low = from;
    for (let window = 64n; low <= to; window *= 16n) {
      const high = low + window - 1n < to ? low + window - 1n : to;
      let first: { seq: bigint; recordedAt: Timestamp } | undefined;
      for (const fetch of histories) {
        for (const row of fetch(makeRange(low, high))) if (first === undefined || row.seq < first.seq) first = row;
      }
      if (first !== undefined) return first;
      low = high + 1n;
    }
    return undefined;
  };
  let low = 0n;
  let high = last;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    const change = firstFrom(middle, high);
    if (change === undefined) high = middle - 1n;
    else if (micros(change.recordedAt) <= timeMicros) low = change.seq;
    else high = middle - 1n;
  }
  return low;
}

/**
 * From which time on the graph was what it was at a `seq`, in microseconds: when that was recorded; of a part of the log
 * that is trimmed, when the graph changed last up to then, as far as is known.
 */
export function timeOfMoment({ db }: Timeline, seq: bigint, { trimmedSeq, histories }: MomentSearch): bigint {
  if (seq > trimmedSeq) {
    const [logged] = db.eventLog.seq.filter(seq);
    if (logged === undefined) throw new Error(`the log has no row for seq ${seq}`);
    return micros(logged.recordedAt);
  }
  let time = 0n;
  // Changes that were not kept are in no history.
  for (const gap of db.historyGap.iter()) {
    if (gap.seq <= seq && micros(gap.recordedAt) > time) time = micros(gap.recordedAt);
  }
  for (const { recordedAt } of lastChanges(histories, seq)) {
    if (micros(recordedAt) > time) time = micros(recordedAt);
  }
  return time;
}

/** The changes of the last stretch of the log up to a `seq` that has any. */
function lastChanges(histories: readonly HistoryFetch[], last: bigint): readonly { readonly recordedAt: Timestamp }[] {
  let high = last;
  for (let window = 64n; high > 0n; window *= 16n) {
    const low = high > window ? high - window + 1n : 1n;
    const found = histories.flatMap((fetch) => [...fetch(makeRange(low, high))]);
    if (found.length > 0) return found;
    high = low - 1n;
  }
  return [];
}
