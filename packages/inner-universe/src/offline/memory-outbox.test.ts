import { expect, test } from 'vitest';
import { MemoryCopies } from './memory-copies.ts';
import { MemoryOutbox } from './memory-outbox.ts';
import { runOutboxContract } from '../testing/outbox-contract.ts';

runOutboxContract('memory', {
  makePlace: async () => {
    const outbox = new MemoryOutbox();
    return { outbox: () => outbox, remove: async () => undefined };
  },
});

test('copies in memory take so many bytes; those go that were not used for the longest time', async () => {
  const copies = new MemoryCopies(30);
  copies.set('a', '123456789');
  copies.set('b', '123456789');
  copies.set('c', '123456789');
  expect(await copies.get('a')).toBe('123456789');
  copies.set('d', '123456789');
  expect(await Promise.all(['a', 'b', 'c', 'd'].map((name) => copies.get(name)))).toEqual([
    '123456789',
    undefined,
    '123456789',
    '123456789',
  ]);
  copies.set('a', 'x'.repeat(31));
  expect(await copies.get('a')).toBeUndefined();
  expect(await copies.get('d')).toBe('123456789');
});
