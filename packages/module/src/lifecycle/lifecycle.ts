import { ScheduleAt } from 'spacetimedb/server';
import { Access, isDatabase } from '../access/access.ts';
import { requireConnections } from '../access/bounds.ts';
import { OWNER_KEY, Settings } from '../access/settings.ts';
import { LogWriter } from '../log/log-writer.ts';
import { leaveWith } from '../ops/consumer-workers.ts';
import { freed } from '../ops/consumers.ts';
import { refuse, toSenderError } from '../refusals/refused.ts';
import type { Context } from '../schema/database.ts';
import { CODE_VERSION, MODULE_RELEASE, OLDEST_CLIENT } from '../wire/version.ts';
import { DEFAULT_SCOPE, SYSTEM_SCOPE } from '../wire/vocabulary.ts';

const MAINTENANCE_INTERVAL_MICROS = 600_000_000n;

/** Runs once, when the module is first published: the publisher becomes the owner. */
export function initialise(ctx: Context): void {
  const { db, sender, timestamp } = ctx;
  db.schemaVersion.insert({
    id: 0,
    codeVersion: CODE_VERSION,
    dataVersion: CODE_VERSION,
    oldestClient: OLDEST_CLIENT,
    release: MODULE_RELEASE,
    updatedAt: timestamp,
  });
  db.logHead.insert({
    id: 0,
    nextSeq: 1n,
    recordedAt: timestamp,
    applicationEvents: 0n,
    systemRecords: 0n,
    trimmedSeq: 0n,
    trimmedDigest: '',
  });
  const owner = sender.toHexString();
  db.config.insert({ key: OWNER_KEY, value: owner, publisher: sender, updatedAt: timestamp, seq: 1n });
  db.maintenanceTimer.insert({ scheduledId: 0n, scheduledAt: ScheduleAt.interval(MAINTENANCE_INTERVAL_MICROS) });
  const log = new LogWriter(ctx, '');
  log.change('SYSTEM_INITIALIZED', DEFAULT_SCOPE, owner);
  log.flush();
}

/** Runs when a client connects, and turns away whoever has no grant before anything is written. */
export function connect(ctx: Context): void {
  try {
    const settings = new Settings(ctx.db);
    const access = new Access(ctx, settings);
    if (!access.isOwner && !isDatabase(ctx, ctx.sender) && access.grants().length === 0) {
      refuse(
        'connection/refused',
        'You have no grant in this universe. Ask its owner for one, or for guests to be let in.',
        {
          ids: [ctx.sender.toHexString()],
        },
      );
    }
    if (!access.isOwner && !isDatabase(ctx, ctx.sender)) requireConnections(ctx);
    noteRunningCode(ctx);
    if (ctx.connectionId !== null) {
      const row = { connectionId: ctx.connectionId, identity: ctx.sender, connectedAt: ctx.timestamp };
      ctx.db.clientConnection.insert(row);
    }
    recordConnection(ctx, settings, 'CLIENT_CONNECTED');
  } catch (error) {
    throw toSenderError(error, null);
  }
}

/** Runs when a client is gone: its partitions become free at once. */
export function disconnect(ctx: Context): void {
  try {
    if (ctx.connectionId !== null) {
      ctx.db.clientConnection.connectionId.delete(ctx.connectionId);
      for (const row of [...ctx.db.consumerPartition.holderConnection.filter(ctx.connectionId)]) {
        if (row.holder !== '') ctx.db.consumerPartition.partitionKey.update(freed(row, ctx.timestamp));
      }
      leaveWith(ctx, ctx.connectionId);
    }
    recordConnection(ctx, new Settings(ctx.db), 'CLIENT_DISCONNECTED');
  } catch (error) {
    throw toSenderError(error, null);
  }
}

/** An upgrade calls no reducer, so the first connection after it says what code runs now. */
function noteRunningCode(ctx: Context): void {
  const row = ctx.db.schemaVersion.id.find(0);
  if (row === null) return;
  const isNoted =
    row.codeVersion === CODE_VERSION && row.oldestClient === OLDEST_CLIENT && row.release === MODULE_RELEASE;
  if (isNoted) return;
  ctx.db.schemaVersion.id.update({
    ...row,
    codeVersion: CODE_VERSION,
    oldestClient: OLDEST_CLIENT,
    release: MODULE_RELEASE,
    updatedAt: ctx.timestamp,
  });
}

function recordConnection(ctx: Context, settings: Settings, type: 'CLIENT_CONNECTED' | 'CLIENT_DISCONNECTED'): void {
  const log = new LogWriter(ctx, '');
  const identity = ctx.sender.toHexString();
  const connection = ctx.connectionId?.toHexString() ?? '';
  if (settings.get('audit_connections')) log.change(type, SYSTEM_SCOPE, identity, { id: identity, connection });
  else log.broadcast(type, SYSTEM_SCOPE, JSON.stringify({ ids: [identity], items: [{ id: identity, connection }] }));
  log.flush();
}
