import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse } from '../testing/create-test-universe.ts';
import type { TestUniverse } from '../testing/test-universe.ts';
import type { Universe } from '../universe.ts';

let testUniverse: TestUniverse;
let universe: Universe;
beforeEach(async () => {
  testUniverse = await createTestUniverse();
  ({ universe } = testUniverse);
});
afterEach(() => testUniverse.close());

const REFUSED = { code: 'config/invalid' };
/** As programs without types give it. */
const given = (options: unknown): never => options as never;

test.each([
  [{ patern: 'a' }, "did you mean 'pattern'?"],
  [{ holdsTrim: 'false' }, 'true or false'],
  [{ kind: 'sytem' }, '"application", "system", "all"'],
  [{ onTrimmed: 'skpi' }, "'error', 'skip' or { archive }"],
  [{ onTrimmed: { archive: {} } }, "'error', 'skip' or { archive }"],
  [{ onTrimmed: null }, "'error', 'skip' or { archive }"],
  [{ retry: { attemps: 1 } }, "did you mean 'attempts'?"],
  [{ retry: { attempts: '5' } }, 'a whole number'],
  [{ retry: { attempts: 1.5 } }, 'a whole number'],
  [{ retry: { attempts: 0 } }, 'cannot be 0'],
  [{ retry: { jitter: Number.NaN } }, 'a number'],
  [{ retry: { retryIf: true } }, 'a function'],
  [{ retry: 5 }, 'an object'],
  [{ holder: 5 }, 'a text'],
  [{ scope: 5 }, 'a text'],
  [{ pattern: '\ud800' }, 'a text'],
  [{ partitions: '2' }, 'a whole number'],
  [{ startAt: 'begining' }, "'beginning', 'now'"],
  [{ startAt: Number.NaN }, "'beginning', 'now'"],
  [{ describeFailure: 'x' }, 'a function'],
  [5, 'an object'],
  [null, 'an object'],
])('opening with %j is refused before anything is made', async (options, message) => {
  const opening = universe.consumers.open('mail', given(options));
  await expect(opening).rejects.toMatchObject({ ...REFUSED, message: expect.stringContaining(message) });
  expect(await universe.consumers.list()).toEqual([]);
  // One that exists is not opened with it either.
  await universe.consumers.open('mail');
  await expect(universe.consumers.open('mail', given(options))).rejects.toMatchObject(REFUSED);
});

test('a name that is no text is refused', async () => {
  await expect(universe.consumers.open(given(5))).rejects.toMatchObject(REFUSED);
});

test.each([[{ partiton: 1 }], [{ partition: 'abc' }], [{ partition: Number.NaN }], [{ partition: -1 }], [5]])(
  'seeking with %j is refused, and no partition moves',
  async (options) => {
    const consumer = await universe.consumers.open('mail', { startAt: 'beginning', partitions: 2 });
    await universe.events.publish('a', 1);
    await expect(universe.consumers.seek('mail', 'now', given(options))).rejects.toMatchObject(REFUSED);
    await expect(consumer.seek('now', given(options))).rejects.toMatchObject(REFUSED);
    const { partitionStates } = await consumer.status();
    expect(partitionStates.map(({ offset }) => offset)).toEqual([0, 0]);
  },
);

test('calls with options that are none are refused, and what was given is not begun', async () => {
  const { consumers } = universe;
  const consumer = await consumers.open('mail');
  const calls: readonly (() => Promise<unknown>)[] = [
    () => consumer.run(() => undefined, given(5)),
    () => consumer.run(() => undefined, given({ timeoutMS: 5 })),
    () => consumer.run(() => undefined, given({ timeoutMs: Number.NaN })),
    () => consumer.run(() => undefined, given({ signal: {} })),
    () => consumer.deliveries(given({ timeoutMs: '5' })).next(),
    () => consumer.lag(given({ timeoutMs: -1 })),
    () => consumer.status(given({ signal: {} })),
    () => consumer.close(given({ timeoutMs: Number.NaN })),
    () => consumers.status('mail', given({ kind: 'sytem' })),
    () => consumers.status('mail', given({ knd: 'system' })),
    () => consumers.list(given({ timeoutMs: '5' })),
    () => consumers.delete('mail', given({ timeoutMs: -1 })),
    () => consumers.close(given({ timeoutMs: '5' })),
    () => consumer.deadLetters.list(given('abc')),
    () => consumer.deadLetters.each(given({ signal: {} })).next(),
    () => consumer.deadLetters.retryAll(given({ timeoutMs: '5' })),
  ];
  for (const [at, call] of calls.entries()) {
    const failed: unknown = await call().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failed, `call ${at}`).toMatchObject(REFUSED);
  }
  expect(await consumers.list()).toHaveLength(1);
  const seen: unknown[] = [];
  const running = consumer.run(({ data }) => void seen.push(data));
  await testUniverse.settle();
  await universe.events.publish('a', 1);
  await testUniverse.settle();
  expect(seen).toEqual([1]);
  await consumer.close();
  await running;
});
