import { makeWireTimestamp, type Op } from '@inner-universe/module/wire';
import { expect, test } from 'vitest';
import { withinRate } from '../src/client/within-rate.ts';
import { RefusedError } from '../src/errors.ts';
import { createTestUniverse } from '../src/testing/index.ts';

const limits = (value: object): Op => {
  return { tag: 'setConfiguration', value: { key: 'limits', value: JSON.stringify(value) } };
};
const late = (waitSeconds: unknown): RefusedError =>
  new RefusedError({ code: 'limit/rate', op: null, ids: [], details: { waitSeconds } as never, message: 'slower' });

test('a reader that floods pages is held back by its rate, and gets each of them in the end', async () => {
  await using testUniverse = await createTestUniverse();
  const ada = await testUniverse.as('ada', [{ action: 'read', resource: 'scope:main' }]);
  await testUniverse.universe.client.apply([limits({ readsPerSecond: 1, burstSeconds: 2 })]);
  let read = 0;
  const pages = Promise.all(
    Array.from({ length: 8 }, async () => {
      await ada.client.read('readStores', { scope: '', cursor: '', limit: 0 });
      read += 1;
    }),
  );
  await testUniverse.advance(0);
  // What follows the log reads now and then too.
  expect(read).toBeLessThanOrEqual(2);
  await testUniverse.advance(3_000);
  expect(read).toBeGreaterThan(1);
  expect(read).toBeLessThan(8);
  await testUniverse.advance(60_000);
  await pages;
});

test('a follower that is held back falls behind, and loses nothing', async () => {
  await using testUniverse = await createTestUniverse();
  const ada = await testUniverse.as('ada', [{ action: 'read', resource: 'scope:main' }]);
  await testUniverse.universe.client.apply([limits({ readsPerSecond: 1, burstSeconds: 1 })]);
  const seen: unknown[] = [];
  ada.events.subscribe('tick', ({ data }) => void seen.push(data));
  for (let n = 1; n <= 5; n += 1) {
    await testUniverse.universe.events.publish('tick', n);
    await testUniverse.advance(50);
  }
  await testUniverse.advance(60_000);
  expect(seen).toEqual([1, 2, 3, 4, 5]);
  expect(testUniverse.takeErrors()).toEqual([]);
});

test('waiting for a rate ends when it is called off, and other refusals are not waited for', async () => {
  const calledOff = new AbortController();
  const slept: number[] = [];
  const timers = {
    schedule: (callback: () => void, delayMs: number) => {
      slept.push(delayMs);
      queueMicrotask(() => (slept.length === 3 ? calledOff.abort(new Error('called off')) : callback()));
      return () => undefined;
    },
  };
  const tooFast = (): Promise<never> => Promise.reject(late(0.25));
  await expect(withinRate(tooFast, timers, calledOff.signal)).rejects.toThrow('called off');
  expect(slept).toEqual([250, 250, 250]);
  await expect(withinRate(() => Promise.reject(late('soon')), timers)).rejects.toMatchObject({ code: 'limit/rate' });
  const other = new RefusedError({ code: 'permission/denied', op: null, ids: [], details: {}, message: 'no' });
  await expect(withinRate(() => Promise.reject(other), timers)).rejects.toBe(other);
  expect(slept).toHaveLength(3);
});

test('a graph that is held here loses what may no longer be seen, and gains what may, when something happens', async () => {
  await using testUniverse = await createTestUniverse();
  const { universe } = testUniverse;
  await universe.graph.createEntity('person', { id: 'ada' });
  await universe.graph.createEntity('city', { id: 'paris' });
  const city = { action: 'read', resource: 'entity:city' } as const;
  const others = ['entity:person', 'relation:*'].map((resource) => ({ action: 'read', resource }) as const);
  const reader = await testUniverse.as('reader', [...others, city]);
  await reader.graph.load();
  const held = (): string[] => [...reader.graph.loaded.query()].map(({ id }) => id).toSorted();
  expect(held()).toEqual(['ada', 'paris']);
  await testUniverse.revoke('reader', [city]);
  await testUniverse.settle();
  expect(held()).toEqual(['ada']);
  await universe.graph.updateEntity('paris', { name: 'Paris' });
  await testUniverse.settle();
  expect(held()).toEqual(['ada']);
  await testUniverse.grant('reader', [city]);
  await testUniverse.settle();
  expect(held()).toEqual(['ada', 'paris']);
  expect(testUniverse.takeErrors()).toEqual([]);
  await testUniverse.revoke('reader', [city, ...others]);
  await testUniverse.grant('reader', [{ action: 'read', resource: 'relation:*' }]);
  await testUniverse.settle();
  expect(held()).toEqual([]);
  expect(testUniverse.takeErrors()).toMatchObject([{ code: 'permission/denied' }]);
});

test('a grant that expires ends for who follows, at its time', async () => {
  await using testUniverse = await createTestUniverse();
  const micros = testUniverse.clock.nowMicros() + 60_000_000n;
  const grant = { action: 'read', resource: 'event:tick', scope: '', expiresAt: makeWireTimestamp(micros) };
  const subject = testUniverse.identityOf('ada');
  await testUniverse.universe.client.apply([{ tag: 'grant', value: { subject, ...grant } }]);
  const ada = await testUniverse.as('ada');
  const seen: unknown[] = [];
  ada.events.subscribe('tick', ({ data }) => void seen.push(data));
  await testUniverse.universe.events.publish('tick', 1);
  await testUniverse.settle();
  await testUniverse.advance(60_000);
  await testUniverse.universe.events.publish('tick', 2);
  await testUniverse.settle();
  expect(seen).toEqual([1]);
  await expect(ada.events.query()).rejects.toMatchObject({ code: 'permission/denied' });
  testUniverse.takeErrors();
});
