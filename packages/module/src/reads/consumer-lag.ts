/** Counts what a consumer has still to handle, so that nobody has to fetch events to know how many there are. */
import { compilePattern } from '@inner-universe/nerv/events/pattern';
import { readLogHead } from '../log/log-writer.ts';
import { refuse } from '../refusals/refused.ts';
import type { EventLogRow } from '../schema/rows.ts';
import { partitionOf } from '../wire/partition-of.ts';
import { requireConsumer } from './administration.ts';
import { mayReadEvent } from './events.ts';
import { PageBudget } from './page.ts';
import type { Reader } from './reader.ts';
import { readBySeq } from './seq-reader.ts';

/** What `read_consumer_lag` is called with. */
export interface ConsumerLagRequest {
  readonly name: string;
  readonly kind: string;
  readonly afterSeqs: readonly bigint[];
  readonly lookAfter: bigint;
  readonly throughSeq: bigint;
}

/** What `read_consumer_lag` gives. */
export interface ConsumerLag {
  readonly counts: number[];
  readonly lookedTo: bigint;
  readonly more: boolean;
  readonly seq: bigint;
}

/**
 * The events of a consumer after a place of each of its partitions, as far as one page looks. What was trimmed, and what
 * the caller may not read, is not counted.
 */
export function readConsumerLag(reader: Reader, request: ConsumerLagRequest): ConsumerLag {
  const { name, scope, partitions, pattern: text } = requireConsumer(reader, request.name);
  const { afterSeqs, kind } = request;
  if (afterSeqs.length !== partitions) {
    refuse('value/malformed', `The consumer '${name}' has ${partitions} partitions, not ${afterSeqs.length}.`, {
      ids: [name],
    });
  }
  const pattern = compilePattern(text);
  const { eventLog } = reader.db;
  const { exact } = pattern;
  const counts = afterSeqs.map(() => 0);
  const isWanted = (row: EventLogRow): boolean =>
    row.scope === scope && (kind === '' || row.kind === kind) && pattern.matches(row.eventType);
  const count = (row: EventLogRow): undefined => {
    if (!isWanted(row) || !mayReadEvent(reader, row)) return undefined;
    const partition = partitionOf(row.partitionKey === '' ? row.source : row.partitionKey, partitions);
    const after = afterSeqs[partition];
    if (after !== undefined && row.seq > after) counts[partition] = (counts[partition] ?? 0) + 1;
    return undefined;
  };
  const first = firstOf(reader, request);
  const through = request.throughSeq;
  const last = through === 0n || through > reader.seq ? reader.seq : through;
  const { cursor, more } = readBySeq(
    {
      fetch: (range) =>
        exact === undefined ? eventLog.byScope.filter([scope, range]) : eventLog.byType.filter([exact, range]),
      tailOf: (row) => row.eventId,
      admit: count,
    },
    { cursor: { seq: first, tail: '' }, first, last, descending: false },
    new PageBudget(0),
  );
  // Nothing is put on a page, so it always ends between two positions of the log.
  return { counts, lookedTo: cursor.seq - 1n, more, seq: reader.seq };
}

/** The first position that may count: after the partition that is furthest behind, and after what was trimmed. */
function firstOf({ ctx }: Reader, { afterSeqs, lookAfter }: ConsumerLagRequest): bigint {
  const furthest = afterSeqs.reduce((least, seq) => (seq < least ? seq : least), afterSeqs[0] ?? 0n);
  const { trimmedSeq } = readLogHead(ctx);
  const after = [furthest, lookAfter, trimmedSeq].reduce((most, seq) => (seq > most ? seq : most));
  return after + 1n;
}
