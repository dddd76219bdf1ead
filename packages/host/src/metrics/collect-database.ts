import type { DatabaseMetrics } from './database-metrics.ts';
import { MetricCollector } from './metric-collector.ts';
import type { MetricFamily } from './metric-family.ts';

/** Size of one table. */
export interface TableSize {
  readonly id: number;
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
  readonly reservedBytes: number;
}

/** What a database is like at the moment, beside what was counted. */
export interface DatabaseGauges {
  /** In hex. */
  readonly identity: string;
  readonly tables: readonly TableSize[];
  readonly scheduledRows: number;
  readonly views: { readonly used: number; readonly idle: number };
  readonly subscriptions: {
    readonly clients: number;
    readonly querySets: number;
    readonly subscribedQueries: number;
    readonly liveQueries: number;
    readonly hashTables: number;
  };
  readonly clients: {
    readonly connected: number;
    readonly inboundPayloads: number;
    readonly outboundMessages: number;
    readonly outboundBytes: number;
  };
  readonly log: {
    readonly nextOffset: bigint;
    readonly durableOffset: bigint;
    readonly logBytes: number;
    readonly snapshotBytes: number;
    readonly isReadOnly: boolean;
  };
}

/** Reports one database. */
export function collectDatabase(metrics: DatabaseMetrics, gauges: DatabaseGauges): readonly MetricFamily[] {
  const into = new MetricCollector();
  const db = gauges.identity;
  collectCalls(into, db, metrics);
  collectTransactions(into, db, metrics);
  collectTables(into, gauges);
  collectQueries(into, gauges, metrics);
  collectClients(into, gauges, metrics);
  collectLog(into, gauges, metrics);
  const { storage } = metrics;
  if (storage !== undefined) {
    into.addHistogram('inner_universe_host_log_sync_duration_seconds', storage.syncSeconds, db);
    into.addHistogram('inner_universe_host_log_batch_records', storage.batchRecords, db);
    into.addHistogram('inner_universe_host_log_batch_bytes', storage.batchBytes, db);
  }
  return into.families();
}

function collectCalls(into: MetricCollector, db: string, { calls, slow }: DatabaseMetrics): void {
  for (const { kind, functionName, outcomes, seconds } of calls.all()) {
    for (const [outcome, count] of Object.entries(outcomes)) {
      if (count > 0) into.add('inner_universe_host_calls_total', count, db, kind, functionName, outcome);
    }
    into.addHistogram('inner_universe_host_call_duration_seconds', seconds, db, kind, functionName);
  }
  for (const [reason, count] of calls.refused) into.add('inner_universe_host_refused_calls_total', count, db, reason);
  for (const { functionName, seconds } of calls.scheduleDelays) {
    into.addHistogram('spacetime_scheduled_function_delay_seconds', seconds, db, functionName);
  }
  into.add('inner_universe_host_slow_calls_total', slow?.calls ?? 0, db);
  into.add('inner_universe_host_slow_queries_total', slow?.queries ?? 0, db);
  into.add('inner_universe_host_time_limit_hits_total', calls.timeLimitHits, db);
  into.add('inner_universe_host_module_realms_created_total', calls.realmsCreated, db);
  into.add('inner_universe_host_module_realms_replaced_total', calls.realmsReplaced, db);
  into.add('spacetime_num_rows_scanned_total', calls.rowsRead.reducer, 'Reducer', db);
  into.add('spacetime_num_rows_scanned_total', calls.rowsRead.procedure, 'Procedure', db);
  into.add('spacetime_num_rows_scanned_total', calls.rowsRead.view, 'View', db);
  for (const { tableId, tableName, rows } of calls.tableReads) {
    into.add('inner_universe_host_table_rows_read_total', rows, db, String(tableId), tableName);
  }
}

function collectTransactions(into: MetricCollector, db: string, { transactions }: DatabaseMetrics): void {
  for (const { workload, functionName, committed, rolledBack, elapsedSeconds, rows } of transactions.all()) {
    into.add('spacetime_num_txns_total', committed, workload, db, functionName, 'true');
    if (rolledBack > 0) into.add('spacetime_num_txns_total', rolledBack, workload, db, functionName, 'false');
    into.addHistogram('spacetime_txn_elapsed_time_sec', elapsedSeconds, workload, db, functionName);
    for (const { tableId, tableName, inserted, deleted } of rows.values()) {
      const labels = [workload, db, functionName, String(tableId), tableName];
      into.add('spacetime_num_rows_inserted_total', inserted, ...labels);
      into.add('spacetime_num_rows_deleted_total', deleted, ...labels);
    }
  }
}

