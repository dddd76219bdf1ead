import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse } from '../testing/create-test-universe.ts';
import type { TestUniverse } from '../testing/test-universe.ts';

let testUniverse: TestUniverse;
beforeEach(async () => void (testUniverse = await createTestUniverse()));
afterEach(async () => {
  testUniverse.network.thaw();
  await testUniverse.close();
});

test('a run that is called off does not wait for a server that does not answer', async () => {
  const { network, universe } = testUniverse;
  const consumer = await universe.consumers.open('mail', { pattern: 'a.**', startAt: 'beginning' });
  let isEnded = false;
  const run = consumer.run(() => undefined, { timeoutMs: 1_000 }).then(() => (isEnded = true));
  await testUniverse.settle();
  network.freeze();
  await testUniverse.advance(900);
  expect(isEnded).toBe(false);
  await testUniverse.advance(2_200);
  await run;
  expect(consumer.held).toEqual([]);
});

test('a run that is called off finishes what is being handled, and the next run begins when it has left', async () => {
  const { network, universe } = testUniverse;
  const consumer = await universe.consumers.open('mail', { pattern: 'a.**', startAt: 'beginning' });
  await universe.events.publish('a.b', 1);
  const seen: unknown[] = [];
  let finish: () => void = () => undefined;
  const ending = new AbortController();
  let isEnded = false;
  const handled = new Promise<void>((resolve) => (finish = resolve));
  const run = consumer
    .run(
      async ({ data }) => {
        seen.push(data);
        await handled;
      },
      { signal: ending.signal },
    )
    .then(() => (isEnded = true));
  await testUniverse.settle();
  expect(seen).toEqual([1]);
  network.freeze();
  ending.abort();
  await testUniverse.advance(10_000);
  expect(isEnded).toBe(false);
  finish();
  await Promise.resolve();
  await testUniverse.advance(2_500);
  await run;
  // It goes on with the next one, as soon as the one before has left: never two under one label.
  network.thaw();
  const again = consumer.run(({ data }) => void seen.push(data));
  await testUniverse.settle();
  await universe.events.publish('a.b', 2);
  await testUniverse.advance(1_000);
  await testUniverse.settle();
  expect(seen.at(-1)).toBe(2);
  await consumer.close();
  await again;
  expect((await consumer.status()).lag).toBe(0);
});
