import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../../src/testing/index.ts';

let testUniverse: TestUniverse;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
});

afterEach(async () => {
  testUniverse.takeErrors();
  await testUniverse.close();
});

/** Everything that a publisher was told, by number: its id's fate. */
async function fates(publications: readonly Promise<unknown>[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const note = (fate: string): void => void counts.set(fate, (counts.get(fate) ?? 0) + 1);
  await Promise.all(
    publications.map((publication) =>
      publication.then(
        () => note('done'),
        (error: unknown) => note(String((error as { code?: unknown }).code)),
      ),
    ),
  );
  return counts;
}

test('a long outage fills the outbox up to its bound in writes and bytes, and what it took arrives', async () => {
  const bounds = { writesMax: 200, bytesMax: 100_000 };
  const ada = await testUniverse.as('ada', READ_AND_WRITE, { outbox: bounds });
  testUniverse.networkOf(ada).cut();
  const made: Promise<unknown>[] = [];
  let most = { writes: 0, bytes: 0 };
  for (let minute = 0; minute < 24; minute += 1) {
    for (let n = 0; n < 25; n += 1)
      made.push(ada.events.publish('measured', { minute, n, text: 'x'.repeat(n % 5 === 0 ? 2_000 : 10) }));
    await testUniverse.advance(60_000);
    const { pending, bytes } = ada.client.work.summary.getSnapshot();
    most = { writes: Math.max(most.writes, pending), bytes: Math.max(most.bytes, bytes) };
  }
  expect(most.writes).toBeLessThanOrEqual(bounds.writesMax);
  expect(most.bytes).toBeLessThanOrEqual(bounds.bytesMax);
  const told = fates(made);
  testUniverse.networkOf(ada).restore();
  await testUniverse.advance(60_000);
  await testUniverse.settle();
  const counts = await told;
  expect([...counts.keys()].sort()).toEqual(['done', 'outbox/full']);
  const there = await testUniverse.universe.events.query({ pattern: 'measured' });
  expect(there).toHaveLength(counts.get('done') ?? 0);
  const order = there.map(({ data }) => (data as { minute: number }).minute * 100 + (data as { n: number }).n);
  expect(order).toEqual(order.toSorted((left, right) => left - right));
});
