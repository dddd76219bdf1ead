import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from './index.ts';

let testUniverse: TestUniverse;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
});
afterEach(() => testUniverse.close());

test('times', async () => {
  for (let n = 0; n < 10; n++) {
    const t = performance.now();
    const one = await createTestUniverse();
    const t1 = performance.now();
    await one.universe.events.publish('a', 1);
    const t2 = performance.now();
    await one.close();
    console.log(t1 - t, t2 - t1, performance.now() - t2);
  }
});

/** Numbers of the ticks in the log. */
async function logged(): Promise<readonly unknown[]> {
  return (await testUniverse.universe.events.query({ pattern: 'tick' })).map(({ data }) => data);
}

const faults: [string, (one: TestUniverse) => unknown][] = [
  ['the request is lost', ({ network }) => network.dropAt('to-host')],
  ['the answer is lost', ({ network }) => network.dropAt('to-client')],
  ['the request comes twice', ({ network }) => network.duplicateAt('to-host')],
  ['the answer comes twice', ({ network }) => network.duplicateAt('to-client')],
];

describe.each(faults)('%s', (_, inject) => {
  test('events', async () => {
    const { universe } = testUniverse;
    const ada = await testUniverse.as('ada', READ_AND_WRITE);
    const seen: unknown[] = [];
    const seenByAda: unknown[] = [];
    universe.events.subscribe('tick', ({ data }) => seen.push(data));
    ada.events.subscribe('tick', ({ data }) => seenByAda.push(data));
    await universe.events.publish('tick', 0);
    inject(testUniverse);
    await universe.events.publish('tick', 1);
    await universe.events.publish('tick', 2);
    await testUniverse.settle();
    expect(await logged()).toEqual([0, 1, 2]);
    expect(seen).toEqual([0, 1, 2]);
    expect(seenByAda).toEqual([0, 1, 2]);
    console.log(testUniverse.takeErrors());
  });
});

describe.each(['before', 'after'] as const)('crash %s', (when) => {
  test('x', async () => {
    const { universe } = testUniverse;
    const ada = await testUniverse.as('ada', READ_AND_WRITE);
    const seen: unknown[] = [];
    const seenByAda: unknown[] = [];
    universe.events.subscribe('tick', ({ data }) => seen.push(data));
    ada.events.subscribe('tick', ({ data }) => seenByAda.push(data));
    await universe.events.publish('tick', 0);
    const crashed = testUniverse.crashAt({ commit: 1, when });
    const publishing = universe.events.publish('tick', 1);
    await crashed;
    await testUniverse.restart();
    await publishing;
    await testUniverse.settle();
    expect(await logged()).toEqual([0, 1]);
    expect(seen).toEqual([0, 1]);
    expect(seenByAda).toEqual([0, 1]);
    console.log(testUniverse.takeErrors());
  });
});
