import { expect, test } from 'vitest';
import { createTestUniverse } from '../../src/testing/index.ts';

test('effects elsewhere happen at least once, always under the same id; those of the transaction once', async () => {
  await using testUniverse = await createTestUniverse();
  const { universe } = testUniverse;
  const sent: string[] = [];
  const consumer = await universe.consumers.open('mail', {
    pattern: 'order.placed',
    startAt: 'beginning',
    leaseMs: 1_000,
  });
  const running = consumer.run(async (event, transaction) => {
    sent.push(event.id);
    transaction.publish('mail.sent', { of: event.id });
  });
  for (let n = 0; n < 6; n += 1) {
    // The host ends in the very commit that stores what the handler did, before or after it.
    const crashed = testUniverse.crashAt({ commit: 2, when: n % 2 === 0 ? 'before' : 'after' });
    const published = universe.events.publish('order.placed', n, { id: `order-${n}` });
    await crashed;
    await testUniverse.restart();
    await published;
    await testUniverse.advance(5_000);
    await testUniverse.settle();
  }
  await consumer.close();
  await running;
  testUniverse.takeErrors();
  const ids = Array.from({ length: 6 }, (_, n) => `order-${n}`);
  expect([...new Set(sent)]).toEqual(ids);
  // Each is under the id of its event, so that a receiver can tell that it comes again.
  expect(sent.filter((id) => !ids.includes(id))).toEqual([]);
  const stored = await universe.events.query({ pattern: 'mail.sent' });
  expect(stored.map(({ data }) => (data as { of: string }).of)).toEqual(ids);
});
