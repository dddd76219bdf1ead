import { AssertionError } from 'node:assert';
import { expect, test } from 'vitest';
import type { Universe } from '../universe.ts';
import { createMockInnerUniverse, createTestUniverse, event, given } from './index.ts';

const BALANCE = {
  name: 'balance',
  initial: 0,
  on: {
    'account.credited': (state: number, { data }: { data: unknown }) => state + (data as { amount: number }).amount,
    'account.debited': (state: number, { data }: { data: unknown }) => state - (data as { amount: number }).amount,
  },
};

/** A command: it decides by what happened, and publishes what it decided. */
async function withdraw(universe: Universe, amount: number): Promise<void> {
  let balance = 0;
  for (const { type, data } of await universe.events.query({ pattern: 'account.*' })) {
    balance += (type === 'account.credited' ? 1 : -1) * (data as { amount: number }).amount;
  }
  if (amount > balance) throw new RangeError(`there are ${balance} only`);
  await universe.events.publish('account.debited', { amount }, { source: 'till' });
  if (amount === balance) await universe.events.publish('account.emptied', { at: 7 });
}

const CREDITED = [event('account.credited', { amount: 5 })];

test('a command leads to the expected events', async () => {
  await given(CREDITED)
    .when((universe) => withdraw(universe, 3))
    .then([event('account.debited', { amount: 3 })]);
  await given(CREDITED)
    .when((universe) => withdraw(universe, 5))
    .then([
      event('account.debited', { amount: 5 }, { source: 'till' }),
      event('account.emptied', { at: expect.any(Number) }),
    ]);
  await given(CREDITED)
    .when((universe) => withdraw(universe, 5))
    .then([event('account.debited'), event('account.emptied')]);
  await given().when([]).then([]);
});

test('a projection makes the expected state of past and action', async () => {
  await given(CREDITED).then(BALANCE, 5);
  await given(CREDITED)
    .when((universe) => withdraw(universe, 3))
    .then(BALANCE, 2);
  await given(CREDITED)
    .when([event('account.credited', { amount: 1 }), event('other')])
    .then(BALANCE, 6);
  await expect(given(CREDITED).then(BALANCE, 6)).rejects.toThrow(
    /state of projection 'balance' after 1 events[^]*- 6\n {2}\+ 5/,
  );
});

test('a command throws what is expected', async () => {
  const scenario = given(CREDITED).when((universe) => withdraw(universe, 6));
  expect(await scenario.thenThrows()).toBeInstanceOf(RangeError);
  await scenario.thenThrows(RangeError);
  await scenario.thenThrows({ message: expect.stringContaining('5 only') });
  await expect(scenario.thenThrows(TypeError)).rejects.toThrow(
    /RangeError: there are 5 only, not the expected TypeError/,
  );
  await expect(scenario.thenThrows({ code: 'x' })).rejects.toThrow(/not the expected \{ code: 'x' \}/);
  await expect(scenario.then([])).rejects.toThrow(/The action threw RangeError: there are 5 only/);
  await expect(
    given()
      .when([event('a')])
      .thenThrows(),
  ).rejects.toThrow(/expected to throw, and led to 1 events: a/);
});

test('a failure shows which events came, which did not, and which were not expected', async () => {
  const failure = given()
    .when([event('a', 1), event('b', { text: 'new' }), event('d', 4)])
    .then([event('a', 1), event('b', { text: 'old' }), event('c', 3), event('d', 4)]);
  const error = (await Promise.resolve(failure).catch((thrown: unknown) => thrown)) as AssertionError;
  expect(error).toBeInstanceOf(AssertionError);
  expect(error.message.split('\n')).toEqual([
    'The events are not the expected ones: 2 did not come, 1 came that were not expected.',
    '(= as expected, - expected and did not come, + came and was not expected)',
    '  = a 1',
    "  - b { text: 'old' }",
    '  - c 3',
    "  + b { text: 'new' }",
    '  = d 4',
  ]);
  expect(error.actual).toEqual([event('a', 1), event('b', { text: 'new' }), event('d', 4)]);
});

test('a scenario runs where it is told to, also on a mock, and leaves it open', async () => {
  const mock = await createMockInnerUniverse();
  await mock.events.publish('before', 1);
  await given(CREDITED, { universe: mock })
    .when((universe) => withdraw(universe, 5))
    .then([event('account.debited'), event('account.emptied')]);
  expect(await mock.events.query()).toHaveLength(4);
  await mock.close();
  const testUniverse = await createTestUniverse();
  await given([], { universe: testUniverse.universe })
    .when([event('a')])
    .then([event('a')]);
  await testUniverse.universe.events.publish('b', 1);
  await testUniverse.close();
});

test('a scenario that is taken for a promise says what is missing', async () => {
  await expect(Promise.resolve(given().when([]))).rejects.toThrow(/end it with then/);
  await expect(Promise.resolve(given())).rejects.toThrow(/end it with then/);
});
