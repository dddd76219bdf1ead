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
      'Positions of the log between its head and what a consumer has handled, by `consumer` and `partition`.',
  },
  'state.commits': { type: 'counter', unit: '{version}', description: 'Versions recorded here, by `outcome`.' },
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

/** Names of what is counted. */
export type CounterName = NamesOf<'counter'>;
/** Names of what is measured one by one, and summed up as a histogram. */
export type DistributionName = NamesOf<'distribution'>;
/** Names of what is read when somebody collects. */
export type GaugeName = NamesOf<'gauge'>;
