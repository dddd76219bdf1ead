/**
 * Who takes part in a consumer. Workers that stand by are known too, so that those who hold too much can give some up.
 * A worker counts until its lease ends or its connection does; it takes part under one identity.
 */
import { refuse } from '../refusals/refused.ts';
import type { Context } from '../schema/database.ts';
import type { JoinConsumerOp, LeaveConsumerOp } from '../schema/op-types.ts';
import { checkId } from '../values/checks.ts';
import {
  isSameIdentity,
  makeConnectionId,
  makeTimestamp,
  micros,
  type ConnectionId,
} from '../values/library-values.ts';
import { MAX_CONSUMER_WORKERS } from '../wire/limits.ts';
import { requireConsumer, requireLease } from './consumers.ts';
import type { Work } from './work.ts';

/** Takes part in a consumer, or goes on doing so. */
export function joinConsumer(work: Work, op: JoinConsumerOp): void {
  requireConsumer(work, op.name);
  requireLease(op);
  const holder = checkId(op.holder, 'holder');
  dropEnded(work, op.name);
  const workerKey = `${op.name}\n${holder}`;
  const existing = work.db.consumerWorker.workerKey.find(workerKey);
  if (existing !== null && !isSameIdentity(existing.identity, work.ctx.sender)) {
    refuse('consumer/leased', `Somebody else takes part in '${op.name}' as '${holder}'. Choose another label.`, {
      ids: [op.name],
      details: { leaseUntilMicros: micros(existing.leaseUntil).toString() },
    });
  }
  const row = {
    workerKey,
    name: op.name,
    holder,
    identity: work.ctx.sender,
    connection: work.ctx.connectionId ?? makeConnectionId(0n),
    leaseUntil: makeTimestamp(micros(work.now) + op.leaseMicros),
    joinedAt: existing?.joinedAt ?? work.now,
  };
  if (existing !== null) work.db.consumerWorker.workerKey.update(row);
  else {
    requireRoom(work, op.name);
    work.db.consumerWorker.insert(row);
  }
}

/** Takes part no longer; a worker that does not, or is somebody else's, is left alone. */
export function leaveConsumer(work: Work, op: LeaveConsumerOp): void {
  requireConsumer(work, op.name);
  const row = work.db.consumerWorker.workerKey.find(`${op.name}\n${op.holder}`);
  if (row === null || !isSameIdentity(row.identity, work.ctx.sender)) return;
  work.db.consumerWorker.workerKey.delete(row.workerKey);
}

/** Ends what workers of a connection take part in. */
export function leaveWith(ctx: Context, connectionId: ConnectionId): void {
  ctx.db.consumerWorker.connection.delete(connectionId);
}

function dropEnded(work: Work, name: string): void {
  const now = micros(work.now);
  for (const row of [...work.db.consumerWorker.name.filter(name)]) {
    if (micros(row.leaseUntil) <= now) work.db.consumerWorker.workerKey.delete(row.workerKey);
  }
}

function requireRoom(work: Work, name: string): void {
  const workers = [...work.db.consumerWorker.name.filter(name)].length;
  if (workers < MAX_CONSUMER_WORKERS) return;
  refuse('consumer/full', `'${name}' has ${workers} workers; ${MAX_CONSUMER_WORKERS} can take part at a time.`, {
    ids: [name],
    details: { workers, limit: MAX_CONSUMER_WORKERS },
  });
}
