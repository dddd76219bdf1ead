import { context, trace, type Link, type SpanContext } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '@inner-universe/nerv';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../testing/index.ts';
import { makeTelemetry } from './universe-telemetry.ts';

let exporter: InMemorySpanExporter;
let provider: BasicTracerProvider;
let testUniverse: TestUniverse;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  exporter = new InMemorySpanExporter();
  // After the universe was opened: who sets up tracing late is not too late.
  provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
});

afterEach(async () => {
  trace.disable();
  context.disable();
  await provider.shutdown();
  await testUniverse.close();
});

const spans = (name: string): readonly ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => span.name === name);

function span(name: string): ReadableSpan {
  const [first, ...others] = spans(name);
  const names = exporter.getFinishedSpans().map((finished) => finished.name);
  if (first === undefined || others.length > 0) throw new Error(`${name} is not once among ${names.join(', ')}`);
  return first;
}

const idOf = (of: ReadableSpan | undefined): string | undefined => of?.spanContext().spanId;
const traceOf = (of: ReadableSpan | undefined): string | undefined => of?.spanContext().traceId;
const linked = ({ links }: ReadableSpan): readonly string[] => links.map(({ context: to }: Link) => to.spanId);

async function inRequest<T>(work: () => Promise<T>): Promise<{ result: T; root: SpanContext }> {
  return trace.getTracer('application').startActiveSpan('request', async (root) => {
    try {
      return { result: await work(), root: root.spanContext() };
    } finally {
      root.end();
    }
  });
}

describe('a trace crosses from one process to another', () => {
  test('what a handler elsewhere does is below the publish that caused it, which is below the caller\u2019s span', async () => {
    const ada = await testUniverse.as('ada', READ_AND_WRITE);
    let within: SpanContext | undefined;
    ada.events.subscribe('order.*', async ({ id }) => {
      within = trace.getActiveSpan()?.spanContext();
      await ada.events.publish('stock.taken', { for: id });
    });
    const { root } = await inRequest(() => testUniverse.universe.events.publish('order.placed', { id: 1 }));
    await testUniverse.settle();
    const published = span('publish order.placed');
    expect(published.parentSpanContext?.spanId).toBe(root.spanId);
    const handled = span('handle order.placed');
    expect(handled.parentSpanContext).toMatchObject({ spanId: idOf(published), traceId: root.traceId, isRemote: true });
    expect(within?.spanId).toBe(idOf(handled));
    // And so on: what the handler published is below it, across the boundary again.
    const second = span('publish stock.taken');
    expect(second.parentSpanContext?.spanId).toBe(idOf(handled));
    expect(traceOf(second)).toBe(root.traceId);
  });

  test('the trace context lies in the metadata of the event, beside the publisher\u2019s own', async () => {
    const { universe } = testUniverse;
    const { root } = await inRequest(() => universe.events.publish('a.b', {}, { metadata: { tenant: 't' } }));
    const [event] = await universe.events.query({ pattern: 'a.b' });
    const { spanId } = span('publish a.b').spanContext();
    expect(event?.metadata).toEqual({ tenant: 't', traceparent: `00-${root.traceId}-${spanId}-01` });
  });

  test('a trace context that the publisher gave stands', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { universe } = testUniverse;
    universe.events.subscribe('a.b', () => undefined);
    await universe.events.publish('a.b', {}, { metadata: { traceparent, tracestate: 'vendor=1' } });
    await testUniverse.settle();
    const handled = span('handle a.b');
    expect(handled.parentSpanContext).toMatchObject({ traceId: traceparent.slice(3, 35), spanId: 'b7ad6b7169203331' });
    expect(handled.spanContext().traceState?.get('vendor')).toBe('1');
  });

  test('an event without a trace begins one where it is handled, whatever is active there', async () => {
    const { universe } = testUniverse;
    const ada = await testUniverse.as('ada', READ_AND_WRITE);
    ada.events.subscribe('a.b', () => undefined);
    trace.disable();
    await universe.events.publish('a.b', {});
    trace.setGlobalTracerProvider(provider);
    const { root } = await inRequest(() => testUniverse.settle());
    expect(span('handle a.b').parentSpanContext).toBeUndefined();
    expect(traceOf(span('handle a.b'))).not.toBe(root.traceId);
  });

  test('and an event that is not of the log is handled below what is active', async () => {
    const telemetry = makeTelemetry({ labels: { database: 'test' }, clock: systemClock, nowMs: () => 0 });
    const event = { id: '1', type: 'a.b', metadata: {} };
    const { root } = await inRequest(async () => {
      telemetry.handle({ ...event, seq: undefined }, () => undefined);
      telemetry.handle({ ...event, seq: 7 }, () => undefined);
    });
    expect(spans('handle a.b').map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([
      root.spanId,
      undefined,
    ]);
  });

  test('a handler that fails is noted by what it threw, not by what that says', async () => {
    const { universe } = testUniverse;
    universe.events.subscribe('a.b', () => Promise.reject(new RangeError('canary-message')));
    await universe.events.publish('a.b', {});
    await testUniverse.settle();
    const handled = span('handle a.b');
    expect(handled.status.code).toBe(2);
    expect(handled.attributes['error.type']).toBe('RangeError');
    expect(JSON.stringify([handled.status, handled.attributes, handled.events])).not.toContain('canary');
    expect(testUniverse.takeErrors()).toHaveLength(1);
  });
});

