import { makeWireTimestamp, type EventLogRow, type Op } from '@inner-universe/module/wire';
import type { NervEvent } from '@inner-universe/nerv';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ALL_EVENTS } from '../client/reads.ts';
import { createTestUniverse } from '../testing/create-test-universe.ts';
import type { TestUniverse } from '../testing/test-universe.ts';
import type { Universe } from '../universe.ts';
import type { Consumer } from './consumer.ts';
import type { ConsumerTransaction } from './consumer-transaction.ts';
import type { ConsumerOptions } from './definition.ts';
import type { ConsumerHandler } from './event-handling.ts';

let testUniverse: TestUniverse;
let universe: Universe;
const runs: Promise<void>[] = [];
const holding: { release(): void }[] = [];

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  ({ universe } = testUniverse);
});
afterEach(async () => {
  const closed = testUniverse.close();
  // Closing waits for handlers.
  for (const held of holding.splice(0)) held.release();
  await closed;
  await Promise.all(runs.splice(0));
});

const CONSUME = [
  { action: 'consume', resource: 'event:order.**' },
  { action: 'read', resource: 'event:order.**' },
] as const;

/** A worker that runs; how its run ends is the test's to await where it matters. */
async function start(
  handler: ConsumerHandler,
  options: ConsumerOptions & { readonly on?: Universe; readonly name?: string } = {},
): Promise<Consumer> {
  const { on = universe, name = 'mail', ...rest } = options;
  const consumer = await on.consumers.open(name, { startAt: 'beginning', pattern: 'order.**', ...rest });
  runs.push(consumer.run(handler));
  return consumer;
}

const place = (...numbers: readonly number[]): Promise<unknown> =>
  Promise.all(numbers.map((number) => universe.events.publish('order.placed', number, { id: `order-${number}` })));
const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
const dataOf = async (pattern: string): Promise<unknown[]> =>
  (await universe.events.query({ pattern })).map(({ data }) => data);
const codes = (): unknown[] => testUniverse.takeErrors().map((error) => (error as { code: unknown }).code);

