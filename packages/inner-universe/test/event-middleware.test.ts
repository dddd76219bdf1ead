import { AsyncLocalStorage } from 'node:async_hooks';
import { EventBus, type BusMiddleware, type NervEvent } from '@inner-universe/nerv/events';
import { asyncCarrier, carryContext, publisherAfter } from '@inner-universe/nerv/events/context';
import { DeadLetterList } from '@inner-universe/nerv/events/dead-letters';
import { MiddlewareStack } from '@inner-universe/nerv/events/middleware';
import { withRetry } from '@inner-universe/nerv/events/retry';
import { checkSchemas } from '@inner-universe/nerv/events/schemas';
import type { StandardSchema } from '@inner-universe/nerv/events/standard-schema';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SpacetimeEventBus, type EventOptions, type Universe } from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';

let testUniverse: TestUniverse;
let owner: Universe;
let ada: Universe;
let errors: unknown[];

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  owner = testUniverse.universe;
  ada = await testUniverse.as('ada', READ_AND_WRITE);
  errors = [];
});
afterEach(async () => {
  expect(testUniverse.takeErrors()).toEqual([]);
  await testUniverse.close();
});

function busOf(universe: Universe, options: EventOptions): SpacetimeEventBus {
  return new SpacetimeEventBus(universe.client, { ...options, onError: (error) => errors.push(error) });
}

function record(bus: { subscribe(pattern: string, handler: (event: NervEvent) => unknown): unknown }): NervEvent[] {
  const events: NervEvent[] = [];
  bus.subscribe('**', (event) => events.push(event));
  return events;
}

const dataOf = (events: readonly NervEvent[]): readonly unknown[] => events.map(({ data }) => data);

/** Takes numbers, and texts of them, which it makes numbers of. */
function numberSchema(isAsync = false): StandardSchema<number | string, number> {
  const check = (value: unknown): { value: number } | { issues: { message: string; path: string[] }[] } =>
    Number.isFinite(Number(value)) ? { value: Number(value) } : { issues: [{ message: 'no number', path: ['here'] }] };
  const validate = (value: unknown): ReturnType<typeof check> | Promise<ReturnType<typeof check>> =>
    isAsync ? Promise.resolve(check(value)) : check(value);
  return { '~standard': { version: 1, vendor: 'test', validate } };
}

describe.each([false, true])('schemas (asynchronous: %s)', (isAsync) => {
  const middleware = [checkSchemas({ count: numberSchema(isAsync) })];

  test('refuse what is published, before the log has it', async () => {
    const bus = busOf(owner, { middleware });
    const own = record(bus);
    await expect(bus.publish('count', 'many')).rejects.toMatchObject({
      code: 'event/invalid-data',
      details: { type: 'count', issues: [{ message: 'no number', path: ['here'] }] },
    });
    await bus.publish('count', '7');
    await bus.publish('other', 'many');
    await testUniverse.settle();
    expect(dataOf(own)).toEqual([7, 'many']);
    expect(dataOf(await owner.events.query())).toEqual([7, 'many']);
  });

  test('refuse what comes from the log, which is reported, and what follows is delivered', async () => {
    const bus = busOf(owner, { middleware });
    const own = record(bus);
    await ada.events.publish('count', 'many');
    await ada.events.publish('count', '8');
    await ada.events.publish('count', 'none', { durability: 'ephemeral' });
    await ada.events.publish('count', 9);
    await testUniverse.settle();
    expect(dataOf(own)).toEqual([8, 9]);
    expect(errors).toMatchObject([{ code: 'event/invalid-data' }, { code: 'event/invalid-data' }]);
  });

  test('refuse optimistic events before anybody is told', async () => {
    const bus = busOf(owner, { middleware });
    const own = record(bus);
    await expect(bus.publish('count', 'many', { optimistic: true })).rejects.toMatchObject({
      code: 'event/invalid-data',
    });
    await bus.publish('count', 3, { optimistic: true });
    await testUniverse.settle();
    expect(own.map(({ data, pending }) => [data, pending])).toEqual([[3, true]]);
  });
});

