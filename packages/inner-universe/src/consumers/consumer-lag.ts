/*
 * How far a consumer is behind. Lag has one meaning everywhere: the events of the consumer (of its scope, pattern and
 * kind) that are in the log and not handled yet. What was parked counts as handled; what was trimmed is not in the log.
 */
import { SYSTEM_EVENT_TYPES } from '@inner-universe/module/wire';
import type { EventKind } from '@inner-universe/nerv';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';

const RECORD_TYPES: ReadonlySet<string> = new Set(SYSTEM_EVENT_TYPES);

/** Whose lag is asked for. */
export interface LagQuestion {
  readonly name: string;
  readonly kind: EventKind | 'all';
  /** Up to where each partition counts as handled: one for each, in order. */
  readonly afterSeqs: readonly bigint[];
  /** The last `seq` that counts. */
  readonly throughSeq: bigint;
}

/**
 * The events that lie after a place of each partition, by partition. The module counts, 20,000 rows a call, so this
 * costs by what was recorded since in the scope (for a pattern without wildcards, of the type), and sends no event.
 * @throws `consumer/not-found`; what a read throws
 */
export async function countUnhandled(
  client: ModuleClient,
  { name, kind, afterSeqs, throughSeq }: LagQuestion,
  call: CallOptions = {},
): Promise<readonly number[]> {
  const totals = afterSeqs.map(() => 0);
  if (throughSeq === 0n || afterSeqs.every((seq) => seq >= throughSeq)) return totals;
  const asked = { name, kind: kind === 'all' ? '' : kind, afterSeqs, throughSeq };
  for (let lookAfter = 0n; ;) {
    const { counts, lookedTo, more } = await client.read('readConsumerLag', { ...asked, lookAfter }, call);
    for (const [partition, count] of counts.entries()) totals[partition] = (totals[partition] ?? 0) + count;
    if (!more) return totals;
    lookAfter = lookedTo;
  }
}

/** The kind that the workers of a consumer most likely take, where none is here to say it. */
export function likelyKindOf(pattern: string): EventKind {
  return RECORD_TYPES.has(pattern) ? 'system' : 'application';
}

/** The sum of the partitions' lags. */
export function sumOf(lags: readonly number[]): number {
  return lags.reduce((sum, lag) => sum + lag, 0);
}