describe('requests', () => {
  test('one that carries one write is below it', async () => {
    await testUniverse.universe.events.publish('a.b', {});
    const request = span('apply');
    expect(request.parentSpanContext?.spanId).toBe(idOf(span('publish a.b')));
    expect(span('publish a.b').attributes['inner_universe.request_id']).toBe(
      request.attributes['inner_universe.request_id'],
    );
  });

  test('one that carries several is linked to each of them, and each to it', async () => {
    const { universe } = testUniverse;
    await Promise.all([1, 2, 3].map((n) => inRequest(() => universe.events.publish('a.b', n))));
    const published = spans('publish a.b');
    const request = span('apply');
    expect(published).toHaveLength(3);
    expect(request.parentSpanContext).toBeUndefined();
    expect([...linked(request)].sort()).toEqual(published.map(idOf).sort());
    for (const one of published) expect(linked(one)).toEqual([idOf(request)]);
  });

  test('one that is sent again is another attempt of the same write', async () => {
    testUniverse.network.dropAt('to-client');
    await testUniverse.universe.events.publish('a.b', {});
    const attempts = spans('apply');
    expect(attempts.map(({ attributes }) => attributes['error.type'])).toEqual(['connection/lost', undefined]);
    expect(new Set(attempts.map(({ attributes }) => attributes['inner_universe.request_id'])).size).toBe(1);
    expect(new Set(attempts.map(({ parentSpanContext }) => parentSpanContext?.spanId))).toEqual(
      new Set([idOf(span('publish a.b'))]),
    );
  });
});

test('commits, writes of the graph and reads have spans below the caller\u2019s', async () => {
  const { universe } = testUniverse;
  const store = await universe.states.open('cart', { items: 0 });
  exporter.reset();
  const { root } = await inRequest(async () => {
    await store.commit((draft) => {
      draft.items = 1;
    }, 'one');
    await universe.graph.createEntity('person', { id: 'ada' });
    await universe.client.read('readStatus', {});
  });
  for (const name of ['commit', 'createEntity']) {
    expect(traceOf(span(name))).toBe(root.traceId);
    expect(span(name).attributes['inner_universe.database']).toBe(universe.client.database);
  }
  expect(span('commit').attributes['inner_universe.store']).toBe('cart');
  const reads = spans('read').filter(({ attributes }) => attributes['inner_universe.read'] === 'readStatus');
  expect(reads.map(traceOf)).toEqual([root.traceId]);
});

test('a write that is refused ends its span with the code', async () => {
  const ada = await testUniverse.as('ada', [{ action: 'publish', resource: 'event:a.**' }]);
  await expect(ada.events.publish('b.c', {})).rejects.toMatchObject({ code: 'permission/denied' });
  expect(span('publish b.c').attributes['error.type']).toBe('permission/denied');
});

test('without a tracer provider nothing is added to events', async () => {
  trace.disable();
  await testUniverse.universe.events.publish('a.b', {});
  const [event] = await testUniverse.universe.events.query({ pattern: 'a.b' });
  expect(event?.metadata).toEqual({});
  expect(exporter.getFinishedSpans()).toEqual([]);
});
