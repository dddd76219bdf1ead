import { describe, expect, test } from 'vitest';
import { makeMemoryContents, type MemoryContents } from '../storage/memory-storage.ts';
import type { Storage } from '../storage/storage.ts';
import { recoverAll, runStorageContract } from '../storage/test/contract.ts';
import { FaultStorage } from './fault-storage.ts';
import { ManualTime } from './manual-time.ts';
import { StorageFaults } from './storage-faults.ts';

runStorageContract(async () => {
  const contents = makeMemoryContents();
  const options = { faults: new StorageFaults(), timers: new ManualTime(), onKill: () => undefined };
  return { open: async () => new FaultStorage(contents, options), dispose: async () => undefined };
});

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Lets everything run that waits for promises. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function open(contents: MemoryContents = makeMemoryContents()) {
  const faults = new StorageFaults();
  const time = new ManualTime();
  let kills = 0;
  const storage = new FaultStorage(contents, { faults, timers: time, onKill: () => (kills += 1) });
  await recoverAll(storage);
  return { storage, faults, time, kills: () => kills };
}

async function stored(contents: MemoryContents): Promise<string[]> {
  const { storage } = await open(contents);
  await storage.close();
  return contents.records.map((record) => new TextDecoder().decode(record));
}

const outcomeOf = async (promise: Promise<unknown>): Promise<string> => {
  let outcome = 'waits';
  promise.then(
    () => (outcome = 'done'),
    (error: { code: string }) => (outcome = error.code),
  );
  await turn();
  return outcome;
};

const append = (storage: Storage, ...values: string[]): bigint[] => values.map((value) => storage.append(text(value)));

describe('a storage with faults', () => {
  test('that is slow makes each record durable in its time, in order', async () => {
    const { storage, faults, time } = await open();
    faults.delay(1000n);
    append(storage, 'a');
    time.advance(500n);
    append(storage, 'b');
    faults.delay(0n);
    append(storage, 'c');
    expect(storage.durableOffset).toBe(0n);
    time.advance(500n);
    expect(storage.durableOffset).toBe(1n);
    expect(await outcomeOf(storage.whenDurable(2n))).toBe('waits');
    time.advance(500n);
    expect(storage.durableOffset).toBe(3n);
    expect(await outcomeOf(storage.whenDurable(2n))).toBe('done');
  });

  test('that is frozen makes nothing durable until it is released, and takes no more than it can hold', async () => {
    const { storage, faults } = await open();
    faults.hold();
    const record = new Uint8Array(16 * 1024 * 1024);
    for (let count = 0; count < 4; count += 1) storage.append(record);
    expect(storage.writable).toBe(false);
    expect(() => storage.append(record)).toThrow(expect.objectContaining({ code: 'storage/overloaded' }));
    const writable = storage.whenWritable();
    expect(await outcomeOf(writable)).toBe('waits');
    faults.release();
    expect(storage.durableOffset).toBe(4n);
    expect(await outcomeOf(writable)).toBe('done');
  });

  test('that breaks at a record takes that one, loses it and all after it, and says why', async () => {
    const { storage, faults } = await open();
    faults.failAt(2);
    append(storage, 'a', 'b', 'c');
    const waiting = outcomeOf(storage.whenDurable(2n));
    expect(await outcomeOf(storage.whenDurable(0n))).toBe('done');
    expect(await waiting).toBe('storage/write-failed');
    expect(storage.failure?.message).toMatch(/Record 1 could not be written: input\/output error/);
    expect(storage.writable).toBe(false);
    expect(() => append(storage, 'd')).toThrow(expect.objectContaining({ code: 'storage/write-failed' }));
    expect(await outcomeOf(storage.whenWritable())).toBe('storage/write-failed');
    expect(await outcomeOf(storage.writeSnapshot(1n, []))).toBe('storage/write-failed');
    await storage.close();
  });

  test('that is full keeps what fits', async () => {
    const { storage, faults } = await open();
    faults.fillAfter(5);
    append(storage, 'abc', 'de', 'f');
    expect(await outcomeOf(storage.whenDurable(1n))).toBe('done');
    expect(await outcomeOf(storage.whenDurable(2n))).toBe('storage/write-failed');
    expect(storage.failure?.message).toMatch(/no space left on device/);
  });

  test.each([
    ['before', ['a']],
    ['after', ['a', 'b']],
  ] as const)(
    'whose process is killed %s a commit keeps what was durable, and nothing comes after',
    async (when, kept) => {
      const contents = makeMemoryContents();
      const { storage, faults, kills } = await open(contents);
      faults.planCrash({ commit: 2, when });
      append(storage, 'a', 'b');
      expect(kills()).toBe(1);
      expect(() => append(storage, 'c')).toThrow(expect.objectContaining({ code: 'storage/write-failed' }));
      storage.kill();
      await storage.close();
      expect(kills()).toBe(1);
      expect(await stored(contents)).toEqual(kept);
    },
  );

  test('that is killed loses what waits, and a snapshot that was on its way', async () => {
    const contents = makeMemoryContents();
    const { storage, faults } = await open(contents);
    append(storage, 'a');
    faults.hold();
    append(storage, 'b');
    const early = storage.writeSnapshot(2n, [text('late')]);
    expect(await outcomeOf(early)).toBe('waits');
    storage.kill();
    expect(await outcomeOf(early)).toBe('storage/write-failed');
    faults.release();
    expect(contents.snapshot).toBeUndefined();
    expect(await stored(contents)).toEqual(['a']);
  });

  test('can be cleared of what was planned', async () => {
    const { storage, faults, kills } = await open();
    faults.failAt(1);
    faults.fillAfter(0);
    faults.delay(1n);
    faults.hold();
    faults.clear();
    append(storage, 'abc');
    expect(storage.durableOffset).toBe(1n);
    expect([faults.records, faults.isHeld, kills()]).toEqual([1, false, 0]);
  });

  test('takes no positions and delays that make no sense', async () => {
    const { faults } = await open();
    expect(() => faults.failAt(0)).toThrow(RangeError);
    expect(() => faults.planCrash({ commit: 1.5, when: 'after' })).toThrow(RangeError);
    expect(() => faults.delay(-1n)).toThrow(RangeError);
  });
});
