/**
 * What has to be done now and then, in bounded steps: forgets old requests, drops chunks nothing refers to and idle
 * rate buckets, prunes the past of the graph as `retention` says, and goes on with reindexing. A step that leaves work has the next one run at once.
 */
import { Range } from 'spacetimedb/server';
import { Access, isDatabase } from '../access/access.ts';
import { Settings } from '../access/settings.ts';
import { pruneOldHistory } from '../ops/history-pruning.ts';
import { readLogHead } from '../log/log-writer.ts';
import { toSenderError } from '../refusals/refused.ts';
import type { Context, Db } from '../schema/database.ts';
import { makeTimestamp, micros, type Timestamp } from '../values/library-values.ts';
import { CHUNK_MAX_AGE_MICROS, MAX_CLOCK_LEAD_MICROS, MAX_TRIM_ROWS, REQUEST_MAX_AGE_MICROS } from '../wire/limits.ts';
import { reindexStep, runMaintenanceSoon } from './reindexing.ts';

const RATE_BUCKET_MAX_AGE_MICROS = 86_400_000_000n;
/** Time is walked in slices of this length, so that no step meets more rows than were written in one. */
const SLICE_MICROS = 60_000_000n;
const MAX_SLICES = 10_000;

/** One step of maintenance. Only the database itself, by its timer, and the owner may take it. */
export function maintain(ctx: Context): void {
  try {
    const settings = new Settings(ctx.db);
    if (!isDatabase(ctx, ctx.sender)) new Access(ctx, settings).requireOwner('run maintenance');
    const { db, timestamp } = ctx;
    const now = micros(timestamp);
    const prunings: readonly Pruning[] = [
      {
        job: 'prune-requests',
        until: now - REQUEST_MAX_AGE_MICROS - MAX_CLOCK_LEAD_MICROS,
        remove: (range) => db.request.recordedAt.delete(range),
      },
      { job: 'prune-chunks', until: now - CHUNK_MAX_AGE_MICROS, remove: (range) => pruneChunks(db, range) },
      {
        job: 'prune-rates',
        until: now - RATE_BUCKET_MAX_AGE_MICROS,
        remove: (range) => db.rateBucket.updatedAt.delete(range),
      },
      {
        job: 'prune-read-rates',
        until: now - RATE_BUCKET_MAX_AGE_MICROS,
        remove: (range) => db.readBucket.updatedAt.delete(range),
      },
    ];
    const left = prunings.map((pruning) => prune(db, pruning, timestamp));
    const { nextSeq, trimmedSeq } = readLogHead(ctx);
    const seq = nextSeq - 1n;
    left.push(reindexStep(db, settings, seq, timestamp));
    const { historyMaxAgeSeconds } = settings.get('retention');
    left.push(pruneOldHistory({ db, seq, now: timestamp, trimmedSeq }, historyMaxAgeSeconds));
    if (left.includes(true)) runMaintenanceSoon(db, timestamp);
  } catch (error) {
    throw toSenderError(error, null);
  }
}

interface Pruning {
  readonly job: string;
  /** Rows from before this time go. */
  readonly until: bigint;
  readonly remove: (range: Range<Timestamp>) => number;
}

/** Walks from where the last step stopped towards `until`, and tells whether it did not get there. */
function prune(db: Db, { job, until, remove }: Pruning, now: Timestamp): boolean {
  const known = db.jobCursor.job.find(job);
  let from = known === null ? 0n : BigInt(known.cursor);
  if (until <= from) return false;
  let removed = 0;
  if (known === null) {
    removed = remove(timeRange(0n, until));
    from = until;
  }
  for (let slice = 0; slice < MAX_SLICES && removed < MAX_TRIM_ROWS && from < until; slice += 1) {
    const to = from + SLICE_MICROS < until ? from + SLICE_MICROS : until;
    removed += remove(timeRange(from, to));
    from = to;
  }
  const row = {
    job,
    cursor: from.toString(),
    done: from >= until,
    processed: (known?.processed ?? 0n) + BigInt(removed),
    updatedAt: now,
  };
  if (known === null) db.jobCursor.insert(row);
  else db.jobCursor.job.update(row);
  return from < until;
}

function pruneChunks(db: Db, range: Range<Timestamp>): number {
  let removed = 0;
  for (const row of [...db.chunkValue.recordedAt.filter(range)]) {
    if (row.references > 0n) continue;
    removed += db.chunk.byValue.delete(row.valueKey);
    db.chunkValue.valueKey.delete(row.valueKey);
  }
  return removed;
}

function timeRange(from: bigint, to: bigint): Range<Timestamp> {
  return new Range<Timestamp>(
    { tag: 'included', value: makeTimestamp(from) },
    { tag: 'excluded', value: makeTimestamp(to) },
  );
}
