/**
 * Brings `entity_property` up to date after the configuration's `indexes` changed, in bounded steps that a scheduled
 * reducer takes. Ops keep the rows they touch right from the first moment; a step looks at the rest in the order of
 * their last change. Until it is done, look-ups by property are refused, because they would miss rows.
 */
import { Range, ScheduleAt } from 'spacetimedb/server';
import type { Settings } from '../access/settings.ts';
import { replaceProperties, type LookupOwner } from '../ops/graph-lookups.ts';
import type { Db } from '../schema/database.ts';
import { micros, type Timestamp } from '../values/library-values.ts';

const JOB = 'reindex';
/** How many `seq` one step covers. A request changes at most a few thousand rows under one of them. */
const STEP_SEQS = 16n;
const STEP_ROWS = 2_000;
/** Ranges one step looks into, of all scopes together, where few of them hold a row. */
const STEP_SCANS = 4_000;
/** The regular timer, the one that is firing, and one to come. */
const MAX_TIMERS = 3n;

/** Starts the job anew, from the beginning. */
export function scheduleReindexing(db: Db, now: Timestamp): void {
  const row = { job: JOB, cursor: '0', done: false, processed: 0n, updatedAt: now };
  if (db.jobCursor.job.find(JOB) === null) db.jobCursor.insert(row);
  else db.jobCursor.job.update(row);
  runMaintenanceSoon(db, now);
}

/** Whether look-ups by property see every row. */
export function isReindexed(db: Db): boolean {
  return db.jobCursor.job.find(JOB)?.done ?? true;
}

/** Takes one step of the job, if it is under way. Returns whether there is more to do. */
export function reindexStep(db: Db, settings: Settings, lastSeq: bigint, now: Timestamp): boolean {
  const job = db.jobCursor.job.find(JOB);
  if (job === null || job.done) return false;
  let seq = BigInt(job.cursor);
  let processed = 0;
  const scopes = [...db.scope.iter()].map((row) => row.name);
  for (let scans = 0; seq < lastSeq && processed < STEP_ROWS && scans < STEP_SCANS; scans += scopes.length) {
    const until = seq + STEP_SEQS;
    processed += reindexRange(db, settings, scopes, { after: seq, until });
    seq = until;
  }
  const done = seq >= lastSeq;
  db.jobCursor.job.update({
    ...job,
    cursor: seq.toString(),
    done,
    processed: job.processed + BigInt(processed),
    updatedAt: now,
  });
  return !done;
}

/** Has maintenance run at once, unless that is on its way already. */
export function runMaintenanceSoon(db: Db, now: Timestamp): void {
  if (db.maintenanceTimer.count() > MAX_TIMERS) return;
  db.maintenanceTimer.insert({ scheduledId: 0n, scheduledAt: ScheduleAt.time(micros(now)) });
}

interface SeqRange {
  readonly after: bigint;
  readonly until: bigint;
}

function reindexRange(db: Db, settings: Settings, scopes: readonly string[], { after, until }: SeqRange): number {
  let rows = 0;
  const range = new Range<bigint>({ tag: 'excluded', value: after }, { tag: 'included', value: until });
  for (const scope of scopes) {
    for (const row of [...db.entity.byScope.filter([scope, range])]) {
      replaceProperties(db, settings, { ...ownerOf(row), kind: 'entity', type: row.entityType });
      rows += 1;
    }
    for (const row of [...db.relation.byScope.filter([scope, range])]) {
      replaceProperties(db, settings, { ...ownerOf(row), kind: 'relation', type: row.relationType });
      rows += 1;
    }
  }
  return rows;
}

function ownerOf(row: Omit<LookupOwner, 'kind' | 'type'>): Omit<LookupOwner, 'kind' | 'type'> {
  const { id, scope, tags, properties, propertiesEncoding, seq } = row;
  return { id, scope, tags, properties, propertiesEncoding, seq };
}
