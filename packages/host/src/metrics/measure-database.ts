import type { Database } from '../database/database.ts';
import { identityToHex } from '../identity/identity.ts';
import type { SessionHub } from '../session/session-hub.ts';
import { collectDatabase, type DatabaseGauges } from './collect-database.ts';
import type { MetricFamily } from './metric-family.ts';

/** Everything that is counted and measured of a database with its clients, as it is now. */
export function measureDatabase(database: Database, sessions: SessionHub): readonly MetricFamily[] {
  return collectDatabase(database.metrics, readGauges(database, sessions));
}

function readGauges(database: Database, sessions: SessionHub): DatabaseGauges {
  const tables = database.tableUsage().map(({ table, rows, bytes, reservedBytes }) => {
    return { id: table.id, name: table.name, rows, bytes, reservedBytes };
  });
  return {
    identity: identityToHex(database.identity),
    tables,
    scheduledRows: database.armedSchedules.length,
    views: database.views.instances,
    subscriptions: sessions.subscriptions.status(),
    clients: { connected: sessions.size, ...sumQueues(sessions) },
    log: database.status(),
  };
}

function sumQueues(sessions: SessionHub): Omit<DatabaseGauges['clients'], 'connected'> {
  const sum = { inboundPayloads: 0, outboundMessages: 0, outboundBytes: 0 };
  for (const { queues } of sessions.clients) {
    sum.inboundPayloads += queues.inboundPayloads;
    sum.outboundMessages += queues.outboundMessages;
    sum.outboundBytes += queues.outboundBytes;
  }
  return sum;
}