describe('middleware', () => {
  test('that takes its time keeps the order of what is published and of what comes', async () => {
    let turn = 0;
    const slow: BusMiddleware = {
      publish: async (event, next) => {
        turn += 1;
        for (let n = 0; n < turn % 4; n += 1) await Promise.resolve();
        await next(event);
      },
      receive: async (event, next) => {
        turn += 1;
        for (let n = 0; n < turn % 3; n += 1) await Promise.resolve();
        await next(event);
      },
    };
    const bus = busOf(owner, { middleware: [slow] });
    const own = record(bus);
    await Promise.all(Array.from({ length: 200 }, (_, n) => bus.publish('tick', n)));
    await testUniverse.settle();
    expect(dataOf(own)).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(dataOf(await owner.events.query())).toEqual(dataOf(own));
  });

  test('may keep an event from being published, and change its data and metadata, never its id', async () => {
    const bus = busOf(owner, {
      middleware: [
        {
          publish: (event, next) => {
            if (event.type === 'dropped') return undefined;
            if (event.type === 'changed')
              return next({ ...event, data: 'new', metadata: { by: 'us' }, source: 'them' });
            return next({ ...event, id: 'another' });
          },
        },
      ],
    });
    await bus.publish('dropped', 1);
    const id = await bus.publish('changed', 2);
    await expect(bus.publish('renamed', 3)).rejects.toMatchObject({ code: 'event/invalid' });
    const events = await owner.events.query();
    expect(events).toMatchObject([{ id, type: 'changed', data: 'new', metadata: { by: 'us' }, source: 'them' }]);
  });

  test('around handlers runs for each of them, and `emit` goes through what is published', async () => {
    const calls: string[] = [];
    const bus = busOf(owner, {
      middleware: [
        {
          publish: (event, next) => {
            calls.push(`publish ${event.type}`);
            return next(event);
          },
          handle: (event, next) => {
            calls.push(`handle ${event.type}`);
            return next(event);
          },
        },
      ],
    });
    record(bus);
    record(bus);
    bus.emit('a', 1);
    await bus.publishAndWait('b', 2);
    expect(calls).toEqual(['publish a', 'handle a', 'handle a', 'publish b', 'handle b', 'handle b']);
  });
});

describe('context', () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  test('goes into the log and to the handlers of others, and on from there', async () => {
    const first = busOf(owner, { middleware: [carryContext()] });
    const second = busOf(ada, { middleware: [carryContext(asyncCarrier(new AsyncLocalStorage()))] });
    second.subscribe('order.placed', async () => {
      await Promise.resolve();
      await second.publish('order.paid', 2);
    });
    first.subscribe('order.paid', (event) => publisherAfter(first, event).publish('order.sent', 3));
    const id = await first.publish('order.placed', 1, {
      metadata: { correlationId: 'c', traceparent, tracestate: 'a=1' },
    });
    for (let round = 0; round < 3; round += 1) await testUniverse.settle();
    const [placed, paid, sent] = await owner.events.query();
    expect(placed).toMatchObject({ id, metadata: { correlationId: 'c', traceparent } });
    expect(paid?.metadata).toEqual({ correlationId: 'c', causationId: id, traceparent, tracestate: 'a=1' });
    expect(sent?.metadata).toEqual({ correlationId: 'c', causationId: paid?.id, traceparent, tracestate: 'a=1' });
  });
});

test('a handler is tried again for events of the log, and what it gives up on is kept', async () => {
  const deadLetters = new DeadLetterList();
  const attempts: unknown[] = [];
  const handler = withRetry(
    ({ data }) => {
      attempts.push(data);
      if (data === 'bad' || attempts.length === 1) throw new Error(`not ${String(data)}`);
    },
    { attempts: 3, delayMsMin: 0, deadLetters },
  );
  const bus = busOf(owner, {});
  bus.subscribe('a', handler);
  await bus.publishAndWait('a', 'good');
  await bus.publishAndWait('a', 'bad');
  expect(attempts).toEqual(['good', 'good', 'bad', 'bad', 'bad']);
  expect(deadLetters.list()).toMatchObject([{ event: { data: 'bad', seq: expect.any(Number) }, attempts: 3 }]);
  expect(errors).toMatchObject([{ message: 'not bad' }]);
});

describe('a bus of NERV that is bridged', () => {
  test('gives and gets each event once, with its middleware, also ephemeral ones and late', async () => {
    const late: BusMiddleware = {
      receive: async (event, next) => {
        await Promise.resolve();
        await next(event);
      },
    };
    const bus = new EventBus({ middleware: new MiddlewareStack([carryContext(), late]) });
    const bridged = record(bus);
    const persistent = busOf(owner, { durability: { 'cursor.*': 'ephemeral', 'debug.**': 'local' } });
    const own = record(persistent);
    const others = record(ada.events);
    const end = persistent.connect(bus);
    bus.publish('a', 1);
    bus.emit('cursor.moved', 2);
    bus.emit('debug.x', 3);
    await testUniverse.settle();
    await ada.events.publish('b', 4);
    await ada.events.publish('cursor.moved', 5, { durability: 'ephemeral' });
    persistent.emit('c', 6);
    await testUniverse.settle();
    expect(dataOf(bridged)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(dataOf(others)).toEqual([1, 2, 4, 5]);
    expect(dataOf(own).toSorted()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(dataOf(await owner.events.query())).toEqual([1, 4]);
    expect(new Set(own.map(({ id }) => id))).toEqual(new Set(bridged.map(({ id }) => id)));
    end();
    bus.emit('d', 7);
    await ada.events.publish('e', 8);
    await testUniverse.settle();
    expect(dataOf(bridged)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(errors).toEqual([]);
  });

  test('is told what the log refused of it', async () => {
    const failures: unknown[] = [];
    const bus = new EventBus({ onError: ({ error }) => failures.push(error) });
    const sensor = await testUniverse.as('sensor', [{ action: 'publish', resource: 'event:sensor.**' }]);
    sensor.events.connect(bus);
    const report = await bus.publishAndWait('order.placed', 1);
    expect(report.errors).toMatchObject([{ code: 'permission/denied' }]);
    expect(failures).toMatchObject([{ code: 'permission/denied' }]);
  });
});
