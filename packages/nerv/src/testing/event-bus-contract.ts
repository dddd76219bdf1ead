import { describe, expect, test, vi } from 'vitest';
import type { AbortSignalLike } from '../events/abort-signal.ts';
import type { EventBus } from '../events/event-bus.ts';
import type { NervEvent } from '../events/event.ts';

declare const AbortController: new () => {
  readonly signal: AbortSignalLike;
  abort(reason?: unknown): void;
};

/** The events that the contract publishes. */
export interface ContractEvents {
  'order.placed': { readonly number: number; readonly extra?: unknown };
  'order.shipped': { readonly number: number };
  'order.line.added': { readonly number: number };
  order: { readonly number: number };
  fence: { readonly number: number };
}

/** Makes a new bus without any past; the suite closes it. */
export type MakeContractBus = () => EventBus<ContractEvents> | Promise<EventBus<ContractEvents>>;

/** What every event bus promises, as tests: call it inside a test file of the implementation. */
export function runEventBusContract(makeBus: MakeContractBus): void {
  const withBus = (body: (bus: EventBus<ContractEvents>) => Promise<void>) => async (): Promise<void> => {
    const bus = await makeBus();
    try {
      await body(bus);
    } finally {
      await bus.close();
    }
  };
  describe('event bus contract', () => {
    publishing(withBus);
    subscribing(withBus);
    failing(withBus);
    waiting(withBus);
    remembering(withBus);
    refusing(withBus);
  });
}

type WithBus = (body: (bus: EventBus<ContractEvents>) => Promise<void>) => () => Promise<void>;

function publishing(withBus: WithBus): void {
  test(
    'a published event reaches a handler once, as it was published, under the id that publish gave',
    withBus(async (bus) => {
      const seen: NervEvent[] = [];
      bus.subscribe('order.placed', (event) => seen.push(event));
      const extra = {
        big: 12n,
        when: new Date(5),
        bytes: new Uint8Array([1, 2]),
        list: [null, -0, 'ü'],
      };
      const id = await bus.publish(
        'order.placed',
        { number: 1, extra },
        { source: 'shop', metadata: { trace: 'abc' } },
      );
      await fence(bus);
      expect(seen).toHaveLength(1);
      expect(seen[0]).toMatchObject({
        id,
        type: 'order.placed',
        kind: 'application',
        source: 'shop',
        pending: false,
      });
      expect(seen[0]?.data).toEqual({ number: 1, extra });
      expect(seen[0]?.metadata).toMatchObject({ trace: 'abc' });
      expect(Number.isFinite(seen[0]?.timestamp)).toBe(true);
    }),
  );

  test(
    'an event keeps the id and the time its publisher gave it',
    withBus(async (bus) => {
      const next = bus.waitFor('order.placed');
      const id = await bus.publish('order.placed', { number: 1 }, { id: 'git:repo:1', timestamp: 1_234_567_890_123 });
      expect(id).toBe('git:repo:1');
      expect(await next).toMatchObject({ id, timestamp: 1_234_567_890_123 });
    }),
  );

  test(
    'events of one publisher arrive in their order, each once',
    withBus(async (bus) => {
      const seen: number[] = [];
      bus.subscribe('order.placed', (event) => seen.push(event.data.number));
      for (let number = 0; number < 20; number += 1) await bus.publish('order.placed', { number });
      await fence(bus);
      expect(seen).toEqual(Array.from({ length: 20 }, (_, number) => number));
    }),
  );

  test(
    'emit is synchronous and this bus only',
    withBus(async (bus) => {
      const seen: string[] = [];
      bus.subscribe('order.*', (event) => seen.push(event.id));
      const id = bus.emit('order.placed', { number: 1 });
      expect(seen).toEqual([id]);
    }),
  );

  test(
    'publishAndWait waits for asynchronous handlers and tells what they threw',
    withBus(async (bus) => {
      const wrong = new Error('no stock');
      let finished = false;
      bus.subscribe('handler.error', () => undefined);
      bus.subscribe('order.placed', async () => {
        await Promise.resolve();
        await Promise.resolve();
        finished = true;
      });
      bus.subscribe('order.placed', () => Promise.reject(wrong));
      const report = await bus.publishAndWait('order.placed', { number: 1 });
      expect(finished).toBe(true);
      expect(report.handled).toBe(2);
      expect(report.errors).toEqual([wrong]);
    }),
  );
}

