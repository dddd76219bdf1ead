/** From when on the past of the graph is told: what it was before is pruned, and refused. */
import { refuse } from '../refusals/refused.ts';
import type { Db } from '../schema/database.ts';
import type { EntityHistoryRow, EntityRow, HistoryBoundRow, RelationHistoryRow, RelationRow } from '../schema/rows.ts';
import { micros, type Timestamp } from '../values/library-values.ts';
import type { Reader } from './reader.ts';
import { isLastUpTo, type Past } from './row-past.ts';

/** What `read_history_bound` gives. */
export interface HistoryBoundResult {
  readonly keptFromSeq: bigint;
  readonly keptFrom: Timestamp | undefined;
  readonly done: boolean;
  readonly removed: bigint;
}

/** Reads from when on the past of the graph is told. */
export function readHistoryBound({ db }: Reader): HistoryBoundResult {
  const bound = historyBoundOf(db);
  if (bound === undefined) return { keptFromSeq: 0n, keptFrom: undefined, done: true, removed: 0n };
  const { keptFromSeq, keptFrom, done, removed } = bound;
  return { keptFromSeq, keptFrom, done, removed };
}

/** The bound; undefined as long as nothing was pruned. */
export function historyBoundOf(db: Db): HistoryBoundRow | undefined {
  return db.historyBound.id.find(0) ?? undefined;
}

/** Refuses a look at the graph as it was before the bound. @throws `graph/history-trimmed` */
export function requireKept(db: Db, seq: bigint): void {
  const bound = historyBoundOf(db);
  if (bound !== undefined && seq < bound.keptFromSeq) refuseTrimmed(bound, `at ${seq}`);
}

/** Says that something lies before the bound. */
export function refuseTrimmed({ keptFromSeq, keptFrom }: HistoryBoundRow, when: string): never {
  const keptFromMs = micros(keptFrom) / 1000n;
  refuse(
    'graph/history-trimmed',
    `What the graph was ${when} is pruned: its past is kept from ${keptFromSeq} on, which was recorded at ${keptFromMs} ` +
      '(milliseconds since 1970). Ask for a later time.',
    { details: { keptFromSeq: keptFromSeq.toString(), keptFromMs: Number(keptFromMs) } },
  );
}

/**
 * Whether a change is told: the last one up to the bound, of what was there then, and all later ones. So answers do not
 * depend on how far the removal has got.
 */
export function isKept<Row extends EntityRow | RelationRow, History extends EntityHistoryRow | RelationHistoryRow>(
  past: Past<Row, History>,
  bound: HistoryBoundRow | undefined,
  change: History,
): boolean {
  if (bound === undefined || change.seq > bound.keptFromSeq) return true;
  return change.operation !== 'deleted' && isLastUpTo(past, change, bound.keptFromSeq);
}
