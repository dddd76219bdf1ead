import { IDBFactory } from 'fake-indexeddb';
import { expect, onTestFinished, test, vi } from 'vitest';
import { IndexedDbOutbox } from './indexed-db-outbox.ts';
import type { DbFactory, LockManagerLike } from './indexed-db.ts';
import { runOutboxContract } from '../testing/outbox-contract.ts';

const ADA = { target: 'ws://one/', database: 'universe', subject: 'ada' };
const onError = (error: unknown): never => {
  throw error;
};

/** Web Locks of one browser: exclusive, and never waiting. */
class Locks implements LockManagerLike {
  readonly #held = new Set<string>();

  async request(
    name: string,
    _options: { ifAvailable: boolean },
    callback: (lock: unknown) => Promise<void> | undefined,
  ): Promise<unknown> {
    if (this.#held.has(name)) return callback(null);
    this.#held.add(name);
    try {
      return await callback({ name });
    } finally {
      this.#held.delete(name);
    }
  }
}

runOutboxContract('IndexedDB', {
  makePlace: async () => {
    const indexedDB = new IDBFactory() as DbFactory;
    const locks = new Locks();
    return { outbox: () => new IndexedDbOutbox({ indexedDB, locks }), remove: async () => undefined };
  },
});

test('copies in IndexedDB take so many bytes, over restarts too', async () => {
  const indexedDB = new IDBFactory() as DbFactory;
  const outbox = new IndexedDbOutbox({ indexedDB, locks: 'none', copiesBytesMax: 1_000 });
  const first = await outbox.open(ADA, { onError });
  for (let n = 0; n < 5; n += 1) first.copies.set(`copy ${n}`, 'x'.repeat(300));
  await first.close();
  const second = await outbox.open(ADA, { onError });
  second.copies.set('copy 5', 'y'.repeat(300));
  second.copies.set('too large', 'z'.repeat(1_001));
  await second.close();
  const third = await outbox.open(ADA, { onError });
  const names = ['copy 0', 'copy 1', 'copy 2', 'copy 3', 'copy 4', 'copy 5', 'too large'];
  const kept = await Promise.all(names.map((name) => third.copies.get(name)));
  expect(kept.filter((text) => text !== undefined)).toHaveLength(3);
  expect(kept[5]).toBe('y'.repeat(300));
  await third.close();
});

test('without locks, or without IndexedDB, it says what to do', async () => {
  // Newer Nodes have locks as browsers do.
  vi.stubGlobal('navigator', {});
  onTestFinished(() => void vi.unstubAllGlobals());
  const indexedDB = new IDBFactory() as DbFactory;
  await expect(async () => new IndexedDbOutbox({ indexedDB }).open(ADA, { onError })).rejects.toMatchObject({
    code: 'config/invalid',
    message: expect.stringContaining('https'),
  });
  await expect(async () => new IndexedDbOutbox({ locks: 'none' }).open(ADA, { onError })).rejects.toMatchObject({
    code: 'config/invalid',
    message: expect.stringContaining('IndexedDB'),
  });
});

test('what it holds and nobody wrote is named, not read', async () => {
  const indexedDB = new IDBFactory() as DbFactory;
  const outbox = new IndexedDbOutbox({ indexedDB, locks: 'none' });
  const first = await outbox.open(ADA, { onError });
  const { place } = first;
  await first.close();
  const request = indexedDB.open(place, 1);
  await new Promise((resolve) => (request.onsuccess = resolve));
  const transaction = request.result.transaction('records', 'readwrite');
  transaction.objectStore('records').put({ foreign: true }, 'w:1');
  await new Promise((resolve) => (transaction.oncomplete = resolve));
  request.result.close();
  await expect(outbox.open(ADA, { onError })).rejects.toMatchObject({ code: 'outbox/corrupt', details: { place } });
});
