import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, test } from 'vitest';
import { asyncCarrier, carryContext, contextAfter, publisherAfter } from './context.ts';
import { EventBus } from './event-bus.ts';
import type { NervEvent } from './event.ts';
import type { LocalEventBus } from './local-event-bus.ts';
import { MiddlewareStack } from './middleware.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

function open(carrier?: Parameters<typeof carryContext>[0]): {
  bus: LocalEventBus;
  seen: NervEvent[];
} {
  const bus = new EventBus({ middleware: new MiddlewareStack([carryContext(carrier)]) });
  const seen: NervEvent[] = [];
  bus.subscribe({ pattern: '**', priority: 1 }, (event) => seen.push(event));
  return { bus, seen };
}

describe('context', () => {
  test('goes from a handled event to those published in its handler, and from those on', () => {
    const { bus, seen } = open();
    bus.subscribe('first', () => void bus.emit('second'));
    bus.subscribe('second', () => void bus.publish('third'));
    const id = bus.emit('first', 1, { metadata: { traceparent: TRACEPARENT, tracestate: 'a=1' } });
    const [first, second, third] = seen;
    const trace = { traceparent: TRACEPARENT, tracestate: 'a=1' };
    expect(first?.metadata).toEqual(trace);
    expect(second?.metadata).toEqual({ correlationId: id, causationId: id, ...trace });
    expect(third?.metadata).toEqual({ correlationId: id, causationId: second?.id, ...trace });
  });

  test('is of the event whose handler runs: after it, and beside it, there is none', () => {
    const { bus, seen } = open();
    bus.subscribe('a', () => void bus.emit('inner'));
    bus.subscribe('a', () => {
      throw new Error('reported');
    });
    bus.subscribe('handler.error', () => undefined);
    bus.emit('a');
    bus.emit('b');
    expect(seen.at(-1)).toMatchObject({ type: 'b', metadata: {} });
  });

  test('gives way to what the publisher says', () => {
    const { bus, seen } = open();
    const metadata = { correlationId: 'mine', tracestate: undefined, own: 1 };
    bus.subscribe('a', () => void bus.emit('b', 1, { metadata }));
    const id = bus.emit('a');
    expect(seen[1]?.metadata).toEqual({ correlationId: 'mine', causationId: id, own: 1 });
  });

  test('of a trace that is not valid is dropped', () => {
    const { bus, seen } = open();
    bus.emit('a', 1, { metadata: { traceparent: 'nonsense', tracestate: 'a=1', own: 1 } });
    bus.emit('a', 1, { metadata: { traceparent: TRACEPARENT, tracestate: 'A=1' } });
    expect(seen.map(({ metadata }) => metadata)).toEqual([{ own: 1 }, { traceparent: TRACEPARENT }]);
  });

  test('is lost behind an await, unless one publishes through the event, or a storage carries it', async () => {
    const { bus, seen } = open();
    bus.subscribe('a', async (event) => {
      await Promise.resolve();
      bus.emit('lost');
      publisherAfter(bus, event).emit('kept');
    });
    const { id } = await bus.publishAndWait('a');
    expect(seen.find(({ type }) => type === 'lost')?.metadata).toEqual({});
    expect(seen.find(({ type }) => type === 'kept')?.metadata).toEqual({
      correlationId: id,
      causationId: id,
    });
    const carried = open(asyncCarrier(new AsyncLocalStorage()));
    carried.bus.subscribe('a', async () => {
      await Promise.resolve();
      carried.bus.emit('kept');
    });
    const report = await carried.bus.publishAndWait('a');
    expect(carried.seen[1]?.metadata).toMatchObject({ causationId: report.id });
  });

  test('of an event whose correlation id is no text is its own id', () => {
    const event = { id: 'e', metadata: { correlationId: 7 } } as unknown as NervEvent;
    expect(contextAfter(event)).toEqual({ correlationId: 'e', causationId: 'e' });
  });
});

test('a publisher after an event publishes in all three ways, and keeps what it is told', async () => {
  const bus = new EventBus<{ a: number; b: number }>();
  const seen: NervEvent[] = [];
  bus.subscribe('b', (event) => seen.push(event));
  const cause = { id: 'c', metadata: { correlationId: 'root' } } as unknown as NervEvent;
  const publisher = publisherAfter(bus, cause);
  const id = publisher.emit('b', 1, { source: 'here', metadata: { own: 1 } });
  expect(publisher.publish('b', 2)).toEqual(seen[1]?.id);
  expect(await publisher.publishAndWait('b', 3, { metadata: { causationId: 'mine' } })).toMatchObject({ handled: 1 });
  const context = { correlationId: 'root', causationId: 'c' };
  expect(seen[0]).toMatchObject({ id, source: 'here', data: 1 });
  expect(seen.map(({ metadata }) => metadata)).toEqual([
    { ...context, own: 1 },
    context,
    { ...context, causationId: 'mine' },
  ]);
});
