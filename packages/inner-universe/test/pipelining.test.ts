import { expect, test } from 'vitest';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';
import type { Universe } from '../src/universe.ts';
import { readModuleBundle } from './older-universe.ts';

/** As small as requests can be, so that few writes fill them. */
const batching = { opsMax: 1, requestsMax: 4 };

/** The module as it was before it knew the op: what a client of today does not send to it cannot be seen to fail. */
async function readOlderBundle(): Promise<string> {
  const bundle = await readModuleBundle();
  const changes = [
    ['var CODE_VERSION = 3;', 'var CODE_VERSION = 2;'],
    ['var MIGRATIONS = [historyGaps, orderedRequests];', 'var MIGRATIONS = [historyGaps];'],
    ['  afterRequest: afterRequestOp,\n', ''],
    ['  afterRequest: afterRequestOp\n', ''],
  ] as const;
  const older = changes.reduce((text, [from, to]) => text.replace(from, () => to), bundle);
  expect(older).toContain('var CODE_VERSION = 2;');
  expect(older).not.toContain(': afterRequestOp');
  return older;
}

async function logged(testUniverse: TestUniverse): Promise<unknown[]> {
  const rows = await testUniverse.host.sql(`SELECT seq, data FROM event_log WHERE kind = 'application'`);
  return [...rows]
    .sort((a, b) => Number(a['seq']) - Number(b['seq']))
    .map(({ data }) => JSON.parse(String(data)) as unknown);
}

/** How many of five requests are sent before any is answered. */
async function countSent(testUniverse: TestUniverse, ada: Universe): Promise<number> {
  const network = testUniverse.networkOf(ada);
  await testUniverse.settle();
  network.freeze('to-client');
  const published = [0, 1, 2, 3, 4].map((n) => ada.events.publish('n', n));
  await testUniverse.advance(10);
  const sent = ada.client.callsInFlight;
  network.thaw();
  await testUniverse.settle();
  await Promise.all(published);
  expect(await logged(testUniverse)).toEqual([0, 1, 2, 3, 4]);
  return sent;
}

test('so many requests are on their way together as the options say', async () => {
  for (const requestsMax of [1, 3]) {
    await using testUniverse = await createTestUniverse();
    const ada = await testUniverse.as('ada', READ_AND_WRITE, { batching: { opsMax: 1, requestsMax } });
    expect(await countSent(testUniverse, ada)).toBe(requestsMax);
  }
});

test('requests are on their way together where the module keeps their order, one by one where it does not', async () => {
  await using current = await createTestUniverse();
  expect(await countSent(current, await current.as('ada', READ_AND_WRITE, { batching }))).toBe(4);
  await using older = await createTestUniverse({ module: await readOlderBundle() });
  const ada = await older.as('ada', READ_AND_WRITE, { batching });
  expect(ada.client.schema).toMatchObject({ codeVersion: 2 });
  expect(await countSent(older, ada)).toBe(1);
});

test('a refused write fails alone, and all that was sent after it is applied in order, whatever overtakes', async () => {
  await using testUniverse = await createTestUniverse();
  const ada = await testUniverse.as('ada', READ_AND_WRITE, { batching: { opsMax: 2, requestsMax: 4 } });
  await ada.graph.createEntity('thing', { id: 'taken' });
  const network = testUniverse.networkOf(ada);
  for (const message of [2, 5]) network.reorderAt('to-host', message);
  network.duplicateAt('to-host', 4);
  const writes = Array.from({ length: 12 }, (_, n) =>
    n % 5 === 3 ? ada.graph.createEntity('thing', { id: 'taken' }) : ada.events.publish('n', n),
  );
  const ended = Promise.allSettled(writes);
  await testUniverse.settle();
  const outcomes = await ended;
  expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(outcomes.map((_, n) => n % 5 !== 3));
  expect(outcomes[3]).toMatchObject({ reason: { code: 'entity/id-taken', ids: ['taken'] } });
  expect(await logged(testUniverse)).toEqual([0, 1, 2, 4, 5, 6, 7, 9, 10, 11]);
});

test('with a state’s commits in between, each is made when what came before it has been answered', async () => {
  await using testUniverse = await createTestUniverse();
  const ada = await testUniverse.as('ada', READ_AND_WRITE, { batching });
  const cart = await ada.states.open('cart', { items: 0 });
  const writes: Promise<unknown>[] = [];
  for (let n = 0; n < 6; n += 1) {
    writes.push(Promise.resolve(ada.events.publish('n', n)));
    writes.push(Promise.resolve(cart.commit({ items: n + 1 }, { description: `${n}` })));
  }
  const ended = Promise.all(writes);
  await testUniverse.settle();
  await ended;
  expect(cart.state).toEqual({ items: 6 });
  expect(await logged(testUniverse)).toEqual([0, 1, 2, 3, 4, 5]);
});
