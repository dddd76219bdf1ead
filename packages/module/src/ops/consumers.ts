/**
 * Durable consumers. A partition has one holder at a time; each claim raises its epoch, and whatever comes with an
 * older epoch is refused, so that a worker that was paused cannot write. Leases are judged by the transaction's time.
 */
import { requireBelow } from '../access/bounds.ts';
import { refuse } from '../refusals/refused.ts';
import type {
  ClaimPartitionOp,
  ConsumerAdvance,
  CreateConsumerOp,
  DeleteConsumerOp,
  DiscardDeadLetterOp,
  ParkEventOp,
  ReleasePartitionOp,
} from '../schema/op-types.ts';
import type { ConsumerPartitionRow, ConsumerRow } from '../schema/rows.ts';
import { checkId, checkPattern, checkReason, checkScope } from '../values/checks.ts';
import { isSameIdentity, makeConnectionId, makeTimestamp, micros, type Timestamp } from '../values/library-values.ts';
import { MAX_CONSUMERS, MAX_DEAD_LETTERS, MAX_LEASE_MICROS, MAX_PARTITIONS } from '../wire/limits.ts';
import type { Work } from './work.ts';

/** Creates a consumer with its partitions. */
export function createConsumer(work: Work, op: CreateConsumerOp): void {
  const scope = checkScope(op.scope);
  const pattern = checkPattern(op.pattern);
  work.access.require('consume', { kind: 'event', name: pattern, scope });
  const name = checkId(op.name, 'consumer name');
  if (op.partitions < 1 || op.partitions > MAX_PARTITIONS) {
    refuse('value/malformed', `A consumer has 1 to ${MAX_PARTITIONS} partitions, not ${op.partitions}.`, {
      ids: [name],
    });
  }
  if (op.failurePolicy !== 'park' && op.failurePolicy !== 'stop') {
    refuse('value/malformed', `The failure policy '${op.failurePolicy.slice(0, 128)}' is neither park nor stop.`, {
      ids: [name],
    });
  }
  if (work.db.consumer.name.find(name) !== null) {
    refuse('consumer/exists', `There is a consumer '${name}' already.`, { ids: [name] });
  }
  requireBelow(work.access, { what: 'consumers', held: work.db.consumer.count(), limit: MAX_CONSUMERS });
  const { partitions, holdsTrim, failurePolicy } = op;
  const publisher = work.ctx.sender;
  const seq = work.log.seqBefore;
  work.db.consumer.insert({
    name,
    scope,
    pattern,
    partitions,
    holdsTrim,
    failurePolicy,
    publisher,
    createdAt: work.now,
    seq,
  });
  for (let partition = 0; partition < partitions; partition += 1) {
    work.db.consumerPartition.insert({
      partitionKey: partitionKeyOf(name, partition),
      name,
      partition,
      offset: op.startSeq,
      epoch: 0n,
      holder: '',
      holderIdentity: publisher,
      holderConnection: makeConnectionId(0n),
      leaseMicros: 0n,
      leaseUntil: makeTimestamp(0n),
      updatedAt: work.now,
    });
  }
}

/** Deletes a consumer with all that belongs to it. */
export function deleteConsumer(work: Work, op: DeleteConsumerOp): void {
  requireConsumer(work, op.name);
  work.db.consumerWorker.name.delete(op.name);
  work.db.consumerPartition.name.delete(op.name);
  work.db.consumerDeadLetter.byName.delete(op.name);
  work.db.consumer.name.delete(op.name);
}

/** Takes a partition that is free, expired or the caller's own, and raises its epoch. */
export function claimPartition(work: Work, op: ClaimPartitionOp): void {
  requireConsumer(work, op.name);
  const holder = checkId(op.holder, 'holder');
  requireLease(op);
  const row = requirePartition(work, op.name, op.partition);
  const isOwn = row.holder === holder && isSameIdentity(row.holderIdentity, work.ctx.sender);
  if (row.holder !== '' && !isOwn && micros(row.leaseUntil) > micros(work.now)) {
    refuse(
      'consumer/leased',
      `Partition ${op.partition} of '${op.name}' is held by '${row.holder}'. Wait for its lease to end.`,
      {
        ids: [op.name],
        details: { partition: op.partition, leaseUntilMicros: micros(row.leaseUntil).toString() },
      },
    );
  }
  work.db.consumerPartition.partitionKey.update({
    ...row,
    epoch: row.epoch + 1n,
    holder,
    holderIdentity: work.ctx.sender,
    holderConnection: work.ctx.connectionId ?? makeConnectionId(0n),
    leaseMicros: op.leaseMicros,
    leaseUntil: makeTimestamp(micros(work.now) + op.leaseMicros),
    updatedAt: work.now,
  });
}

/** Gives a partition back. */
export function releasePartition(work: Work, op: ReleasePartitionOp): void {
  requireConsumer(work, op.name);
  const row = requireEpoch(work, op.name, op.partition, op.epoch);
  work.db.consumerPartition.partitionKey.update(freed(row, work.now));
}

