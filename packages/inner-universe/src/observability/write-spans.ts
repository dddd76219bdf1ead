import { SpanKind, type Attributes, type Link, type Span, type SpanContext } from '@opentelemetry/api';
import type { Op } from '@inner-universe/module/wire';
import { parse, stringify } from '@inner-universe/nerv/values';
import { metadataOf, tryStartSpan } from './tracing.ts';

/** The spans of writes that are on their way, by the values of their ops: a request is linked to those it carries. */
const SPANS_OF_OPS = new WeakMap<object, Span>();

/** How many ids of ops a span names. */
const IDS_MAX = 16;

/** What a span of a write says of it, beside what every span says. */
interface WriteFacts {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
}

/** A write that is under way: what is sent in its place, and its span. */
export interface TracedWrite {
  readonly ops: readonly Op[];
  readonly span: Span;
}

/** Begins the span of a write and puts its trace into the metadata of the events in it. Undefined where nobody takes spans. */
export function tryTraceWrite(ops: readonly Op[], common: Attributes): TracedWrite | undefined {
  const [first] = ops;
  if (first === undefined) return undefined;
  const { name, kind, attributes } = describe(ops, first);
  const span = tryStartSpan(name, { kind, attributes: { ...common, ...attributes } });
  return span === undefined ? undefined : { ops: carryTrace(ops, span), span };
}

/** The same ops with a span's trace in the metadata of their events, remembered as those of that span. */
export function carryTrace(ops: readonly Op[], span: Span): readonly Op[] {
  const carried = ops.map((op) => (op.tag === 'publishEvent' ? withTrace(op, span) : op));
  for (const { value } of carried) SPANS_OF_OPS.set(value, span);
  return carried;
}

/** What a request carries of writes that have spans. */
export interface CarriedSpans {
  /** The one span that all of it belongs to, if it is one. */
  readonly only: Span | undefined;
  readonly links: readonly Link[];
  /** Tells each of those spans which request carried it. */
  mark(request: SpanContext, requestId: string): void;
}

/** The spans of the ops of a request, as it is about to be sent. */
export function carriedSpans(values: readonly unknown[]): CarriedSpans {
  const spans = new Set<Span>();
  for (const value of values) {
    const span = typeof value === 'object' && value !== null ? SPANS_OF_OPS.get(value) : undefined;
    if (span !== undefined) spans.add(span);
  }
  const all = [...spans];
  return {
    only: all.length === 1 ? all[0] : undefined,
    links: all.map((span) => ({ context: span.spanContext() })),
    mark: (request, requestId) => {
      for (const span of all) {
        span.setAttribute('inner_universe.request_id', requestId);
        span.addLink({ context: request });
      }
    },
  };
}

function describe(ops: readonly Op[], first: Op): WriteFacts {
  const tags = [...new Set(ops.map(({ tag }) => tag))];
  const attributes: Attributes = {
    'inner_universe.ops': ops.length,
    'inner_universe.op_types': tags,
    'inner_universe.ids': ops.slice(0, IDS_MAX).flatMap(idsOf),
  };
  if (tags.length > 1) return { name: 'write', kind: SpanKind.INTERNAL, attributes };
  if (first.tag === 'publishEvent') {
    const types = new Set(ops.map((op) => (op.tag === 'publishEvent' ? op.value.eventType : '')));
    const name = types.size === 1 ? `publish ${first.value.eventType}` : 'publish';
    return { name, kind: SpanKind.PRODUCER, attributes };
  }
  if (first.tag === 'recordVersion') {
    const { store } = first.value;
    return { name: 'commit', kind: SpanKind.INTERNAL, attributes: { ...attributes, 'inner_universe.store': store } };
  }
  return { name: first.tag, kind: SpanKind.INTERNAL, attributes };
}

/** The id that an op makes or changes something under. */
function idsOf({ value }: Op): readonly string[] {
  const { eventId, versionId, id } = value as Readonly<Partial<Record<'eventId' | 'versionId' | 'id', unknown>>>; // looked at below
  return [eventId, versionId, id].filter((found): found is string => typeof found === 'string');
}

function withTrace(op: Extract<Op, { readonly tag: 'publishEvent' }>, span: Span): Op {
  const { metadata, metadataEncoding } = op.value;
  // Metadata so large that it lies in chunks is left as it is.
  if (metadataEncoding !== 'json/1' && metadataEncoding !== '') return op;
  // The module takes objects only.
  const own = metadata === '' ? {} : (parse(metadata) as Readonly<Record<string, unknown>>);
  if (own['traceparent'] !== undefined) return op;
  const text = stringify({ ...own, ...metadataOf(span) });
  return { tag: op.tag, value: { ...op.value, metadata: text, metadataEncoding: 'json/1' } };
}
