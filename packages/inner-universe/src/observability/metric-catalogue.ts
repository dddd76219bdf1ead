/** What is measured: the names are OpenTelemetry instruments, and with underscores Prometheus series. */
export const METRICS = {
  'events.published': {
    type: 'counter',
    unit: '{event}',
    description: 'Events that reached the durability they were published with, by `durability`.',
  },
  'events.publication_latency_ms': {
    type: 'distribution',
    unit: 'ms',
    description: 'Time from `publish` to the answer that the event has the durability asked for.',
  },
  'events.publication_failures': {
    type: 'counter',
    unit: '{event}',
    description: 'Events that were refused or could not be sent, by `code`.',
  },
  'events.consumer_lag': {
    type: 'gauge',
    unit: '{event}',
    description:
      'Events of a consumer that are in the log and not handled yet, by `consumer` and `partition`; told by the worker that holds the partition.',
  },
  'events.consumed': {
    type: 'counter',
    unit: '{event}',
    description: 'Events that a consumer handled here and advanced past, by `consumer`.',
  },
  'events.consumer_failures': {
    type: 'counter',
    unit: '{event}',
    description: 'Calls of a consumer\u2019s handler that failed, by `consumer`.',
  },
  'events.consumer_parked': {
    type: 'counter',
    unit: '{event}',
    description: 'Events that became dead letters, by `consumer`.',
  },
  'state.commits': { type: 'counter', unit: '{version}', description: 'Versions recorded here, by `outcome`.' },
  'state.rebases': {
    type: 'counter',
    unit: '{version}',
    description: "Versions that somebody else's came before and that were sent again, by `store`.",
  },
  'state.sync_lag_versions': {
    type: 'gauge',
    unit: '{version}',
    description: 'Moves of a followed branch that are known here and not shown yet, by `store`.',
  },
  'state.verify_failures': {
    type: 'counter',
    unit: '{version}',
    description: 'Versions whose state did not match their hash, by `store`.',
  },
  'connection.status': {
    type: 'gauge',
    unit: '1',
    description: '1 while connected, 0 while not.',
  },
  'connection.losses': {
    type: 'counter',
    unit: '{connection}',
    description: 'Connections that ended without being closed here.',
  },
  'connection.reconnects': {
    type: 'counter',
    unit: '{connection}',
    description: 'Connections that were made in place of a lost one.',
  },
  'connection.attempts_failed': {
    type: 'counter',
    unit: '{attempt}',
    description: 'Attempts to connect that failed, by `code`.',
  },
  'connection.calls_in_flight': {
    type: 'gauge',
    unit: '{call}',
    description: 'Calls that wait for an answer, or for a connection to be made on.',
  },
  'connection.breaker': {
    type: 'gauge',
    unit: '1',
    description: 'The circuit breaker: 0 closed, 1 half-open, 2 open. Only where one is asked for.',
  },
  'pool.connections': {
    type: 'gauge',
    unit: '{connection}',
    description: 'Connections for large reads that are open now.',
  },
  'pool.reads': {
    type: 'counter',
    unit: '{page}',
    description: 'Large reads, by `way`: over the pool, or over the main connection where no other could be had.',
  },
  'pool.wait_ms': {
    type: 'distribution',
    unit: 'ms',
    description: 'How long large reads waited for a connection of the pool.',
  },
  'client.requests': {
    type: 'counter',
    unit: '{request}',
    description: 'Requests that were sent, every attempt, by `outcome`: applied, refused or unknown.',
  },
  'client.request_latency_ms': {
    type: 'distribution',
    unit: 'ms',
    description: 'Time from sending a request to the answer that it is durable, or refused.',
  },
  'client.request_ops': {
    type: 'distribution',
    unit: '{op}',
    description: 'Ops of one request: how well writes are batched.',
  },
  'client.read_latency_ms': {
    type: 'distribution',
    unit: 'ms',
    description: 'Time of one paged read, by `read`; waiting for a lost connection counts.',
  },
  'outbox.pending': {
    type: 'gauge',
    unit: '{write}',
    description: 'Writes in the outbox that wait to be sent or answered. Only where there is an outbox.',
  },
  'outbox.rejected': {
    type: 'gauge',
    unit: '{write}',
    description: 'Writes in the outbox that were refused and set aside.',
  },
  'outbox.bytes': { type: 'gauge', unit: 'By', description: 'About how much the writes in the outbox take.' },
  'events.dropped': {
    type: 'counter',
    unit: '{event}',
    description: 'Ephemeral events that had no room while handlers here did not settle.',
  },
  'events.archived': {
    type: 'counter',
    unit: '{row}',
    description: 'Rows of the log that were written to an archive.',
  },
  'events.archive_bytes': { type: 'counter', unit: 'By', description: 'Bytes of segments written to an archive.' },
  'events.trimmed': {
    type: 'counter',
    unit: '{row}',
    description: 'Rows that were trimmed off the log after they were archived.',
  },
  'graph.held_rows': {
    type: 'gauge',
    unit: '{row}',
    description: 'Entities and relations that a graph holds here.',
  },
  'graph.pending_writes': {
    type: 'gauge',
    unit: '{write}',
    description: 'Own writes that a graph shows before they are confirmed.',
  },
  'graph.rows_read': {
    type: 'counter',
    unit: '{row}',
    description: 'Rows that were read for what a graph holds, by `from`: page, change or copy.',
  },
  'cache.hits': {
    type: 'counter',
    unit: '{answer}',
    description: 'Reads by id that were answered from the cache, one for each id.',
  },
  'cache.misses': {
    type: 'counter',
    unit: '{answer}',
    description: 'Reads by id that were not in the cache, those that shared a load included.',
  },
  'cache.stale': {
    type: 'counter',
    unit: '{answer}',
    description: 'Hits while the connection was away, so that they may be out of date.',
  },
  'cache.evictions': {
    type: 'counter',
    unit: '{entry}',
    description: 'Entries of the cache that were dropped for want of room, or because they were too old.',
  },
  'cache.entries': { type: 'gauge', unit: '{entry}', description: 'Entries of the cache.' },
  'cache.bytes': { type: 'gauge', unit: 'By', description: 'About how much the entries of the cache take.' },
  'migrations.changed': {
    type: 'counter',
    unit: '{row}',
    description: 'Rows and branches that data migrations changed from here, by `migration`.',
  },
  errors: {
    type: 'counter',
    unit: '{error}',
    description: 'Errors that reached a caller or the error hook, by `code`.',
  },
} as const satisfies Readonly<
  Record<
    string,
    { readonly type: 'counter' | 'distribution' | 'gauge'; readonly unit: string; readonly description: string }
  >
>;

type Catalogue = typeof METRICS;
type NamesOf<T extends string> = {
  [N in keyof Catalogue]: Catalogue[N]['type'] extends T ? N : never;
}[keyof Catalogue];

/** Names of everything that is measured. */
export type MetricName = keyof Catalogue;
/** Names of what is counted. */
export type CounterName = NamesOf<'counter'>;
/** Names of what is measured one by one, and summed up as a histogram. */
export type DistributionName = NamesOf<'distribution'>;
/** Names of what is read when somebody collects. */
export type GaugeName = NamesOf<'gauge'>;
