import { ROOT_CONTEXT, SpanKind, context, type Attributes } from '@opentelemetry/api';
import type { Clock } from '@inner-universe/nerv';
import { makeConsoleLogger } from './console-logger.ts';
import { DiagnosticsChannels } from './diagnostics-channels.ts';
import { errorCodeOf, errorFactsOf } from './error-facts.ts';
import type { Logger } from './logger.ts';
import type { CounterName, DistributionName, GaugeName } from './metric-catalogue.ts';
import { MetricRegistry } from './metric-registry.ts';
import { OpenTelemetryMeter } from './open-telemetry-meter.ts';
import type { HandledEvent, Labels, LogLevel, Telemetry } from './telemetry.ts';
import { isTracing, runInSpan, tryContextOf, tryStartSpan } from './tracing.ts';
import { UniverseMetrics } from './universe-metrics.ts';

/** What a universe reports with. */
export interface TelemetryOptions {
  /** Labels that every metric has; `database` is also told by spans and channels. */
  readonly labels: Readonly<Record<string, string>> & { readonly database: string };
  readonly clock: Clock;
  /** Milliseconds that never run backwards, for durations. */
  readonly nowMs: () => number;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
  /** False: nothing is measured. Spans, logs and channels are not concerned. */
  readonly metrics?: boolean | undefined;
  /** Default: those of the runtime. */
  readonly channels?: DiagnosticsChannels | undefined;
}

/** Makes what the parts of a universe report to. OpenTelemetry's global providers are used where they are set. */
export function makeTelemetry(options: TelemetryOptions): UniverseTelemetry {
  return new UniverseTelemetry(options);
}

/** Reports to OpenTelemetry, to `metrics`, to the logger and to channels of diagnostics. */
export class UniverseTelemetry implements Telemetry {
  readonly metrics: UniverseMetrics;
  readonly channels: DiagnosticsChannels;
  readonly database: string;
  readonly #registry: MetricRegistry | undefined;
  readonly #meter: OpenTelemetryMeter | undefined;
  readonly #clock: Clock;
  readonly #nowMs: () => number;
  readonly #logger: Logger;
  readonly #attributes: Attributes;
  /** Errors that were told of: one that is passed on is one error. */
  readonly #told = new WeakSet<object>();

  /** Use `makeTelemetry`. */
  constructor(options: TelemetryOptions) {
    const { labels, clock, nowMs, logger = makeConsoleLogger(), metrics = true } = options;
    this.#registry = metrics ? new MetricRegistry(labels) : undefined;
    this.#meter = metrics ? new OpenTelemetryMeter(labels) : undefined;
    this.metrics = new UniverseMetrics(this.#registry);
    this.channels = options.channels ?? new DiagnosticsChannels();
    this.database = labels.database;
    this.#attributes = { 'inner_universe.database': labels.database };
    this.#clock = clock;
    this.#nowMs = nowMs;
    this.#logger = logger;
  }

  /** Milliseconds that never run backwards. */
  nowMs(): number {
    return this.#nowMs();
  }

  count(name: CounterName, by = 1, labels?: Labels): void {
    this.#registry?.count(name, by, labels);
    this.#meter?.count(name, by, labels);
  }

  record(name: DistributionName, value: number, labels?: Labels): void {
    this.#registry?.record(name, value, labels);
    this.#meter?.record(name, value, labels);
  }

  observe(name: GaugeName, read: () => number, labels?: Labels): () => void {
    const stopHere = this.#registry?.observe(name, read, labels);
    const stopThere = this.#meter?.observe(name, read, labels);
    return () => {
      stopHere?.();
      stopThere?.();
    };
  }

  span<T>(name: string, labels: Labels, work: () => Promise<T>): Promise<T> {
    const span = tryStartSpan(name, { attributes: this.attributesOf(labels) });
    return span === undefined ? work() : runInSpan(span, work);
  }

  handle<T>(event: HandledEvent, work: () => T): T {
    const isHeard = this.channels.isHeard('inner-universe:handler');
    if (!isHeard && !isTracing()) return work();
    // What came from the log has nothing to do with what happens to be active where it comes in.
    const parent = tryContextOf(event.metadata) ?? (event.seq === undefined ? context.active() : ROOT_CONTEXT);
    const { id, type, seq } = event;
    const attributes = this.attributesOf({ event_id: id, event_type: type, ...(seq === undefined ? {} : { seq }) });
    const span = tryStartSpan(`handle ${type}`, { kind: SpanKind.CONSUMER, attributes, parent });
    const inSpan = span === undefined ? work : () => runInSpan(span, work, parent);
    return isHeard ? this.#tellHandled(event, inSpan) : inSpan();
  }

  log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#write({ level, message, fields });
  }

  /** Counts an error and tells the channel of it, once however often it is passed on. */
  countError(error: unknown): void {
    if (typeof error === 'object' && error !== null) {
      if (this.#told.has(error)) return;
      this.#told.add(error);
    }
    const code = errorCodeOf(error);
    this.count('errors', 1, { code });
    const { database } = this;
    this.channels.publish('inner-universe:error', () => ({ database, code, name: errorFactsOf(error).name }));
  }

  /** Counts and logs an error that nobody waited for. */
  reportError(error: unknown): void {
    this.countError(error);
    const { name, code, message, retryable } = errorFactsOf(error);
    const what =
      message ?? `${name}${code === 'other' ? '' : ` (${code})`}: what it says may hold data, and stands in 'error'.`;
    this.#write({ level: 'error', message: what, fields: { code, retryable }, error });
  }

  /** Attributes of a span: those of all, and labels under this package's name. */
  attributesOf(labels: Labels): Attributes {
    const attributes: Attributes = { ...this.#attributes };
    for (const name in labels) attributes[`inner_universe.${name}`] = labels[name];
    return attributes;
  }

  #tellHandled<T>(event: HandledEvent, work: () => T): T {
    const { id, type, seq } = event;
    const startMs = this.#nowMs();
    const tell = (failed: boolean): void =>
      this.channels.publish('inner-universe:handler', () => ({
        database: this.database,
        id,
        type,
        seq,
        durationMs: this.#nowMs() - startMs,
        failed,
      }));
    let result: T;
    try {
      result = work();
    } catch (error) {
      tell(true);
      throw error;
    }
    if (!(result instanceof Promise)) {
      tell(false);
      return result;
    }
    // Only looked at: whoever called waits for it.
    result.then(
      () => tell(false),
      () => tell(true),
    );
    return result;
  }

  #write(record: {
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: Readonly<Record<string, unknown>>;
    readonly error?: unknown;
  }): void {
    try {
      this.#logger.log({ ...record, timestampMicros: this.#clock.nowMicros() });
    } catch (error) {
      // A logger that fails must not fail what it was told of.
      makeConsoleLogger().log({ ...record, fields: {}, timestampMicros: this.#clock.nowMicros(), error });
    }
  }
}