function collectTables(into: MetricCollector, { identity, tables, ...gauges }: DatabaseGauges): void {
  for (const { id, name, rows, bytes, reservedBytes } of tables) {
    const labels = [identity, String(id), name];
    into.add('spacetime_num_table_rows', rows, ...labels);
    into.add('spacetime_table_size_bytes', bytes, ...labels);
    into.add('inner_universe_host_table_reserved_bytes', reservedBytes, ...labels);
  }
  into.add('inner_universe_host_scheduled_rows', gauges.scheduledRows, identity);
  into.add('inner_universe_host_view_instances', gauges.views.used, identity, 'used');
  into.add('inner_universe_host_view_instances', gauges.views.idle, identity, 'idle');
}

function collectQueries(into: MetricCollector, gauges: DatabaseGauges, { queries }: DatabaseMetrics): void {
  const { identity: db, subscriptions } = gauges;
  into.add('spacetime_subscription_connections', subscriptions.clients, db);
  into.add('spacetime_subscription_sets', subscriptions.querySets, db);
  into.add('spacetime_query_subscriptions', subscriptions.subscribedQueries, db);
  into.add('spacetime_active_queries', subscriptions.liveQueries, db);
  into.add('inner_universe_host_join_hash_tables', subscriptions.hashTables, db);
  into.add('spacetime_num_delta_queries_evaluated', queries.deltaEvaluations, db);
  into.add('spacetime_num_delta_queries_matched', queries.deltaMatches, db);
  for (const [workload, rows] of Object.entries(queries.rowsScanned)) {
    into.add('spacetime_num_rows_scanned_total', rows, workload, db);
  }
  into.addHistogram('inner_universe_host_delta_duration_seconds', queries.deltaSeconds, db);
  into.addHistogram('inner_universe_host_subscribe_duration_seconds', queries.subscribeSeconds, db);
  into.addHistogram('inner_universe_host_statement_duration_seconds', queries.statementSeconds, db);
}

function collectClients(into: MetricCollector, gauges: DatabaseGauges, { sessions }: DatabaseMetrics): void {
  const { identity: db, clients } = gauges;
  into.add('spacetime_worker_connected_clients', clients.connected, db);
  into.add('spacetime_worker_ws_clients_spawned', sessions.admitted, db);
  into.add('spacetime_worker_ws_client_rejections_total', sessions.rejected, db);
  const { client: closed, slow, flood, error, going_away: away } = sessions.disconnects;
  into.add('spacetime_worker_ws_clients_aborted', slow + flood + error + away, db);
  into.add('spacetime_worker_ws_clients_closed_connection', closed, db);
  for (const [cause, count] of Object.entries(sessions.disconnects)) {
    into.add('spacetime_worker_ws_client_disconnections_total', count, db, cause);
  }
  into.add('spacetime_client_outgoing_queue_disconnects_total', slow, db);
  for (const version of ['v2', 'v3'] as const) {
    into.add('spacetime_websocket_requests_total', sessions.requests[version], db, version);
    into.addHistogram('spacetime_websocket_request_msg_size', sessions.receivedBytes[version], db, version);
  }
  into.add('inner_universe_host_messages_sent_total', sessions.messagesSent, db);
  into.addHistogram('spacetime_websocket_sent_msg_size_bytes', sessions.sentBytes, db);
  into.add('spacetime_total_incoming_queue_length', clients.inboundPayloads, db);
  into.add('spacetime_total_outgoing_queue_length', clients.outboundMessages, db);
  into.add('inner_universe_host_outgoing_bytes', clients.outboundBytes, db);
}

function collectLog(into: MetricCollector, { identity: db, log }: DatabaseGauges, { journal }: DatabaseMetrics): void {
  // Records are counted; a number holds more of them than can ever be written.
  into.add('inner_universe_host_log_next_offset', Number(log.nextOffset), db);
  into.add('inner_universe_host_log_durable_offset', Number(log.durableOffset), db);
  into.add('spacetime_message_log_size_bytes', log.logBytes, db);
  into.add('inner_universe_host_snapshot_size_bytes', log.snapshotBytes, db);
  into.add('inner_universe_host_read_only', log.isReadOnly ? 1 : 0, db);
  into.add('inner_universe_host_log_record_bytes_total', journal.recordBytes, db);
  into.addHistogram('spacetime_snapshot_creation_time_total_sec', journal.snapshotSeconds, db);
  into.add('inner_universe_host_snapshot_failures_total', journal.snapshotFailures, db);
  into.add('spacetime_replay_total_time_seconds', journal.replaySeconds, db);
  into.add('inner_universe_host_replay_record_bytes', journal.replayedRecordBytes, db);
}