/** Moves a partition's offset and extends its lease. */
export function advancePartition(work: Work, op: ConsumerAdvance): void {
  requireConsumer(work, op.name);
  const row = requireEpoch(work, op.name, op.partition, op.epoch);
  if (row.offset !== op.from) {
    refuse(
      'consumer/wrong-offset',
      `Partition ${op.partition} of '${op.name}' is at ${row.offset}, not at ${op.from}.`,
      {
        ids: [op.name],
        details: { partition: op.partition, offset: row.offset.toString(), from: op.from.toString() },
      },
    );
  }
  if (op.to < op.from)
    refuse('value/malformed', `An offset never goes back: ${op.from} to ${op.to}.`, { ids: [op.name] });
  work.db.consumerPartition.partitionKey.update({
    ...row,
    offset: op.to,
    leaseUntil: makeTimestamp(micros(work.now) + row.leaseMicros),
    updatedAt: work.now,
  });
}

/** Parks an event that the handler could not take. */
export function parkEvent(work: Work, op: ParkEventOp): void {
  requireConsumer(work, op.name);
  requireEpoch(work, op.name, op.partition, op.epoch);
  const eventId = checkId(op.eventId, 'event id');
  if (op.seq > work.log.seqBefore) {
    refuse('value/malformed', `The log ends at ${work.log.seqBefore}; there is no event at ${op.seq}.`, {
      ids: [eventId],
    });
  }
  const letterKey = `${op.name}\n${eventId}`;
  const { name, partition, seq, attempts } = op;
  const reason = checkReason(op.reason);
  const row = { letterKey, name, partition, eventId, seq, reason, attempts, parkedAt: work.now };
  const { consumerDeadLetter } = work.db;
  if (consumerDeadLetter.letterKey.find(letterKey) === null) {
    requireBelow(work.access, { what: 'dead letters', held: consumerDeadLetter.count(), limit: MAX_DEAD_LETTERS });
    consumerDeadLetter.insert(row);
  } else work.db.consumerDeadLetter.letterKey.update(row);
}

/** Removes a parked event; one that is not there is no error. */
export function discardDeadLetter(work: Work, op: DiscardDeadLetterOp): void {
  requireConsumer(work, op.name);
  work.db.consumerDeadLetter.letterKey.delete(`${op.name}\n${op.eventId}`);
}

/** A partition that nobody holds any longer; its epoch stays, and the next claim raises it. */
export function freed(row: ConsumerPartitionRow, now: Timestamp): ConsumerPartitionRow {
  return {
    ...row,
    holder: '',
    holderConnection: makeConnectionId(0n),
    leaseUntil: makeTimestamp(0n),
    updatedAt: now,
  };
}

/** The consumer of this name, if the caller may use it. */
export function requireConsumer(work: Work, name: string): ConsumerRow {
  const row = work.db.consumer.name.find(name);
  if (row === null || !work.access.mayKnowOf('consume', { kind: 'event', name: row.pattern, scope: row.scope })) {
    if (!work.access.isOwner && !work.access.grants().some((grant) => grant.action === 'consume'))
      work.access.deny('consume');
    refuse('consumer/not-found', `There is no consumer '${name.slice(0, 128)}'.`, { ids: [name.slice(0, 128)] });
  }
  work.access.require('consume', { kind: 'event', name: row.pattern, scope: row.scope });
  return row;
}

/** Refuses a lease that is none, or too long. */
export function requireLease({ name, leaseMicros }: { readonly name: string; readonly leaseMicros: bigint }): void {
  if (leaseMicros >= 1n && leaseMicros <= MAX_LEASE_MICROS) return;
  refuse('value/malformed', `A lease lasts 1 to ${MAX_LEASE_MICROS} microseconds, not ${leaseMicros}.`, {
    ids: [name],
  });
}

function requirePartition(work: Work, name: string, partition: number): ConsumerPartitionRow {
  const row = work.db.consumerPartition.partitionKey.find(partitionKeyOf(name, partition));
  if (row === null) {
    refuse('consumer/not-found', `The consumer '${name}' has no partition ${partition}.`, {
      ids: [name],
      details: { partition },
    });
  }
  return row;
}

function requireEpoch(work: Work, name: string, partition: number, epoch: bigint): ConsumerPartitionRow {
  const row = requirePartition(work, name, partition);
  if (row.holder === '' || row.epoch !== epoch || !isSameIdentity(row.holderIdentity, work.ctx.sender)) {
    refuse(
      'consumer/stale-epoch',
      `Partition ${partition} of '${name}' is at epoch ${row.epoch}; yours is ${epoch}. Claim it again.`,
      {
        ids: [name],
        details: { partition, epoch: row.epoch.toString() },
      },
    );
  }
  return row;
}

function partitionKeyOf(name: string, partition: number): string {
  return `${name}\n${partition}`;
}