function subscribing(withBus: WithBus): void {
  test(
    'a star stands for one segment, two stars for any number, also none',
    withBus(async (bus) => {
      const one: string[] = [];
      const any: string[] = [];
      bus.subscribe('order.*', (event) => one.push(event.type));
      bus.subscribe('order.**', (event) => any.push(event.type));
      for (const type of ['order', 'order.placed', 'order.line.added'] as const) await bus.publish(type, { number: 1 });
      await fence(bus);
      expect(one).toEqual(['order.placed']);
      expect(any).toEqual(['order', 'order.placed', 'order.line.added']);
    }),
  );

  test(
    'filters and predicates choose among events',
    withBus(async (bus) => {
      const filtered: number[] = [];
      const predicated: string[] = [];
      bus.subscribe({ pattern: 'order.placed', filter: (event) => event.data.number > 1 }, (event) =>
        filtered.push(event.data.number),
      );
      bus.subscribe(
        (event) => event.type === 'order.shipped',
        (event) => predicated.push(event.type),
      );
      for (const number of [1, 2, 3]) await bus.publish('order.placed', { number });
      await bus.publish('order.shipped', { number: 4 });
      await fence(bus);
      expect(filtered).toEqual([2, 3]);
      expect(predicated).toEqual(['order.shipped']);
    }),
  );

  test(
    'once takes the first event alone',
    withBus(async (bus) => {
      const seen: number[] = [];
      const subscription = bus.once('order.placed', (event) => seen.push(event.data.number));
      for (const number of [1, 2]) await bus.publish('order.placed', { number });
      await fence(bus);
      expect(seen).toEqual([1]);
      expect(subscription.active).toBe(false);
    }),
  );

  test(
    'higher priority runs first, equal priority in the order of subscription',
    withBus(async (bus) => {
      const seen: string[] = [];
      bus.subscribe('order.placed', () => seen.push('first'));
      bus.subscribe({ pattern: '**', priority: -1 }, (event) => event.type !== 'fence' && seen.push('last'));
      bus.subscribe('order.*', () => seen.push('second'));
      bus.subscribe({ pattern: 'order.placed', priority: 5 }, () => seen.push('early'));
      await bus.publish('order.placed', { number: 1 });
      await fence(bus);
      expect(seen).toEqual(['early', 'first', 'second', 'last']);
    }),
  );

  test(
    'who unsubscribed gets nothing more',
    withBus(async (bus) => {
      const seen: number[] = [];
      const subscription = bus.subscribe('order.placed', (event) => seen.push(event.data.number));
      await bus.publish('order.placed', { number: 1 });
      await fence(bus);
      subscription.unsubscribe();
      subscription[Symbol.dispose]();
      await bus.publish('order.placed', { number: 2 });
      await fence(bus);
      expect(seen).toEqual([1]);
    }),
  );
}

