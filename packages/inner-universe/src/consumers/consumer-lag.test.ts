import type { NervEvent } from '@inner-universe/nerv';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse } from '../testing/create-test-universe.ts';
import type { TestUniverse } from '../testing/test-universe.ts';
import type { Universe } from '../universe.ts';
import type { Consumer } from './consumer.ts';
import type { ConsumerOptions } from './definition.ts';
import type { ConsumerHandler } from './event-handling.ts';

let testUniverse: TestUniverse;
let universe: Universe;
let runs: Promise<void>[] = [];
let gates: (() => void)[] = [];

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  ({ universe } = testUniverse);
});
afterEach(async () => {
  const closed = testUniverse.close();
  letAllGo();
  await closed;
  await Promise.all(runs);
  [runs, gates] = [[], []];
});

const KEYS = ['a', 'b', 'c', 'd', 'e'];

/** Events of the consumer's pattern, spread over its partitions. */
async function place(count: number): Promise<void> {
  const place = (_: unknown, number: number) =>
    universe.events.publish('order.placed', number, { source: KEYS[number % KEYS.length] });
  await Promise.all(Array.from({ length: count }, place));
  await testUniverse.settle();
}

/** Events that are nothing for it. */
async function others(count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, number) => universe.events.publish('other', number)));
  await testUniverse.settle();
}

const hold: ConsumerHandler = () => new Promise<void>((resolve) => gates.push(resolve));
function letAllGo(): void {
  for (const release of gates.splice(0)) release();
}

async function start(handler: ConsumerHandler, options: ConsumerOptions = {}): Promise<Consumer> {
  const consumer = await universe.consumers.open('mail', { startAt: 'beginning', pattern: 'order.**', ...options });
  runs.push(consumer.run(handler));
  await testUniverse.settle();
  return consumer;
}

/** What the gauge shows, by partition; nothing for those that no worker here holds. */
function gauge(): readonly number[] {
  const found = [
    ...universe.metrics.toPrometheus().matchAll(/^\w*events_consumer_lag\{[^}]*partition="(\d+)"[^}]*\} (\d+)$/gm),
  ];
  return found
    .map(([, partition, value]) => [Number(partition), Number(value)] as const)
    .sort(([left], [right]) => left - right)
    .map(([, value]) => value);
}

