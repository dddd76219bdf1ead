import { Range } from 'spacetimedb/server';
import { refuse } from '../refusals/refused.ts';
import type { TrimEventsOp } from '../schema/op-types.ts';
import { checkId } from '../values/checks.ts';
import { MAX_TRIM_ROWS } from '../wire/limits.ts';
import { SYSTEM_SCOPE } from '../wire/vocabulary.ts';
import { releaseChunks } from './chunks.ts';
import type { Work } from './work.ts';

/** Removes the oldest rows of the log, at most 1,000, which an archive holds under a digest. */
export function trimEvents(work: Work, op: TrimEventsOp): void {
  work.access.requireOwner('trim the log');
  const segmentDigest = checkId(op.segmentDigest, 'segment digest');
  const { trimmedSeq } = work.log;
  const upToSeq = op.upToSeq;
  if (upToSeq <= trimmedSeq) return;
  if (upToSeq > work.log.seqBefore) {
    refuse('value/malformed', `The log ends at ${work.log.seqBefore}; it cannot be trimmed up to ${upToSeq}.`);
  }
  if (upToSeq - trimmedSeq > BigInt(MAX_TRIM_ROWS)) {
    refuse('value/too-large', `A step trims at most ${MAX_TRIM_ROWS} rows; the log is trimmed up to ${trimmedSeq}.`, {
      details: { trimmedSeq: trimmedSeq.toString(), limit: MAX_TRIM_ROWS },
    });
  }
  requireNoHolder(work, upToSeq);
  const range = new Range<bigint>({ tag: 'excluded', value: trimmedSeq }, { tag: 'included', value: upToSeq });
  for (const row of work.db.eventLog.seq.filter(range)) {
    releaseChunks(work, row.scope, [row.data, row.dataEncoding], [row.metadata, row.metadataEncoding]);
  }
  work.db.eventLog.seq.delete(range);
  work.log.trim(upToSeq, segmentDigest);
  work.log.change('EVENTS_TRIMMED', SYSTEM_SCOPE, segmentDigest, { seq: upToSeq.toString() });
}

function requireNoHolder(work: Work, upToSeq: bigint): void {
  for (const consumer of work.db.consumer.iter()) {
    if (!consumer.holdsTrim) continue;
    for (const partition of work.db.consumerPartition.name.filter(consumer.name)) {
      if (partition.offset >= upToSeq) continue;
      refuse(
        'consumer/holds',
        `The consumer '${consumer.name}' has read up to ${partition.offset} only and holds the log.`,
        {
          ids: [consumer.name],
          details: { offset: partition.offset.toString() },
        },
      );
    }
  }
}
