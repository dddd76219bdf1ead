import type { MetricFamily } from './metric-family.ts';

/** One metric: its name, what its labels are, and how many series it can have. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: MetricFamily['type'];
  readonly labels: readonly string[];
  readonly help: string;
  /** Most series of one host, in words. */
  readonly series: string;
}

const PER_DATABASE = 'one a database';
const PER_TABLE = 'one a table of each database';
const PER_FUNCTION = 'one a function and outcome; 1,000 functions of a kind in each database, the others as `(other)`';
const PER_HOST = 'one';

/**
 * Every metric of the host. Names and labels that begin with `spacetime_` are SpacetimeDB's; where a label of theirs
 * has no meaning here it is left out. `db` and `database_identity` are the database's identity in hex.
 */
export const METRICS: readonly MetricDefinition[] = [
  // ---- which databases there are ----
  gauge('inner_universe_host_database_info', ['db', 'name', 'program_hash', 'isolation'], {
    help: 'Always 1: tells the name, program and isolation of a database by its identity',
    series: PER_DATABASE,
  }),
  gauge('inner_universe_host_database_up', ['db'], {
    help: '1 when the database answered in time for this report, 0 when it is stopped or busy; then its other metrics are missing',
    series: PER_DATABASE,
  }),
  // ---- transactions and calls ----
  counter('spacetime_num_txns_total', ['txn_type', 'db', 'reducer', 'committed'], {
    help: 'Transactions that ended, committed or rolled back',
    series: '14 times 1,000 functions in each database, the others as `(other)`',
  }),
  histogram('spacetime_txn_elapsed_time_sec', ['txn_type', 'db', 'reducer'], {
    help: 'Wall time of a transaction in seconds, with the updates of subscriptions that its commit made',
    series: '7 times 1,000 functions in each database, the others as `(other)`',
  }),
  counter('inner_universe_host_calls_total', ['db', 'kind', 'function', 'outcome'], {
    help: 'Calls of reducers, procedures and views that ended: ok, user_error (refused by the module) or failed',
    series: PER_FUNCTION,
  }),
  histogram('inner_universe_host_call_duration_seconds', ['db', 'kind', 'function'], {
    help: 'Wall time of a call in seconds; of a reducer with its commit and the updates of subscriptions',
    series: PER_FUNCTION,
  }),
  counter('inner_universe_host_refused_calls_total', ['db', 'reason'], {
    help: 'Calls that the module was not asked for: the function is unknown, its arguments are wrong, or nothing can be written',
    series: '4 a database',
  }),
  counter('inner_universe_host_slow_calls_total', ['db'], {
    help: 'Calls that took longer than slowCallMs and were logged',
    series: PER_DATABASE,
  }),
  counter('inner_universe_host_time_limit_hits_total', ['db'], {
    help: 'Calls that took longer than callTimeLimitMs or procedureTimeLimitMs and were ended',
    series: PER_DATABASE,
  }),
  counter('inner_universe_host_module_realms_created_total', ['db'], {
    help: 'Instances of the module that were made: when it is loaded, for its first procedure, and in the place of a broken one',
    series: PER_DATABASE,
  }),
  counter('inner_universe_host_module_realms_replaced_total', ['db'], {
    help: 'Instances of the module that took the place of one in which a call was ended',
    series: PER_DATABASE,
  }),
  histogram('spacetime_scheduled_function_delay_seconds', ['db', 'function'], {
    help: 'How long after its time a scheduled call began, in seconds',
    series: '1,000 a database, the others as `(other)`',
  }),
  gauge('inner_universe_host_scheduled_rows', ['db'], {
    help: 'Rows of schedule tables that wait for their time',
    series: PER_DATABASE,
  }),
  // ---- rows ----
  counter('spacetime_num_rows_inserted_total', ['txn_type', 'db', 'reducer_or_query', 'table_id', 'table_name'], {
    help: 'Rows that committed transactions inserted, those of event tables too',
    series: '10,000 pairs of a function and a table in each database, the others as `(other)`',
  }),
  counter('spacetime_num_rows_deleted_total', ['txn_type', 'db', 'reducer_or_query', 'table_id', 'table_name'], {
    help: 'Rows that committed transactions deleted; a changed row is one deleted and one inserted',
    series: '10,000 pairs of a function and a table in each database, the others as `(other)`',
  }),
  counter('spacetime_num_rows_scanned_total', ['txn_type', 'db'], {
    help: 'Rows that the code of the module took (Reducer, Procedure, View) or that queries looked at (Sql, Subscribe, Update)',
    series: '6 a database',
  }),
  counter('inner_universe_host_table_rows_read_total', ['db', 'table_id', 'table_name'], {
    help: 'Rows of a table that the code of the module took',
    series: PER_TABLE,
  }),
  gauge('spacetime_num_table_rows', ['db', 'table_id', 'table_name'], {
    help: 'Committed rows of a table',
    series: PER_TABLE,
  }),
  gauge('spacetime_table_size_bytes', ['db', 'table_id', 'table_name'], {
    help: 'Bytes of the committed rows of a table',
    series: PER_TABLE,
  }),
  gauge('inner_universe_host_table_reserved_bytes', ['db', 'table_id', 'table_name'], {
    help: 'Bytes that are held outside the JavaScript heap for the rows of a table',
    series: PER_TABLE,
  }),
  // ---- subscriptions and queries ----
  gauge('spacetime_subscription_connections', ['database_identity'], {
    help: 'Connections with a subscription',
    series: PER_DATABASE,
  }),
  gauge('spacetime_subscription_sets', ['database_identity'], {
    help: 'Query sets of all connections',
    series: PER_DATABASE,
  }),
  gauge('spacetime_query_subscriptions', ['database_identity'], {
    help: 'Queries of all query sets; one that several share counts for each',
    series: PER_DATABASE,
  }),
  gauge('spacetime_active_queries', ['database_identity'], {
    help: 'Distinct queries that are kept up to date',
    series: PER_DATABASE,
  }),
  counter('spacetime_num_delta_queries_evaluated', ['db'], {
    help: 'Times that a live query was evaluated for a commit',
    series: PER_DATABASE,
  }),
  counter('spacetime_num_delta_queries_matched', ['db'], {
    help: 'Times that something came of it',
    series: PER_DATABASE,
  }),
  histogram('inner_universe_host_delta_duration_seconds', ['db'], {
    help: 'Evaluating the live queries that one commit concerns, and handing out what came of it, in seconds',
    series: PER_DATABASE,
  }),
  histogram('inner_universe_host_subscribe_duration_seconds', ['db'], {
    help: 'Checking and answering one query set, in seconds',
    series: PER_DATABASE,
  }),
  histogram('inner_universe_host_statement_duration_seconds', ['db'], {
    help: 'One SQL statement, over HTTP or in process, in seconds',
    series: PER_DATABASE,
  }),
  counter('inner_universe_host_slow_queries_total', ['db'], {
    help: 'Queries, and commits whose updates took long, that were logged by slowQueryMs',
    series: PER_DATABASE,
  }),
  gauge('inner_universe_host_join_hash_tables', ['db'], {
    help: 'Hash tables for join columns without an index',
    series: PER_DATABASE,
  }),
  gauge('inner_universe_host_view_instances', ['db', 'state'], {
    help: 'Views as each caller sees them: used by a live query, or idle and kept for the next who asks',
    series: '2 a database',
  }),
  // ---- clients ----
  gauge('spacetime_worker_connected_clients', ['database_identity'], {
    help: 'Clients that are connected, those in the process of the host too',
    series: PER_DATABASE,
  }),
  counter('spacetime_worker_ws_clients_spawned', ['database_identity'], {
    help: 'Clients that were let in',
    series: PER_DATABASE,
  }),
  counter('spacetime_worker_ws_clients_aborted', ['database_identity'], {
    help: 'Clients whose connection the host ended',
    series: PER_DATABASE,
  }),
  counter('spacetime_worker_ws_clients_closed_connection', ['database_identity'], {
    help: 'Clients that closed their connection or vanished',
    series: PER_DATABASE,
  }),
  counter('spacetime_worker_ws_client_disconnections_total', ['database_identity', 'cause'], {
    help: 'Ended connections by cause: client, slow (did not read), flood (sent too much), error, going_away',
    series: '5 a database',
  }),
  counter('spacetime_worker_ws_client_rejections_total', ['database_identity'], {
    help: 'Clients that the module or the host did not let in',
    series: PER_DATABASE,
  }),
  counter('spacetime_client_outgoing_queue_disconnects_total', ['db'], {
    help: 'Clients that were dropped because they did not read what was sent to them',
    series: PER_DATABASE,
  }),
  counter('spacetime_websocket_requests_total', ['database_identity', 'protocol'], {
    help: 'Messages of clients that were handled',
    series: '2 a database',
  }),
  histogram('spacetime_websocket_request_msg_size', ['database_identity', 'protocol'], {
    help: 'Bytes of payloads from clients; one of v3 holds several messages',
    series: '2 a database',
  }),
  counter('inner_universe_host_messages_sent_total', ['db'], {
    help: 'Messages made for clients',
    series: PER_DATABASE,
  }),
  histogram('spacetime_websocket_sent_msg_size_bytes', ['db'], {
    help: 'Bytes of payloads to clients; one of v3 holds several messages',
    series: PER_DATABASE,
  }),
  gauge('spacetime_total_incoming_queue_length', ['db'], {
    help: 'Payloads of clients that wait to be handled',
    series: PER_DATABASE,
  }),
  gauge('spacetime_total_outgoing_queue_length', ['db'], {
    help: 'Messages to clients that wait until what they tell is durable',
    series: PER_DATABASE,
  }),
  gauge('inner_universe_host_outgoing_bytes', ['db'], {
    help: 'Bytes to clients that wait or are on their way out of this process',
    series: PER_DATABASE,
  }),
  // ---- storage ----
  gauge('inner_universe_host_log_next_offset', ['db'], { help: 'Records that were ever logged', series: PER_DATABASE }),
  gauge('inner_universe_host_log_durable_offset', ['db'], {
    help: 'Records that are durable',
    series: PER_DATABASE,
  }),
  gauge('spacetime_message_log_size_bytes', ['db'], { help: 'Bytes kept for the log', series: PER_DATABASE }),
  gauge('inner_universe_host_snapshot_size_bytes', ['db'], {
    help: 'Bytes kept for the newest snapshot',
    series: PER_DATABASE,
  }),
  gauge('inner_universe_host_read_only', ['db'], {
    help: '1 after a write to the storage failed: reads go on, writes are refused',
    series: PER_DATABASE,
  }),
  counter('inner_universe_host_log_record_bytes_total', ['db'], {
    help: 'Bytes of records that were logged',
    series: PER_DATABASE,
  }),
  histogram('inner_universe_host_log_sync_duration_seconds', ['db'], {
    help: 'Writing one batch of records and syncing it to the disk, in seconds; none in memory',
    series: PER_DATABASE,
  }),
  histogram('inner_universe_host_log_batch_records', ['db'], {
    help: 'Records that became durable together',
    series: PER_DATABASE,
  }),
  histogram('inner_universe_host_log_batch_bytes', ['db'], {
    help: 'Bytes that were written together',
    series: PER_DATABASE,
  }),
  histogram('spacetime_snapshot_creation_time_total_sec', ['db'], {
    help: 'Writing a snapshot until it is durable, in seconds; calls go on meanwhile',
    series: PER_DATABASE,
  }),
  counter('inner_universe_host_snapshot_failures_total', ['db'], {
    help: 'Snapshots that could not be written',
    series: PER_DATABASE,
  }),
  gauge('spacetime_replay_total_time_seconds', ['db'], {
    help: 'Reading back what was stored when the database was opened, in seconds',
    series: PER_DATABASE,
  }),
  gauge('inner_universe_host_replay_record_bytes', ['db'], {
    help: 'Bytes of records that were replayed then, behind the snapshot',
    series: PER_DATABASE,
  }),
  // ---- the process and its server ----
  counter('inner_universe_host_http_requests_total', ['method', 'route', 'status'], {
    help: 'HTTP requests that were answered, by the pattern of their path',
    series: '9 methods times the routes, and `(none)`, times the statuses',
  }),
  histogram('inner_universe_host_http_request_duration_seconds', ['route'], {
    help: 'From an HTTP request to the head of its answer, in seconds',
    series: 'one a route, and `(none)`',
  }),
  gauge('inner_universe_host_websocket_connections', [], { help: 'Open WebSockets', series: PER_HOST }),
  counter('inner_universe_host_websocket_refusals_total', ['status'], {
    help: 'WebSocket upgrades that were answered with an error',
    series: 'one a status',
  }),
  counter('spacetime_worker_ws_clients_idle_timed_out_total', ['database_identity'], {
    help: 'WebSockets that were dropped because nothing came from them for too long',
    series: PER_DATABASE,
  }),
  gauge('inner_universe_host_resident_memory_bytes', [], { help: 'Resident memory of the process', series: PER_HOST }),
  gauge('inner_universe_host_external_memory_bytes', [], {
    help: 'Memory of the process outside of JavaScript heaps that belongs to objects in them, such as rows',
    series: PER_HOST,
  }),
  gauge('inner_universe_host_heap_used_bytes', ['isolate'], {
    help: 'Used JavaScript heap: `host`, with all databases that have no thread of their own, and each thread by its database',
    series: 'one, and one a database in a thread',
  }),
];

type Facts = Pick<MetricDefinition, 'help' | 'series'>;

function counter(name: string, labels: readonly string[], facts: Facts): MetricDefinition {
  return { name, type: 'counter', labels, ...facts };
}

function gauge(name: string, labels: readonly string[], facts: Facts): MetricDefinition {
  return { name, type: 'gauge', labels, ...facts };
}

function histogram(name: string, labels: readonly string[], facts: Facts): MetricDefinition {
  return { name, type: 'histogram', labels, ...facts };
}
