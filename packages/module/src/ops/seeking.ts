/** Handling events again: from a position on, or one that was parked. */
import { refuse } from '../refusals/refused.ts';
import type { RetryDeadLetterOp, SeekConsumerOp } from '../schema/op-types.ts';
import type { ConsumerPartitionRow } from '../schema/rows.ts';
import { freed, requireConsumer } from './consumers.ts';
import { audit } from './permissions.ts';
import type { Work } from './work.ts';

/**
 * Puts partitions to a position. Whoever holds one is shut out by its epoch, so that nothing that was handled under the
 * old position moves the new one. Dead letters of events that come again are dropped.
 */
export function seekConsumer(work: Work, op: SeekConsumerOp): void {
  const consumer = requireConsumer(work, op.name);
  const { name, toSeq } = op;
  if (toSeq > work.log.seqBefore) {
    refuse('value/malformed', `The log ends at ${work.log.seqBefore}; a consumer cannot be put to ${toSeq}.`, {
      ids: [name],
    });
  }
  const rows = [...work.db.consumerPartition.name.filter(name)].filter(
    ({ partition }) => op.partition === undefined || op.partition === partition,
  );
  if (rows.length === 0) {
    refuse('consumer/not-found', `The consumer '${name}' has no partition ${op.partition}.`, {
      ids: [name],
      details: { partition: op.partition ?? null },
    });
  }
  for (const row of rows) {
    const epoch = row.epoch + 1n;
    work.db.consumerPartition.partitionKey.update({ ...freed(row, work.now), epoch, offset: toSeq });
  }
  dropLetters(work, name, rows, toSeq);
  const moved = { id: name, seq: toSeq.toString(), partitions: rows.map(({ partition }) => String(partition)) };
  const seq = work.log.change('CONSUMER_MOVED', consumer.scope, name, moved);
  const detail = { name, toSeq: moved.seq, partition: op.partition?.toString() ?? null, scope: consumer.scope };
  audit(work, { action: 'seek', subject: '', resource: `event:${consumer.pattern}`, detail }, seq);
}

/** Asks for a parked event to be handled again. */
export function retryDeadLetter(work: Work, op: RetryDeadLetterOp): void {
  requireConsumer(work, op.name);
  const letter = work.db.consumerDeadLetter.letterKey.find(`${op.name}\n${op.eventId}`);
  if (letter === null) {
    refuse('consumer/not-found', `The consumer '${op.name}' has no dead letter '${op.eventId.slice(0, 128)}'.`, {
      ids: [op.name, op.eventId.slice(0, 128)],
    });
  }
  if (letter.attempts > 0) work.db.consumerDeadLetter.letterKey.update({ ...letter, attempts: 0 });
}

function dropLetters(work: Work, name: string, rows: readonly ConsumerPartitionRow[], after: bigint): void {
  const partitions = new Set(rows.map(({ partition }) => partition));
  const letters = [...work.db.consumerDeadLetter.byName.filter(name)].filter(
    ({ partition, seq }) => seq > after && partitions.has(partition),
  );
  for (const { letterKey } of letters) work.db.consumerDeadLetter.letterKey.delete(letterKey);
}