function failing(withBus: WithBus): void {
  test(
    'a handler that throws or rejects harms no other and is reported as a system event',
    withBus(async (bus) => {
      const seen: number[] = [];
      const errors: unknown[] = [];
      const thrown = new Error('thrown');
      const rejected = new Error('rejected');
      bus.subscribe('handler.error', (event) => errors.push(event.data.error));
      bus.subscribe('order.placed', () => {
        throw thrown;
      });
      bus.subscribe('order.placed', () => Promise.reject(rejected));
      bus.subscribe('order.placed', (event) => seen.push(event.data.number));
      await bus.publish('order.placed', { number: 7 });
      await fence(bus);
      await vi.waitFor(() => expect(errors).toEqual([thrown, rejected]));
      expect(seen).toEqual([7]);
    }),
  );

  test(
    'patterns do not match system events unless asked for them',
    withBus(async (bus) => {
      const application: string[] = [];
      const system: string[] = [];
      bus.subscribe('**', (event) => application.push(event.type));
      bus.subscribe({ pattern: 'handler.*', kind: 'system' }, (event) => system.push(event.type));
      bus.subscribe('order.placed', () => {
        throw new Error('reported');
      });
      bus.emit('order.placed', { number: 1 });
      expect(application).toEqual(['order.placed']);
      expect(system).toEqual(['handler.error']);
    }),
  );
}

function waiting(withBus: WithBus): void {
  test(
    'waitFor gives the next event that fits',
    withBus(async (bus) => {
      const next = bus.waitFor({ pattern: 'order.*', filter: (event) => event.data.number === 2 });
      for (const number of [1, 2, 3]) await bus.publish('order.placed', { number });
      expect((await next).data.number).toBe(2);
    }),
  );

  test(
    'waitFor ends with the reason of its signal, at its timeout, and when the bus closes',
    withBus(async (bus) => {
      const controller = new AbortController();
      const aborted = expect(bus.waitFor('order.placed', { signal: controller.signal })).rejects.toThrow(
        'changed mind',
      );
      controller.abort(new Error('changed mind'));
      await aborted;
      await expect(bus.waitFor('order.placed', { timeoutMs: 1 })).rejects.toMatchObject({
        code: 'event/timeout',
      });
      const closed = expect(bus.waitFor('order.placed')).rejects.toMatchObject({
        code: 'event/closed',
      });
      await bus.close();
      await closed;
    }),
  );

  test(
    'a stream gives events in order until it is left',
    withBus(async (bus) => {
      const stream = bus.events('order.*');
      for (const number of [1, 2, 3]) await bus.publish('order.placed', { number });
      const seen: number[] = [];
      for await (const event of stream) {
        seen.push(event.data.number);
        if (seen.length === 3) break;
      }
      expect(seen).toEqual([1, 2, 3]);
      expect((await stream.next()).done).toBe(true);
    }),
  );

  test(
    'a full stream drops the oldest, drops the newest, or fails, as it was told',
    withBus(async (bus) => {
      const oldest = bus.events('order.*', { capacity: 2, overflow: 'drop-oldest' });
      const newest = bus.events('order.*', { capacity: 2, overflow: 'drop-newest' });
      const fail = bus.events('order.*', { capacity: 2, overflow: 'fail' });
      for (const number of [1, 2, 3]) bus.emit('order.placed', { number });
      expect([await numberOf(oldest), await numberOf(oldest), oldest.dropped]).toEqual([2, 3, 1]);
      expect([await numberOf(newest), await numberOf(newest), newest.dropped]).toEqual([1, 2, 1]);
      expect([await numberOf(fail), await numberOf(fail)]).toEqual([1, 2]);
      await expect(fail.next()).rejects.toMatchObject({ code: 'event/buffer-full' });
      expect((await fail.next()).done).toBe(true);
    }),
  );

  test(
    'a stream ends when its signal aborts and when the bus closes',
    withBus(async (bus) => {
      const controller = new AbortController();
      const aborted = bus.events('order.*', { signal: controller.signal });
      const left = aborted.next();
      controller.abort();
      expect((await left).done).toBe(true);
      const closed = bus.events('order.*');
      bus.emit('order.placed', { number: 1 });
      await bus.close();
      expect(await numberOf(closed)).toBe(1);
      expect((await closed.next()).done).toBe(true);
    }),
  );
}

