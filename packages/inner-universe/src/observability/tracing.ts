/*
 * Spans, through OpenTelemetry's API. Invariants:
 * - without a tracer provider nothing is made, and nothing is added to metadata;
 * - a trace crosses the boundary as W3C trace context in the metadata of events; what a publisher put there stands;
 * - attributes hold ids, names and counts: never tokens, keys or data of the application.
 */
import {
  context,
  createTraceState,
  isSpanContextValid,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { isTracestate, tryParseTraceparent } from '@inner-universe/nerv/events/trace-context';
import { errorCodeOf } from './error-facts.ts';
import { INSTRUMENTATION_NAME } from './open-telemetry-meter.ts';

/** What a span is begun with. */
export interface SpanStart {
  readonly kind?: SpanKind | undefined;
  readonly attributes: Attributes;
  /** What it is below; default what is active. */
  readonly parent?: Context | undefined;
  readonly links?: readonly Link[] | undefined;
}

/** Most links of one span. */
const LINKS_MAX = 128;

/** The provider behind a proxy that was given none. */
const ABSENT: unknown = new ProxyTracerProvider().getDelegate();

/** Whether anybody takes spans. */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== ABSENT;
}

/** Begins a span; who calls ends it. Undefined where nobody takes spans, or this one belongs to no trace. */
export function tryStartSpan(name: string, start: SpanStart): Span | undefined {
  if (!isTracing()) return undefined;
  const { kind = SpanKind.INTERNAL, attributes, links = [], parent = context.active() } = start;
  const span = tracer().startSpan(name, { kind, attributes, links: links.slice(0, LINKS_MAX) }, parent);
  return isSpanContextValid(span.spanContext()) ? span : undefined;
}

/** Runs work with a span as the active one and ends it when the work has ended; how it fails is noted, by its code. */
export function runInSpan<T>(span: Span, work: () => T, parent: Context = context.active()): T {
  let result: T;
  try {
    result = context.with(trace.setSpan(parent, span), work);
  } catch (error) {
    endFailed(span, error);
    throw error;
  }
  if (!isPromiseLike(result)) {
    span.end();
    return result;
  }
  const settled = result.then(
    (value) => {
      span.end();
      return value;
    },
    (error: unknown) => {
      endFailed(span, error);
      throw error;
    },
  );
  return settled as T; // of a promise, one that settles as it does
}

/** Ends a span of what failed. The message stays out: it may hold anything. */
export function endFailed(span: Span, error: unknown): void {
  const code = errorCodeOf(error);
  span.setAttribute('error.type', code === 'other' && error instanceof Error ? error.name : code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  span.end();
}

/** The trace context of a span, as an event's metadata carries it. */
export function metadataOf(span: Span): Readonly<Record<string, string>> {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  const tracestate = traceState?.serialize() ?? '';
  return tracestate === '' ? { traceparent } : { traceparent, tracestate };
}

/** The context of the trace that metadata carries; undefined without a valid one. */
export function tryContextOf(metadata: Readonly<Record<string, unknown>>): Context | undefined {
  const parent = tryParseTraceparent(metadata['traceparent']);
  if (parent === undefined) return undefined;
  const { tracestate } = metadata;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: parent.traceId,
    spanId: parent.parentId,
    traceFlags: Number.parseInt(parent.flags, 16) & 1,
    isRemote: true,
    ...(isTracestate(tracestate) && tracestate !== '' ? { traceState: createTraceState(tracestate) } : {}),
  });
}

function tracer(): Tracer {
  return trace.getTracer(INSTRUMENTATION_NAME);
}

function isPromiseLike(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
