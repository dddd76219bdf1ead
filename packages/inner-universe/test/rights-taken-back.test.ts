import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse, READ_AND_WRITE, type TestGrant, type TestUniverse } from '../src/testing/index.ts';

let testUniverse: TestUniverse;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
});
afterEach(() => testUniverse.close());

const right = (resource: string): TestGrant => ({ action: 'read', resource });
const DENIED = { code: 'permission/denied' };

test('who follows a store is told when its right is taken back, and not again and again', async () => {
  const { universe } = testUniverse;
  const store = await universe.states.open('cart', { count: 0 });
  const rights = [right('store:cart'), right('entity:*')];
  const reader = await testUniverse.as('reader', rights);
  const followed = await reader.states.open<{ count: number }>('cart');
  await store.commit((cart) => (cart.count = 1));
  await testUniverse.settle();
  expect(followed.state.count).toBe(1);
  expect(testUniverse.takeErrors()).toEqual([]);
  await testUniverse.revoke('reader', [right('store:cart')]);
  await testUniverse.advance(0);
  expect(testUniverse.takeErrors()).toMatchObject([DENIED]);
  for (let count = 2; count < 6; count += 1) {
    await store.commit((cart) => (cart.count = count));
    await testUniverse.advance(60_000);
  }
  expect(followed.state.count).toBe(1);
  expect(testUniverse.takeErrors()).toEqual([]);
  // Given back, it goes on where the store is; taken back once more, that is told once more.
  await testUniverse.grant('reader', [right('store:cart')]);
  await testUniverse.advance(60_000);
  expect(followed.state.count).toBe(5);
  await testUniverse.revoke('reader', [right('store:cart')]);
  await testUniverse.advance(60_000);
  expect(testUniverse.takeErrors()).toMatchObject([DENIED]);
});

test('who holds a graph and loses every right is told at once, of each thing that it followed, once', async () => {
  const { universe } = testUniverse;
  await universe.graph.createEntity('thing', { id: 'one' });
  const store = await universe.states.open('cart', { count: 0 });
  const reader = await testUniverse.as('reader', READ_AND_WRITE);
  await reader.graph.load();
  await reader.states.open('cart');
  const seen: string[] = [];
  reader.events.subscribe('tick', ({ id }) => void seen.push(id));
  await testUniverse.revoke('reader', READ_AND_WRITE);
  await testUniverse.advance(0);
  const told = testUniverse.takeErrors();
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThanOrEqual(3);
  for (const error of told) expect(error).toMatchObject(DENIED);
  for (let n = 0; n < 10; n += 1) {
    await universe.events.publish('tick', n);
    await universe.graph.updateEntity('one', { name: `name-${n}` });
    await store.commit((cart) => (cart.count = n + 1));
    await testUniverse.advance(10_000);
  }
  expect(seen).toEqual([]);
  expect(testUniverse.takeErrors()).toEqual([]);
});

test('who may read events no longer is told so; who never could is not', async () => {
  const { universe } = testUniverse;
  await testUniverse.as('without', [right('entity:*')]);
  const reader = await testUniverse.as('reader', [right('event:tick'), right('entity:*')]);
  const seen: unknown[] = [];
  reader.events.subscribe('tick', ({ data }) => void seen.push(data));
  await universe.events.publish('tick', 1);
  await testUniverse.settle();
  expect(seen).toEqual([1]);
  await testUniverse.revoke('reader', [right('event:tick')]);
  await testUniverse.advance(0);
  await universe.events.publish('tick', 2);
  await testUniverse.advance(60_000);
  expect(seen).toEqual([1]);
  expect(testUniverse.takeErrors()).toMatchObject([DENIED]);
});

test('rights are looked up less and less often while others write, and at once when all was quiet', async () => {
  const { universe } = testUniverse;
  const lab = { action: 'read', resource: 'event:**', scope: 'lab' } as const;
  const reader = await testUniverse.as('reader', [lab]);
  await testUniverse.advance(60_000);
  const { messages } = testUniverse.networkOf(reader);
  for (let n = 0; n < 300; n += 1) {
    await universe.events.publish('tick', n);
    await testUniverse.advance(100);
  }
  // Each look is some messages; without a limit it would be 300 of them.
  expect(testUniverse.networkOf(reader).messages.toHost - messages.toHost).toBeLessThan(30);
  await testUniverse.grant('reader', [{ action: 'read', resource: 'event:tick', scope: 'main' }]);
  const seen: unknown[] = [];
  reader.events.subscribe('tick', ({ data }) => void seen.push(data));
  await testUniverse.advance(30_000);
  await universe.events.publish('tick', 'granted');
  await testUniverse.advance(0);
  expect(seen).toContain('granted');
});