/** The lag by partition, which everything that tells of it agrees on. */
async function lags(consumer: Consumer): Promise<readonly number[]> {
  const status = await consumer.status();
  const partitions = status.partitionStates.map(({ lag }) => lag);
  const sum = partitions.reduce((total, lag) => total + lag, 0);
  expect(status.lag).toBe(sum);
  expect(await consumer.lag()).toBe(sum);
  expect((await universe.consumers.status('mail')).lag).toBe(sum);
  if (consumer.held.length === partitions.length) expect(gauge()).toEqual(partitions);
  return partitions;
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

test('what is nothing for a consumer is no lag, however much of it there is', async () => {
  const consumer = await start(() => undefined);
  await others(50);
  expect(await lags(consumer)).toEqual([0]);
  await consumer.close();
  await others(50);
  expect(await lags(consumer)).toEqual([0]);
});

test('status, gauge and lag() agree on several partitions, while events wait and when they are handled', async () => {
  const consumer = await start(hold, { partitions: 3 });
  await place(20);
  await others(20);
  const waiting = await lags(consumer);
  expect(total(waiting)).toBe(20);
  expect(Math.max(...waiting)).toBeLessThan(20);
  letAllGo();
  await testUniverse.settle();
  expect(total(await lags(consumer))).toBe(20 - waiting.filter((lag) => lag > 0).length);
});

test('a worker that begins behind knows how much there is, more than it reads ahead, and as it gets less', async () => {
  await place(1_300);
  const consumer = await start(hold, { batchMax: 1 });
  expect(await lags(consumer)).toEqual([1_300]);
  // What comes while there is no room is counted without being read.
  await place(700);
  await others(10);
  expect(await lags(consumer)).toEqual([2_000]);
  for (let handled = 0; handled < 40; handled += 1) {
    letAllGo();
    await testUniverse.settle();
  }
  expect(await lags(consumer)).toEqual([1_960]);
});

test('all is handled: the lag is nothing, however it got there', async () => {
  await place(1_300);
  const consumer = await start(() => undefined, { batchMax: 100, partitions: 2 });
  await place(700);
  await others(10);
  expect(await lags(consumer)).toEqual([0, 0]);
});

test('what is told while there was no connection is counted when there is one again', async () => {
  const consumer = await start(hold, { leaseMs: 60_000 });
  await place(1);
  const network = testUniverse.networkOf(universe);
  const other = await testUniverse.as('bob', [{ action: 'publish', resource: 'event:**' }]);
  network.cut();
  for (let number = 0; number < 30; number += 1) await other.events.publish('order.placed', number);
  network.restore();
  await testUniverse.advance(20_000);
  expect(total(await lags(consumer))).toBe(31);
});

test('the lag of a consumer without a worker is what its next worker will handle', async () => {
  const seen: NervEvent[] = [];
  const consumer = await start((event) => void seen.push(event), { partitions: 3 });
  await place(5);
  await consumer.close();
  await place(7);
  await others(7);
  expect(gauge()).toEqual([]);
  const behind = await lags(consumer);
  expect(total(behind)).toBe(7);
  seen.length = 0;
  const next = await start((event) => void seen.push(event), { partitions: 3 });
  expect(seen).toHaveLength(7);
  expect(await lags(next)).toEqual([0, 0, 0]);
});

test('an event that was parked is handled; one at which a partition stands is not', async () => {
  const fail: ConsumerHandler = () => {
    throw new Error('no');
  };
  const parking = await start(fail, { retry: { attempts: 1 } });
  await place(4);
  expect(await lags(parking)).toEqual([0]);
  expect(await parking.deadLetters.list()).toHaveLength(4);
  testUniverse.takeErrors();
  await parking.close();
  await universe.consumers.delete('mail');
  const stopping = await start(fail, { retry: { attempts: 1 }, failurePolicy: 'stop' });
  expect(await lags(stopping)).toEqual([4]);
  testUniverse.takeErrors();
});

test('workers that take records of the module are behind by these', async () => {
  await universe.graph.createEntity('person', { id: 'ada' });
  const consumer = await universe.consumers.open('mail', {
    kind: 'system',
    startAt: 'beginning',
    pattern: 'ENTITY_CREATED',
  });
  expect(await consumer.lag()).toBe(1);
  expect((await universe.consumers.status('mail', { kind: 'system' })).lag).toBe(1);
  expect((await universe.consumers.status('mail', { kind: 'application' })).lag).toBe(0);
  expect((await universe.consumers.status('mail')).lag).toBe(1);
});

const offsetOf = async (consumer: Consumer): Promise<number> =>
  (await consumer.status()).partitionStates[0]?.offset ?? -1;

test('a consumer whose pattern nothing matches is stored at most a thousand positions behind, without its lease being due', async () => {
  const consumer = await start(() => undefined, { leaseMs: 3_600_000 });
  const before = await offsetOf(consumer);
  await others(500);
  expect(await offsetOf(consumer)).toBe(before);
  await others(2_500);
  expect(await offsetOf(consumer)).toBeGreaterThan(Number(universe.client.seq) - 1_000);
  await place(1);
  expect(await lags(consumer)).toEqual([0]);
});

test('whoever closes leaves the offset at the end of what was nothing for it', async () => {
  const consumer = await start(hold, { partitions: 1 });
  await others(10);
  await consumer.close();
  const { seq } = (await universe.events.query({ pattern: 'other' })).at(-1) ?? {};
  expect(await offsetOf(consumer)).toBeGreaterThanOrEqual(seq ?? Number.NaN);
  const stopping = await start(hold);
  await place(2);
  await others(10);
  const closing = stopping.close();
  letAllGo();
  await closing;
  const placed = await universe.events.query({ pattern: 'order.placed' });
  // The second one was not handled: it comes again.
  expect(await offsetOf(stopping)).toBe((placed[1]?.seq ?? 0) - 1);
});
