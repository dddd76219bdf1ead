/**
 * To schema 2, which notes in `history_gap` of which types some changes were not kept. Schema 1 did not: a row whose
 * last change has no entry in its history is a gap.
 */
import { Range } from 'spacetimedb/server';
import { readLogHead } from '../log/log-writer.ts';
import type { Context } from '../schema/database.ts';
import type { Timestamp } from '../values/library-values.ts';
import type { Migration, MigrationStep } from './migration.ts';

/** How many `seq` one look covers. A request changes at most a few thousand rows under one of them. */
const LOOK_SEQS = 16n;
const STEP_ROWS = 2_000;
/** Looks of one step, where few of them find a row. */
const STEP_LOOKS = 4_000;

/** Notes the types whose past is not whole. */
export const historyGaps: Migration = {
  to: 2,
  name: 'history-gaps',
  description: 'Notes of which types of entities and relations changes were not kept.',
  blocks: [],
  step,
};

function step(ctx: Context, cursor: string): MigrationStep {
  const scopes = [...ctx.db.scope.iter()].map((row) => row.name);
  const lastSeq = readLogHead(ctx).nextSeq - 1n;
  let seq = cursor === '' ? 0n : BigInt(cursor);
  let processed = 0;
  for (
    let looks = 0;
    seq < lastSeq && processed < STEP_ROWS && looks < STEP_LOOKS;
    looks += Math.max(1, scopes.length)
  ) {
    const range = new Range<bigint>({ tag: 'excluded', value: seq }, { tag: 'included', value: seq + LOOK_SEQS });
    for (const scope of scopes) processed += noteGaps(ctx, scope, range);
    seq += LOOK_SEQS;
  }
  return { cursor: seq.toString(), done: seq >= lastSeq, processed };
}

function noteGaps(ctx: Context, scope: string, range: Range<bigint>): number {
  const { db } = ctx;
  let rows = 0;
  for (const { id, entityType, seq, updatedAt } of [...db.entity.byScope.filter([scope, range])]) {
    const [kept] = db.entityHistory.byEntity.filter([id, seq]);
    if (kept === undefined) noteGap(ctx, { kind: 'entity', type: entityType, seq, at: updatedAt });
    rows += 1;
  }
  for (const { id, relationType, seq, updatedAt } of [...db.relation.byScope.filter([scope, range])]) {
    const [kept] = db.relationHistory.byRelation.filter([id, seq]);
    if (kept === undefined) noteGap(ctx, { kind: 'relation', type: relationType, seq, at: updatedAt });
    rows += 1;
  }
  return rows;
}

interface Gap {
  readonly kind: 'entity' | 'relation';
  readonly type: string;
  readonly seq: bigint;
  readonly at: Timestamp;
}

/** Keeps the last one. */
function noteGap({ db }: Context, { kind, type, seq, at }: Gap): void {
  const gapKey = `${kind}:${type}`;
  const row = { gapKey, ownerKind: kind, ownerType: type, seq, recordedAt: at };
  const known = db.historyGap.gapKey.find(gapKey);
  if (known === null) db.historyGap.insert(row);
  else if (known.seq < seq) db.historyGap.gapKey.update(row);
}
