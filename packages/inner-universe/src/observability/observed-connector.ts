import { context, ROOT_CONTEXT, SpanKind, trace, type Span } from '@opentelemetry/api';
import type {
  CallOptions,
  Connection,
  ConnectionEnd,
  Connector,
  ConnectionSubscription,
  RenewableTokens,
  SubscriptionRequest,
  WireRow,
} from '../connection/connection.ts';
import { ConnectionError } from '../errors.ts';
import { errorCodeOf } from './error-facts.ts';
import { runInSpan, tryStartSpan } from './tracing.ts';
import type { UniverseTelemetry } from './universe-telemetry.ts';
import { carriedSpans } from './write-spans.ts';

/** A connector whose connections tell of every request that is sent over them. */
export class ObservedConnector implements Connector {
  readonly #inner: Connector;
  readonly #telemetry: UniverseTelemetry;

  constructor(inner: Connector, telemetry: UniverseTelemetry) {
    this.#inner = inner;
    this.#telemetry = telemetry;
  }

  get target(): string {
    return this.#inner.target;
  }

  get tokens(): RenewableTokens | undefined {
    return this.#inner.tokens;
  }

  async connect(options?: CallOptions): Promise<Connection> {
    return new ObservedConnection(await this.#inner.connect(options), this.#telemetry);
  }
}

/** What `apply` is called with, as far as it is told of. */
interface RequestArguments {
  readonly requestId?: unknown;
  readonly ops?: unknown;
}

class ObservedConnection implements Connection {
  readonly ended: Promise<ConnectionEnd>;
  readonly #inner: Connection;
  readonly #telemetry: UniverseTelemetry;

  constructor(inner: Connection, telemetry: UniverseTelemetry) {
    this.#inner = inner;
    this.ended = inner.ended;
    this.#telemetry = telemetry;
  }

  get identity(): string {
    return this.#inner.identity;
  }

  get connectionId(): string {
    return this.#inner.connectionId;
  }

  get token(): string | undefined {
    return this.#inner.token;
  }

  get isOpen(): boolean {
    return this.#inner.isOpen;
  }

  get heard(): number | undefined {
    return this.#inner.heard;
  }

  callReducer(name: string, args: object, options?: CallOptions): Promise<void> {
    if (name !== 'apply') return this.#inner.callReducer(name, args, options);
    const request = new SentRequest(args, this.#telemetry);
    return request.send(() => this.#inner.callReducer(name, args, options));
  }

  callProcedure(name: string, args: object, options?: CallOptions): Promise<unknown> {
    return this.#inner.callProcedure(name, args, options);
  }

  subscribe(request: SubscriptionRequest, options?: CallOptions): Promise<ConnectionSubscription> {
    return this.#inner.subscribe(request, options);
  }

  rows(table: string): readonly WireRow[] {
    return this.#inner.rows(table);
  }

  abandon(cause: Error): void {
    this.#inner.abandon(cause);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** One attempt to have a request applied. */
class SentRequest {
  readonly #telemetry: UniverseTelemetry;
  readonly #requestId: string;
  readonly #values: readonly unknown[];
  readonly #startMs: number;

  constructor({ requestId, ops }: RequestArguments, telemetry: UniverseTelemetry) {
    this.#telemetry = telemetry;
    this.#requestId = String(requestId);
    this.#values = Array.isArray(ops) ? ops.map((op: { readonly value?: unknown }) => op.value) : [];
    this.#startMs = telemetry.nowMs();
  }

  async send(call: () => Promise<void>): Promise<void> {
    const span = this.#tryStartSpan();
    try {
      await (span === undefined ? call() : runInSpan(span, call));
    } catch (error) {
      // Only a connection leaves open whether the request was applied.
      this.#tell(error instanceof ConnectionError ? 'unknown' : 'refused', errorCodeOf(error));
      throw error;
    }
    this.#tell('applied');
  }

  /** Below the one write that it carries; of several, it has a trace of its own, and links to and from each. */
  #tryStartSpan(): Span | undefined {
    const carried = carriedSpans(this.#values);
    const parent = carried.only === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, carried.only);
    const span = tryStartSpan('apply', {
      kind: SpanKind.CLIENT,
      attributes: this.#telemetry.attributesOf({ request_id: this.#requestId, ops: this.#values.length }),
      parent: carried.links.length === 0 ? context.active() : parent,
      links: carried.only === undefined ? carried.links : [],
    });
    if (span !== undefined) carried.mark(span.spanContext(), this.#requestId);
    return span;
  }

  #tell(outcome: 'applied' | 'refused' | 'unknown', code?: string): void {
    const { database, channels } = this.#telemetry;
    const durationMs = this.#telemetry.nowMs() - this.#startMs;
    const ops = this.#values.length;
    this.#telemetry.count('client.requests', 1, { outcome });
    this.#telemetry.record('client.request_ops', ops);
    if (outcome !== 'unknown') this.#telemetry.record('client.request_latency_ms', durationMs);
    const requestId = this.#requestId;
    channels.publish('inner-universe:request', () => ({ database, requestId, ops, durationMs, outcome, code }));
  }
}