function remembering(withBus: WithBus): void {
  test(
    'past events are found by pattern, source, time and order, whole or by page',
    withBus(async (bus) => {
      for (const number of [1, 2, 3, 4, 5]) {
        const source = number % 2 === 0 ? 'even' : 'odd';
        await bus.publish('order.placed', { number }, { source, timestamp: 1000 + number });
      }
      await bus.publish('order.shipped', { number: 6 }, { timestamp: 1006 });
      await fence(bus);
      const numbers = (events: readonly { readonly data: { readonly number: number } }[]): number[] =>
        events.map((event) => event.data.number);
      expect(numbers(await bus.query({ pattern: 'order.placed' }))).toEqual([1, 2, 3, 4, 5]);
      expect(numbers(await bus.query({ pattern: 'order.*', source: 'even' }))).toEqual([2, 4]);
      expect(numbers(await bus.query({ pattern: 'order.*', from: 1003, to: 1005 }))).toEqual([3, 4]);
      expect(numbers(await bus.query({ pattern: 'order.*', order: 'descending', limit: 2 }))).toEqual([6, 5]);
      const first = await bus.queryPage({ pattern: 'order.*', limit: 4 });
      expect(numbers(first.items)).toEqual([1, 2, 3, 4]);
      const second = await bus.queryPage({ pattern: 'order.*', limit: 4, cursor: first.next });
      expect(numbers(second.items)).toEqual([5, 6]);
      expect(second.next).toBeUndefined();
    }),
  );

  test(
    'replay hands past events to one handler, in order',
    withBus(async (bus) => {
      for (const number of [1, 2, 3]) await bus.publish('order.placed', { number });
      await fence(bus);
      const replayed: number[] = [];
      const live: number[] = [];
      bus.subscribe('order.placed', (event) => live.push(event.data.number));
      const count = await bus.replay({ pattern: 'order.placed' }, (event) => replayed.push(event.data.number));
      expect([count, replayed, live]).toEqual([3, [1, 2, 3], []]);
    }),
  );
}

function refusing(withBus: WithBus): void {
  test(
    'wrong types, patterns, ids and times are refused by code, and nothing is delivered',
    withBus(async (bus) => {
      const seen: string[] = [];
      bus.subscribe('**', (event) => seen.push(event.type));
      for (const type of ['', 'order..placed', 'order.*', ' order', 'handler.error']) {
        // The map knows no such types: that a caller without types may try is the point.
        const publish = async (): Promise<unknown> => await bus.publish(type as 'order', { number: 1 });
        await expect(publish()).rejects.toMatchObject({ code: 'event/invalid' });
      }
      for (const options of [{ id: '' }, { id: 'x'.repeat(129) }, { timestamp: Number.NaN }]) {
        const publish = async (): Promise<unknown> => await bus.publish('order', { number: 1 }, options);
        await expect(publish()).rejects.toMatchObject({ code: 'event/invalid' });
      }
      expect(() => bus.subscribe('order.', () => undefined)).toThrow(
        expect.objectContaining({ code: 'event/invalid-pattern' }),
      );
      expect(seen).toEqual([]);
    }),
  );

  test(
    'a closed bus refuses, and closing again is harmless',
    withBus(async (bus) => {
      await bus.close();
      await bus.close();
      expect(() => bus.emit('order', { number: 1 })).toThrow(expect.objectContaining({ code: 'event/closed' }));
      expect(() => bus.subscribe('order', () => undefined)).toThrow(expect.objectContaining({ code: 'event/closed' }));
      const publish = async (): Promise<unknown> => await bus.publish('order', { number: 1 });
      await expect(publish()).rejects.toMatchObject({ code: 'event/closed' });
    }),
  );
}

/** Publishes one more event and waits until it has come: whatever was published before has then come too. */
async function fence(bus: EventBus<ContractEvents>): Promise<void> {
  const came = bus.waitFor('fence');
  await bus.publish('fence', { number: 0 });
  await came;
}

async function numberOf(stream: AsyncIterator<{ readonly data: { readonly number: number } }>): Promise<number> {
  const result: IteratorResult<{ readonly data: { readonly number: number } }> = await stream.next();
  if (result.done === true) throw new Error('The stream ended early.');
  return result.value.data.number;
}