/** A handler that keeps every event until the test lets it go. */
class Held {
  readonly seen: unknown[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #gates: (() => void)[] = [];
  constructor() {
    holding.push(this);
  }
  readonly handle = async (event: NervEvent, transaction: ConsumerTransaction): Promise<void> => {
    this.seen.push(event.data);
    this.signals.push(transaction.signal);
    transaction.publish('mail.sent', event.data);
    await new Promise<void>((resolve) => this.#gates.push(resolve));
  };
  release(): void {
    for (const gate of this.#gates.splice(0)) gate();
  }
}

test('a handler is given the events of its pattern in order, each once, those from before it as well', async () => {
  await place(1);
  const seen: unknown[] = [];
  await start((event) => void seen.push([event.type, event.data, event.kind]));
  await place(2);
  await universe.events.publish('other', 3);
  await universe.events.publish('order.paid', 4);
  await testUniverse.settle();
  expect(seen).toEqual([
    ['order.placed', 1, 'application'],
    ['order.placed', 2, 'application'],
    ['order.paid', 4, 'application'],
  ]);
});

test('an option that is mistyped is refused, and nothing is made', async () => {
  await expect(universe.consumers.open('slip', { patern: 'order.*' } as object)).rejects.toMatchObject({
    code: 'config/invalid',
    message: expect.stringContaining("'patern'"),
  });
  expect(await universe.consumers.list()).toEqual([]);
});

test('a handler that is no function is refused before a partition is claimed', async () => {
  const consumer = await universe.consumers.open('mail');
  await expect(consumer.run(undefined as unknown as ConsumerHandler)).rejects.toMatchObject({ code: 'event/invalid' });
  expect((await consumer.status()).workers).toEqual([]);
});

test('a consumer goes on where it stopped, whoever runs it', async () => {
  const seen: unknown[] = [];
  const consumer = await start((event) => void seen.push(event.data));
  await place(1, 2);
  await testUniverse.settle();
  await consumer.close();
  await place(3);
  await start((event) => void seen.push(event.data));
  await testUniverse.settle();
  expect(seen).toEqual([1, 2, 3]);
});

test('a new consumer begins with what comes from now on, at a seq, or at a time', async () => {
  await place(1);
  await testUniverse.advance(60_000);
  const time = new Date(Number(testUniverse.clock.nowMicros() / 1000n));
  await testUniverse.advance(1_000);
  await place(2, 3);
  const third = (await universe.events.query({ pattern: 'order.**' }))[2]?.seq ?? 0;
  const seen: Record<string, unknown[]> = { now: [], seq: [], time: [] };
  await start((event) => void seen['now']?.push(event.data), { name: 'now', startAt: 'now' });
  await start((event) => void seen['seq']?.push(event.data), { name: 'seq', startAt: third });
  await start((event) => void seen['time']?.push(event.data), { name: 'time', startAt: time });
  await place(4);
  await testUniverse.settle();
  expect(seen).toEqual({ now: [4], seq: [3, 4], time: [2, 3, 4] });
  await expect(universe.consumers.open('x', { startAt: -1 })).rejects.toMatchObject({ code: 'config/invalid' });
});

test('events, graph and state of a handler are written with the advance past its event', async () => {
  const store = await universe.states.open('totals', { sum: 0 });
  await start(async (event, transaction) => {
    transaction.graph.upsertEntity('order', { id: event.id, properties: { number: event.data as number } });
    const id = transaction.publish('mail.sent', { to: event.id }, { partitionKey: 'post' });
    await transaction.commit<{ sum: number }>('totals', (draft) => void (draft.sum += event.data as number));
    const op: Op = { tag: 'setConfiguration', value: { key: 'guests', value: 'true' } };
    transaction.write([op]);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });
  await place(1, 2, 3);
  await testUniverse.settle();
  expect(store.state).toEqual({ sum: 6 });
  expect(await dataOf('mail.sent')).toEqual([{ to: 'order-1' }, { to: 'order-2' }, { to: 'order-3' }]);
  expect((await universe.graph.query({ type: 'order' })).map(({ properties }) => properties)).toEqual([
    { number: 1 },
    { number: 2 },
    { number: 3 },
  ]);
  const rows = await testUniverse.host.sql(`SELECT request_id FROM request`);
  expect(rows.length).toBeGreaterThan(3);
  expect(await store.verify()).toMatchObject({ ok: true });
});

test('of a handler that throws nothing is written; it is tried again, then parked with its reason, and the next event comes', async () => {
  const attempts: number[] = [];
  const seen: unknown[] = [];
  const consumer = await start(
    (event, transaction) => {
      transaction.publish('mail.sent', event.data);
      if (event.data === 2) {
        attempts.push(transaction.attempt);
        throw new Error('no such address: postgres://me:hush@db/x?password=hush2 token=hush3');
      }
      seen.push(event.data);
    },
    { retry: { attempts: 3, delayMsMin: 1_000 } },
  );
  await place(1, 2, 3);
  await testUniverse.settle();
  expect([attempts, seen]).toEqual([[1], [1]]);
  await testUniverse.advance(10_000);
  expect([attempts, seen]).toEqual([
    [1, 2, 3],
    [1, 3],
  ]);
  expect(await dataOf('mail.sent')).toEqual([1, 3]);
  const [letter] = await consumer.deadLetters.list();
  expect(letter).toMatchObject({ eventId: 'order-2', attempts: 3, partition: 0, state: 'parked' });
  expect(letter?.reason).toContain('Error: no such address');
  expect(letter?.reason).not.toContain('hush');
  expect(codes()).toEqual(['consumer/event-failed']);
});

test('a letter is handled again when asked for, and goes with what its handler does', async () => {
  let isBroken = true;
  const seen: unknown[] = [];
  const consumer = await start(
    (event, transaction) => {
      transaction.publish('mail.sent', event.data);
      if (isBroken && event.data !== 3) throw new Error('down');
      seen.push(event.data);
    },
    { retry: { attempts: 1 } },
  );
  await place(1, 2, 3);
  await testUniverse.settle();
  expect((await consumer.deadLetters.list()).map(({ eventId }) => eventId)).toEqual(['order-1', 'order-2']);
  await consumer.deadLetters.retry('order-1');
  await testUniverse.settle();
  expect((await consumer.deadLetters.list()).map(({ eventId, attempts }) => [eventId, attempts])).toEqual([
    ['order-1', 1],
    ['order-2', 1],
  ]);
  isBroken = false;
  await consumer.deadLetters.discard('order-2');
  expect(await universe.consumers.deadLetters('mail').retryAll()).toBe(1);
  await testUniverse.settle();
  expect(await consumer.deadLetters.list()).toEqual([]);
  expect([seen, await dataOf('mail.sent')]).toEqual([
    [3, 1],
    [3, 1],
  ]);
  await expect(consumer.deadLetters.retry('order-2')).rejects.toMatchObject({ code: 'consumer/not-found' });
  expect(codes()).toEqual(Array.from({ length: 3 }, () => 'consumer/event-failed'));
});

test('with the policy stop a partition stands at the event until somebody decides, also for another worker', async () => {
  let isBroken = true;
  const seen: unknown[] = [];
  const handler: ConsumerHandler = (event, transaction) => {
    if (isBroken && (event.data === 2 || event.data === 4)) throw new Error('down');
    seen.push(event.data);
    transaction.publish('mail.sent', event.data);
  };
  const options: ConsumerOptions = { failurePolicy: 'stop', retry: { attempts: 1 }, leaseMs: 1_000 };
  const first = await start(handler, options);
  await place(1, 2, 3, 4, 5);
  await testUniverse.settle();
  expect(seen).toEqual([1]);
  expect((await first.status()).partitionStates).toMatchObject([
    { stopped: { eventId: 'order-2', reason: 'Error: down' } },
  ]);
  await first.close();
  const ada = await testUniverse.as('ada', [...CONSUME, { action: 'write', resource: 'scope:main' }]);
  await start(handler, { ...options, on: ada });
  await testUniverse.advance(5_000);
  expect(seen).toEqual([1]);
  isBroken = false;
  await universe.consumers.deadLetters('mail').retry('order-2');
  isBroken = true;
  await testUniverse.advance(5_000);
  expect(seen).toEqual([1]);
  isBroken = false;
  await universe.consumers.deadLetters('mail').retry('order-2');
  await testUniverse.advance(5_000);
  expect(seen).toEqual([1, 2, 3, 4, 5]);
  expect(await universe.consumers.deadLetters('mail').list()).toEqual([]);
  expect(await dataOf('mail.sent')).toEqual([1, 2, 3, 4, 5]);
  expect(codes().every((code) => code === 'consumer/event-failed')).toBe(true);
});

test('discarding the letter of the event at which a partition stands passes that event', async () => {
  const seen: unknown[] = [];
  const consumer = await start(
    (event) => {
      if (event.data === 2) throw new Error('down');
      seen.push(event.data);
    },
    { failurePolicy: 'stop', retry: { attempts: 2, delayMsMin: 0 } },
  );
  await place(1, 2, 3);
  await testUniverse.advance(1_000);
  expect(seen).toEqual([1]);
  await consumer.deadLetters.discard('order-2');
  await testUniverse.advance(30_000);
  expect(seen).toEqual([1, 3]);
  expect(codes()).toEqual(['consumer/event-failed']);
});

test('workers share the partitions evenly, whoever comes and goes, and the order holds per key', async () => {
  const seen: { worker: string; key: string; number: number }[] = [];
  const handlerOf =
    (worker: string): ConsumerHandler =>
    (event) => {
      seen.push({ worker, key: event.source ?? '', number: event.data as number });
    };
  const publish = (from: number, to: number): Promise<unknown> =>
    Promise.all(
      numbers(from, to).map((number) =>
        universe.events.publish('order.placed', number, { source: `shop-${number % 7}` }),
      ),
    );
  const ada = await testUniverse.as('ada', CONSUME);
  const bob = await testUniverse.as('bob', CONSUME);
  const one = await start(handlerOf('one'), { partitions: 5 });
  await publish(1, 50);
  await testUniverse.settle();
  expect(one.held).toHaveLength(5);
  await testUniverse.advance(1);
  const two = await start(handlerOf('two'), { on: ada, partitions: 5 });
  await testUniverse.advance(1);
  const three = await start(handlerOf('three'), { on: bob });
  await testUniverse.advance(30_000);
  expect([one.held.length, two.held.length, three.held.length]).toEqual([2, 2, 1]);
  await publish(51, 100);
  await testUniverse.advance(1_000);
  await one.close();
  await testUniverse.advance(30_000);
  expect([two.held.length, three.held.length]).toEqual([3, 2]);
  await publish(101, 150);
  await testUniverse.settle();
  expect(seen.map(({ number }) => number).sort((a, b) => a - b)).toEqual(numbers(1, 150));
  for (const key of new Set(seen.map((entry) => entry.key))) {
    const own = seen.filter((entry) => entry.key === key).map(({ number }) => number);
    expect(own).toEqual([...own].sort((a, b) => a - b));
  }
  expect(new Set(seen.slice(50, 100).map(({ worker }) => worker)).size).toBe(3);
  expect((await universe.consumers.status('mail')).workers).toEqual([two.holder, three.holder]);
});

test('a standby takes over at once when the holder is gone, and when its lease has ended', async () => {
  const ada = await testUniverse.as('ada', CONSUME);
  const seen: string[] = [];
  const one = await start((event) => void seen.push(`one ${String(event.data)}`), { on: ada, leaseMs: 9_000 });
  await testUniverse.advance(1);
  await start((event) => void seen.push(`two ${String(event.data)}`), { leaseMs: 9_000 });
  await place(1);
  await testUniverse.advance(100);
  expect([seen, one.held]).toEqual([['one 1'], [0]]);
  testUniverse.networkOf(ada).cut();
  await testUniverse.settle();
  await place(2);
  await testUniverse.settle();
  expect(seen).toEqual(['one 1', 'two 2']);
});

test('a worker that was frozen past its lease cannot write, is told by the signal, and claims anew', async () => {
  const ada = await testUniverse.as('ada', [...CONSUME, { action: 'write', resource: 'scope:main' }]);
  const held = new Held();
  const one = await start(held.handle, { on: ada, leaseMs: 9_000 });
  await place(1);
  await testUniverse.settle();
  expect(held.seen).toEqual([1]);
  const network = testUniverse.networkOf(ada);
  network.freeze();
  const seen: unknown[] = [];
  const two = await start(
    (event, transaction) => {
      seen.push(event.data);
      transaction.publish('mail.sent', `two ${String(event.data)}`);
    },
    { leaseMs: 9_000 },
  );
  await testUniverse.advance(8_000);
  expect(seen).toEqual([]);
  await testUniverse.advance(6_000);
  expect(seen).toEqual([1]);
  expect(held.signals[0]?.aborted).toBe(false);
  held.release();
  await testUniverse.settle();
  network.thaw();
  await testUniverse.advance(9_000);
  expect(held.signals[0]?.aborted).toBe(true);
  expect(await dataOf('mail.sent')).toEqual(['two 1']);
  await two.close();
  await place(2);
  await testUniverse.advance(9_000);
  expect(one.held).toEqual([0]);
  expect(held.seen).toEqual([1, 2]);
  held.release();
  await testUniverse.settle();
  expect(await dataOf('mail.sent')).toEqual(['two 1', 2]);
});

test('a handler that takes longer than a lease keeps its partition', async () => {
  const held = new Held();
  await start(held.handle, { leaseMs: 9_000 });
  const ada = await testUniverse.as('ada', CONSUME);
  const seen: unknown[] = [];
  await start((event) => void seen.push(event.data), { on: ada, leaseMs: 9_000 });
  await place(1);
  await testUniverse.advance(60_000);
  held.release();
  await testUniverse.settle();
  expect([held.seen, seen, await dataOf('mail.sent')]).toEqual([[1], [], [1]]);
});

test('a connection that is lost and comes back while a handler runs costs nothing: it is not run again', async () => {
  const held = new Held();
  await start(held.handle, { leaseMs: 9_000 });
  await place(1);
  await testUniverse.settle();
  testUniverse.network.drop();
  await testUniverse.settle();
  expect((await universe.consumers.status('mail')).partitionStates[0]?.epoch).toBeGreaterThan(1);
  held.release();
  await testUniverse.settle();
  expect(held.signals[0]?.aborted).toBe(false);
  expect([held.seen, await dataOf('mail.sent')]).toEqual([[1], [1]]);
  testUniverse.network.drop();
  await place(2);
  await testUniverse.settle();
  held.release();
  await testUniverse.settle();
  expect([held.seen, await dataOf('mail.sent')]).toEqual([
    [1, 2],
    [1, 2],
  ]);
});

test.each(['before', 'after'] as const)(
  'a host that dies %s it has stored what a handler did leaves it done once',
  async (when) => {
    const held = new Held();
    await start(held.handle, { leaseMs: 9_000 });
    await place(1);
    await testUniverse.settle();
    const crashed = testUniverse.crashAt({ commit: 1, when });
    held.release();
    await crashed;
    await testUniverse.restart();
    await testUniverse.advance(9_000);
    held.release();
    await testUniverse.advance(9_000);
    expect([held.seen, await dataOf('mail.sent')]).toEqual([[1], [1]]);
    expect((await universe.consumers.status('mail')).partitionStates[0]?.lag).toBeLessThan(3);
  },
);

test('an outage parks nothing: what a handler cannot read then it reads later', async () => {
  const seen: unknown[] = [];
  const consumer = await start(
    async (event) => {
      await universe.client.getSystemStatus();
      seen.push(event.data);
    },
    { retry: { attempts: 1 }, leaseMs: 9_000 },
  );
  await testUniverse.settle();
  await place(1);
  testUniverse.crash();
  await testUniverse.advance(100_000);
  await testUniverse.restart();
  await testUniverse.advance(100_000);
  expect(seen).toEqual([1]);
  expect(await consumer.deadLetters.list()).toEqual([]);
});

test('with batchMax events share a transaction, and one that is refused fails alone', async () => {
  const epochs: number[] = [];
  const consumer = await start(
    (event, transaction) => {
      epochs.push(transaction.attempt);
      transaction.publish('mail.sent', event.data, event.data === 7 ? { id: 'order-1' } : {});
    },
    { batchMax: 100, retry: { attempts: 2, delayMsMin: 0 } },
  );
  await testUniverse.settle();
  const requests = async (): Promise<number> => (await testUniverse.host.sql('SELECT request_id FROM request')).length;
  const before = await requests();
  await place(...numbers(1, 50));
  await testUniverse.advance(1_000);
  expect((await dataOf('mail.sent')).length).toBe(49);
  expect((await consumer.deadLetters.list()).map(({ eventId, reason }) => [eventId, reason.slice(0, 14)])).toEqual([
    ['order-7', 'event/id-taken'],
  ]);
  const alone = await requests();
  await place(...numbers(51, 150));
  await testUniverse.advance(1_000);
  expect((await dataOf('mail.sent')).length).toBe(149);
  expect((await requests()) - alone).toBeLessThan(20);
  expect(alone - before).toBeGreaterThan(50);
  expect(codes()).toEqual(['consumer/event-failed']);
});

test('events whose effects do not fit together go one after the other, and one that fits into no transaction is parked', async () => {
  const write = (count: number, bytes: number, transaction: ConsumerTransaction): void => {
    for (let index = 0; index < count; index += 1) transaction.publish('mail.sent', 'x'.repeat(bytes));
  };
  const consumer = await start(
    (event, transaction) => write(event.data as number, event.data === 9 ? 120_000 : 10, transaction),
    { batchMax: 10 },
  );
  await place(600, 500, 9, 1_001, 999);
  await testUniverse.advance(5_000);
  expect((await universe.events.query({ pattern: 'mail.sent' })).length).toBe(600 + 500 + 999);
  expect((await consumer.deadLetters.list()).map(({ eventId, attempts }) => [eventId, attempts])).toEqual([
    ['order-9', 1],
    ['order-1001', 1],
  ]);
  expect(codes()).toEqual(['consumer/event-failed', 'consumer/event-failed']);
});

test('large values of handlers are uploaded, and come whole', async () => {
  const large = 'y'.repeat(1_500_000);
  await start((event, transaction) => void transaction.publish('mail.sent', `${large}${String(event.data)}`));
  await place(1);
  await testUniverse.settle();
  expect(await dataOf('mail.sent')).toEqual([`${large}1`]);
});

test('commits of one handler, and of a batch, build on each other; a lost race runs the handler again', async () => {
  const store = await universe.states.open('list', { items: [] as unknown[] });
  let races = 2;
  const calls: unknown[] = [];
  await start(
    async (event, transaction) => {
      calls.push(event.data);
      const add = (item: unknown): Promise<string> =>
        transaction.commit<{ items: unknown[] }>('list', (draft) => void draft.items.push(item), {
          description: 'add',
        });
      await add(event.data);
      void add(`${String(event.data)}!`);
      if (event.data === 3 && races > 0) {
        races -= 1;
        await store.commit((draft) => void draft.items.push(`other ${races}`));
      }
    },
    { batchMax: 10, retry: { attempts: 1 } },
  );
  await place(1, 2, 3);
  await testUniverse.advance(1_000);
  const { items } = store.state;
  expect(items.filter((item) => !String(item).startsWith('other'))).toEqual([1, '1!', 2, '2!', 3, '3!']);
  expect(items.filter((item) => String(item).startsWith('other'))).toHaveLength(2);
  expect(await store.verify()).toMatchObject({ ok: true });
  expect(calls.length).toBeGreaterThan(3);
});

test('a commit that fails fails its handler, awaited or not', async () => {
  const consumer = await start(
    (event, transaction) => {
      transaction.publish('mail.sent', event.data);
      void transaction.commit('nothing', {}).catch(() => undefined);
    },
    { retry: { attempts: 1 } },
  );
  await place(1);
  await testUniverse.settle();
  expect((await consumer.deadLetters.list()).map(({ reason }) => reason)).toEqual([
    expect.stringContaining('state/branch-not-found'),
  ]);
  expect(await dataOf('mail.sent')).toEqual([]);
  testUniverse.takeErrors();
});

test('a transaction is over when its handler is', async () => {
  let kept: ConsumerTransaction | undefined;
  await start((_event, transaction) => void (kept = transaction));
  await place(1);
  await testUniverse.settle();
  const over = expect.objectContaining({ code: 'consumer/transaction-ended' });
  expect(() => kept?.publish('x')).toThrow(over);
  expect(() => kept?.graph.createEntity('x')).toThrow(over);
  expect(() => kept?.commit('x', {})).toThrow(over);
  expect(() => kept?.write([])).toThrow(over);
});

test('a loop has handled an event when it asks for the next, and not when it is left', async () => {
  const consumer = await universe.consumers.open('mail', { pattern: 'order.**', startAt: 'beginning', partitions: 1 });
  await place(1, 2, 3, 4);
  const seen: unknown[] = [];
  for await (const { event, transaction } of consumer) {
    seen.push(event.data);
    transaction.publish('mail.sent', event.data);
    if (event.data === 3) break;
  }
  expect(seen).toEqual([1, 2, 3]);
  expect(await dataOf('mail.sent')).toEqual([1, 2]);
  const loop = consumer[Symbol.asyncIterator]();
  const third = await loop.next();
  expect(third.value?.event.data).toBe(3);
  await expect(consumer.run(() => undefined)).rejects.toMatchObject({ code: 'consumer/running' });
  const fourth = await loop.next();
  expect(fourth.value?.event.data).toBe(4);
  await expect(loop.throw(new Error('mine'))).rejects.toThrow('mine');
  expect((await consumer.status()).partitionStates[0]?.holder).toBeUndefined();
});

test('what a loop fails on is tried again and parked, and the loop goes on', async () => {
  const consumer = await universe.consumers.open('mail', {
    startAt: 'beginning',
    pattern: 'order.**',
    retry: { attempts: 2, delayMsMin: 0 },
  });
  await place(1, 2);
  const seen: unknown[] = [];
  for await (const delivery of consumer) {
    seen.push(delivery.event.data);
    if (delivery.event.data === 2) break;
    delivery.fail(new Error('bad'));
  }
  expect(seen).toEqual([1, 1, 2]);
  expect((await consumer.deadLetters.list()).map(({ attempts }) => attempts)).toEqual([2]);
  testUniverse.takeErrors();
});

test('closing lets the handler finish, stores what it did, and gives the partitions back', async () => {
  const held = new Held();
  const consumer = await start(held.handle, { partitions: 2 });
  await place(1, 2);
  await testUniverse.settle();
  const closed = consumer.close();
  await testUniverse.settle();
  held.release();
  await closed;
  expect(await dataOf('mail.sent')).toEqual([1]);
  expect(held.seen).toEqual([1]);
  const { partitionStates, workers } = await universe.consumers.status('mail');
  expect(partitionStates.map(({ holder }) => holder)).toEqual([undefined, undefined]);
  expect(workers).toEqual([]);
  await expect(consumer.run(() => undefined)).rejects.toMatchObject({ code: 'consumer/closed' });
});

test('a run ends with its signal', async () => {
  const stopping = new AbortController();
  const consumer = await universe.consumers.open('mail', { pattern: 'order.**' });
  const running = consumer.run(() => undefined, { signal: stopping.signal });
  await testUniverse.settle();
  expect(consumer.held).toEqual([0]);
  stopping.abort();
  await running;
  expect(consumer.held).toEqual([]);
  await consumer.run(() => undefined, { signal: stopping.signal });
});

test('seeking has events handled again or leaves them out, and shuts out what was being done', async () => {
  const held = new Held();
  const consumer = await start(held.handle);
  await place(1);
  await testUniverse.settle();
  held.release();
  await place(2);
  await testUniverse.settle();
  expect(held.seen).toEqual([1, 2]);
  await consumer.seek('beginning');
  await testUniverse.settle();
  held.release();
  await testUniverse.settle();
  expect(held.signals[1]?.aborted).toBe(true);
  expect(held.seen).toEqual([1, 2, 1]);
  held.release();
  await testUniverse.settle();
  held.release();
  await testUniverse.settle();
  expect([held.seen, await dataOf('mail.sent')]).toEqual([
    [1, 2, 1, 2],
    [1, 1, 2],
  ]);
  await place(3, 4);
  await testUniverse.settle();
  const fourth = (await universe.events.query({ pattern: 'order.**' }))[3]?.seq ?? 0;
  await universe.consumers.seek('mail', fourth);
  await testUniverse.settle();
  held.release();
  await testUniverse.settle();
  expect(held.seen.slice(4)).toEqual([3, 4]);
  held.release();
  await testUniverse.settle();
  expect(await dataOf('mail.sent')).toEqual([1, 1, 2, 4]);
});

test('opening again gives another worker of the same consumer, and refuses other parameters by name', async () => {
  await universe.consumers.open('mail', { pattern: 'order.**', partitions: 2, holdsTrim: true, failurePolicy: 'stop' });
  const again = await universe.consumers.open('mail');
  expect(again.definition).toEqual({
    name: 'mail',
    scope: 'main',
    pattern: 'order.**',
    partitions: 2,
    holdsTrim: true,
    failurePolicy: 'stop',
  });
  for (const [field, asked] of Object.entries({ pattern: 'x', partitions: 3, scope: 'y', holdsTrim: false })) {
    await expect(universe.consumers.open('mail', { [field]: asked })).rejects.toMatchObject({
      code: 'consumer/mismatch',
      details: { field, asked },
    });
  }
  const opened = await Promise.all(Array.from({ length: 5 }, () => universe.consumers.open('race')));
  expect(new Set(opened.map(({ holder }) => holder)).size).toBe(5);
  expect((await universe.consumers.list()).map(({ name }) => name)).toEqual(['mail', 'race']);
  await universe.consumers.delete('race');
  await expect(universe.consumers.status('race')).rejects.toMatchObject({ code: 'consumer/not-found' });
});

test.each([
  [{ partitions: 0 }],
  [{ partitions: 257 }],
  [{ leaseMs: 10 }],
  [{ leaseMs: 3_600_001 }],
  [{ batchMax: 0 }],
  [{ concurrency: 0 }],
  [{ retry: { attempts: 0 } }],
  [{ retry: { jitter: 2 } }],
  [{ failurePolicy: 'panic' as 'park' }],
  [{ startAt: new Date(Number.NaN) }],
])('wrong options are refused: %j', async (options) => {
  await expect(universe.consumers.open('mail', options)).rejects.toMatchObject({ code: 'config/invalid' });
});

test('a consumer that is deleted ends its runs', async () => {
  const consumer = await universe.consumers.open('mail', { pattern: 'order.**' });
  const running = consumer.run(() => undefined);
  const ended = expect(running).rejects.toMatchObject({ code: 'consumer/not-found' });
  await testUniverse.settle();
  await universe.consumers.delete('mail');
  await testUniverse.advance(20_000);
  await ended;
});

test('who may consume a pattern does, and nothing else', async () => {
  const ada = await testUniverse.as('ada', [...CONSUME, { action: 'publish', resource: 'event:mail.*' }]);
  await expect(ada.consumers.open('all', { pattern: '**' })).rejects.toMatchObject({ code: 'permission/denied' });
  const seen: unknown[] = [];
  const consumer = await start(
    (event, transaction) => {
      seen.push(event.data);
      transaction.publish(event.data === 2 ? 'order.fake' : 'mail.sent', event.data);
    },
    { on: ada, retry: { attempts: 1 }, leaseMs: 9_000 },
  );
  await place(1, 2, 3);
  await testUniverse.advance(1_000);
  expect(seen).toEqual([1, 2, 3]);
  expect(await dataOf('mail.sent')).toEqual([1, 3]);
  expect((await consumer.deadLetters.list()).map(({ eventId }) => eventId)).toEqual(['order-2']);
  await consumer.deadLetters.retry('order-2');
  await testUniverse.advance(9_000);
  expect(seen).toEqual([1, 2, 3, 2]);
  await testUniverse.grant('bob', [{ action: 'consume', resource: 'event:other' }]);
  const bob = await testUniverse.as('bob');
  await expect(bob.consumers.status('mail')).rejects.toMatchObject({ code: 'consumer/not-found' });
  await expect(bob.consumers.open('mail', { pattern: 'order.**' })).rejects.toMatchObject({
    code: 'permission/denied',
  });
  await testUniverse.revoke('ada', [CONSUME[0]]);
  const ended = expect(runs.pop()).rejects.toMatchObject({ code: /permission\/denied|consumer\/not-found/ });
  await place(4);
  await testUniverse.advance(9_000);
  await ended.catch(() => undefined);
  testUniverse.takeErrors();
});

test('records of the module come only when asked for', async () => {
  const seen: Record<string, string[]> = { all: [], system: [] };
  await start((event) => void seen['all']?.push(event.type), { name: 'all', kind: 'all', pattern: '**' });
  await start((event) => void seen['system']?.push(event.type), {
    name: 'system',
    kind: 'system',
    pattern: 'ENTITY_CREATED',
  });
  await universe.graph.createEntity('person', { id: 'ada' });
  await place(1);
  await testUniverse.settle();
  expect(seen['system']).toEqual(['ENTITY_CREATED']);
  expect(seen['all']).toEqual(expect.arrayContaining(['ENTITY_CREATED', 'order.placed']));
});

test('a slow handler holds up neither memory nor other partitions', async () => {
  const keys = ['a', 'b'];
  const held = new Held();
  const seen: unknown[] = [];
  const consumer = await start(
    (event, transaction) => (event.source === 'a' ? held.handle(event, transaction) : void seen.push(event.data)),
    { partitions: 2, batchMax: 50 },
  );
  await Promise.all(
    numbers(1, 6_000).map((number) =>
      universe.events.publish('order.placed', number, { source: keys[number % 2] === 'a' ? 'a' : 'b' }),
    ),
  );
  await testUniverse.settle();
  expect(held.seen).toEqual([2]);
  expect(seen).toEqual(numbers(1, 6_000).filter((number) => number % 2 === 1));
  expect(await consumer.lag()).toBe(3_000);
  for (let round = 0; held.seen.length < 3_000; round += 1) {
    expect(round).toBeLessThan(10_000);
    held.release();
    await new Promise((resolve) => setImmediate(resolve));
  }
  held.release();
  await testUniverse.settle();
  expect(held.seen).toEqual(numbers(1, 6_000).filter((number) => number % 2 === 0));
  expect((await universe.events.query({ pattern: 'mail.sent' })).length).toBe(3_000);
}, 60_000);

test('lag is what is not handled yet, and nothing once all is, whatever else is in the log', async () => {
  const held = new Held();
  const consumer = await start(held.handle, { leaseMs: 9_000 });
  await testUniverse.settle();
  expect(await consumer.lag()).toBe(0);
  await place(1);
  await testUniverse.settle();
  expect(await consumer.lag()).toBe(1);
  held.release();
  await testUniverse.settle();
  expect(await consumer.lag()).toBe(0);
  await Promise.all(numbers(1, 20).map(() => universe.events.publish('other', {})));
  await testUniverse.settle();
  expect(await consumer.lag()).toBe(0);
  expect((await consumer.status()).lag).toBe(0);
});

async function trim(): Promise<{ trimmedSeq: bigint; rows: readonly EventLogRow[] }> {
  const page = await universe.client.read('readEvents', ALL_EVENTS);
  const upToSeq = page.events.find(({ eventId }) => eventId === 'order-3')?.seq ?? 0n;
  await universe.client.write([{ tag: 'trimEvents', value: { upToSeq, segmentDigest: 'digest' } }]);
  return { trimmedSeq: upToSeq, rows: page.events };
}

test('trimmed events end a run with the trim point, unless they are to be left out or an archive has them', async () => {
  for (const name of ['error', 'skip', 'archive'])
    await universe.consumers.open(name, { pattern: 'order.**', startAt: 'beginning' });
  await place(1, 2, 3, 4);
  const { trimmedSeq, rows } = await trim();
  const failing = await universe.consumers.open('error');
  await expect(failing.run(() => undefined)).rejects.toMatchObject({
    code: 'event/trimmed',
    details: { trimmedSeq: trimmedSeq.toString() },
  });
  const seen: Record<string, unknown[]> = { skip: [], archive: [] };
  await start((event) => void seen['skip']?.push(event.data), { name: 'skip', onTrimmed: 'skip' });
  const archive = {
    rows: async function* (afterSeq: bigint) {
      yield* rows.filter(({ seq }) => seq > afterSeq && seq <= trimmedSeq);
    },
  };
  await start((event) => void seen['archive']?.push(event.data), { name: 'archive', onTrimmed: { archive } });
  await testUniverse.settle();
  expect(seen).toEqual({ skip: [4], archive: [1, 2, 3, 4] });
  expect(codes()).toEqual(['page/gap']);
  const lacking = { rows: async function* () {} };
  const broken = await universe.consumers.open('error', { onTrimmed: { archive: lacking } });
  await expect(broken.run(() => undefined)).rejects.toMatchObject({ code: 'event/trimmed' });
});

test('a consumer that holds the log is not overtaken by trimming', async () => {
  const held = new Held();
  await start(held.handle, { holdsTrim: true });
  await place(1, 2, 3);
  await testUniverse.settle();
  await expect(trim()).rejects.toMatchObject({ code: 'consumer/holds' });
  for (let count = 0; count < 3; count += 1) {
    held.release();
    await testUniverse.settle();
  }
  await trim();
  expect(makeWireTimestamp(1n)).toBeDefined();
});

test('the holder carries the label it was given, and no two are the same', async () => {
  const one = await universe.consumers.open('mail', { holder: 'worker'.repeat(20) });
  const two = await universe.consumers.open('mail', { holder: 'worker'.repeat(20) });
  expect(one.holder).not.toBe(two.holder);
  expect(one.holder.startsWith('workerworker')).toBe(true);
  expect(one.holder.length).toBeLessThanOrEqual(128);
});

test('a worker that was away while others went on, and the log was trimmed behind them, takes part again', async () => {
  const ada = await testUniverse.as('ada', [...CONSUME, { action: 'write', resource: 'scope:main' }]);
  const seen: unknown[] = [];
  const one = await ada.consumers.open('mail', { startAt: 'beginning', pattern: 'order.**' });
  const ended: unknown[] = [];
  const running = one.run((event) => void seen.push(event.data)).catch((error: unknown) => ended.push(error));
  await place(0);
  await testUniverse.settle();
  const network = testUniverse.networkOf(ada);
  network.cut();
  const two = await start(() => undefined);
  await place(1, 2, 3);
  await testUniverse.advance(40_000);
  expect(await two.lag()).toBe(0);
  await trim();
  // It is told of the next event, and reads on from where it was, before it knows that the partition is another's.
  network.delay(500);
  network.restore();
  for (const number of [4, 5, 6]) {
    await testUniverse.advance(700);
    await place(number);
  }
  await testUniverse.advance(40_000);
  network.delay(0);
  await two.close();
  await place(7);
  await testUniverse.advance(40_000);
  expect(ended).toEqual([]);
  expect(seen).toEqual([0, 7]);
  await one.close();
  await running;
});
