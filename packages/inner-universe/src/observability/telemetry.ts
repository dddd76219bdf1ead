import type { CounterName, DistributionName, GaugeName } from './metric-catalogue.ts';

/** Labels of a measurement: few values each, for every combination becomes a time series. */
export type Labels = Readonly<Record<string, string | number | boolean>>;

/** How grave a log record is. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What is known of an event whose handler runs; its metadata may carry the trace it was published in. */
export interface HandledEvent {
  readonly id: string;
  readonly type: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Its place in the log; undefined for what did not come from there. */
  readonly seq: number | undefined;
}

/** What the parts of a universe report to. Reporting never throws and never holds up who reports. */
export interface Telemetry {
  /** Adds to a counter, 1 by default. */
  count(name: CounterName, by?: number, labels?: Labels): void;
  /** Adds one measurement. */
  record(name: DistributionName, value: number, labels?: Labels): void;
  /** Has a value read whenever metrics are collected; the result ends that. */
  observe(name: GaugeName, read: () => number, labels?: Labels): () => void;
  /** Runs work in a span of that name; how it fails is noted there. */
  span<T>(name: string, labels: Labels, work: () => Promise<T>): Promise<T>;
  /** Runs a handler in a span below the one in which its event was published, wherever that was. */
  handle<T>(event: HandledEvent, work: () => T): T;
  /** Tells the injected logger. `fields` are plain data without secrets. */
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Reports to nobody. */
export const SILENT_TELEMETRY: Telemetry = {
  count: () => undefined,
  record: () => undefined,
  observe: () => () => undefined,
  span: (_name, _labels, work) => work(),
  handle: (_event, work) => work(),
  log: () => undefined,
};
