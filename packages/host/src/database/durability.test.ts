import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ADA, bundleOf, openModule, type OpenOptions } from '../../test/module-database.ts';
import { openDiskStorage } from '../storage/disk/disk-storage.ts';
import { createMemoryStorage, makeMemoryContents } from '../storage/memory-storage.ts';
import type { Storage } from '../storage/storage.ts';

const directories: string[] = [];

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});

/** Makes a way to open the same stored bytes again and again. */
type MakeStore = () => Promise<() => Promise<Storage>>;

const stores: Record<string, MakeStore> = {
  memory: async () => {
    const contents = makeMemoryContents();
    return async () => createMemoryStorage({ contents });
  },
  disk: async () => {
    const directory = await mkdtemp(join(tmpdir(), 'inner-universe-database-'));
    directories.push(directory);
    return () => openDiskStorage({ directory: join(directory, 'db') });
  },
};

describe.each(Object.entries(stores))('a database on %s', (_name, makeStore) => {
  test('is as it was when it is opened again', async () => {
    const openStorage = await makeStore();
    const open = async (options: OpenOptions = {}) =>
      openModule('people.ts', { storage: await openStorage(), ...options });
    const first = await open();
    first.call(ADA, 'add_person', 'ada', 'red', 36);
    first.call(ADA, 'add_person', 'bob', 'red', 25);
    first.call(ADA, 'add_person', 'cy', 'blue', 30);
    first.call(ADA, 'remove_person', 2n);
    first.call(ADA, 'rename_person', 3n, 'cyrus');
    first.call(ADA, 'write_notes', 50, 200);
    first.call(ADA, 'fail_after_write', 'error');
    const people = first.rows('person');
    const notes = first.rows('note');
    await first.database.close();

    const second = await open({ program: undefined, owner: 1n, identity: 2n });
    expect(second.rows('person')).toEqual(people);
    expect(second.rows('note')).toEqual(notes);
    expect(second.result('init')).toBe(first.database.owner.toString(16).padStart(64, '0'));
    expect([second.database.identity, second.database.owner]).toEqual([first.database.identity, first.database.owner]);
    expect(second.database.program).toBe(first.database.program);
    expect(second.call(ADA, 'add_person', 'di', 'blue', 40).outcome).toEqual({ type: 'committed' });
    const ids = second.rows('person').map(([id]) => id);
    expect(new Set(ids).size).toBe(3);
    expect(ids.some((id) => (id as bigint) > 4n)).toBe(true);
    await second.database.close();
  });

  test('comes back from snapshot and log together', async () => {
    const openStorage = await makeStore();
    const first = await openModule('people.ts', { storage: await openStorage() });
    first.call(ADA, 'add_person', 'ada', 'red', 36);
    first.call(ADA, 'write_notes', 2000, 300);
    const snapshot = first.database.snapshot();
    // Written while the snapshot is: it belongs to the log behind it.
    first.call(ADA, 'add_person', 'bob', 'red', 25);
    first.call(ADA, 'clear_notes');
    first.call(ADA, 'write_notes', 3, 10);
    await snapshot;
    first.call(ADA, 'add_person', 'cy', 'blue', 30);
    const people = first.rows('person');
    const notes = first.rows('note');
    await first.database.close();

    const second = await openModule('people.ts', { storage: await openStorage() });
    expect(second.rows('person')).toEqual(people);
    expect(second.rows('note')).toEqual(notes);
    await second.database.close();
  });

  test('snapshots itself, so that the log stays in proportion to the data', async () => {
    const openStorage = await makeStore();
    const snapshots = { logBytesMin: 200_000, logBytesPerSnapshotByte: 2 };
    const first = await openModule('people.ts', { storage: await openStorage(), snapshots });
    // Each round leaves no live rows behind and some 25 kB of log.
    let logBytes = 0;
    let hasShrunk = false;
    for (let round = 0; round < 2000 && !hasShrunk; round++) {
      first.call(ADA, 'write_notes', 100, 200);
      first.call(ADA, 'clear_notes');
      await new Promise((resolve) => setImmediate(resolve));
      const status = first.database.status();
      hasShrunk = status.logBytes < logBytes;
      logBytes = status.logBytes;
    }
    expect(hasShrunk).toBe(true);
    await first.database.close();
    const second = await openModule('people.ts', { storage: await openStorage() });
    expect(second.database.status().snapshotBytes).toBeGreaterThan(0);
    expect(second.rows('note')).toEqual([]);
    expect(second.result('cleared')).toBe('100');
    await second.database.close();
  });

  test('is not made when init fails, and can be made afterwards', async () => {
    const openStorage = await makeStore();
    await expect(openModule('bad-init.ts', { storage: await openStorage() })).rejects.toMatchObject({
      code: 'database/init-failed',
      details: { message: 'init says no' },
    });
    await expect(openModule('people.ts', { storage: await openStorage(), program: undefined })).rejects.toMatchObject({
      code: 'database/no-program',
    });
    const made = await openModule('people.ts', { storage: await openStorage() });
    expect(made.database.def.tables.some(({ name }) => name === 'thing')).toBe(false);
    await made.database.close();
  });

  test('goes on under a program that only adds', async () => {
    const openStorage = await makeStore();
    const first = await openModule('people.ts', { storage: await openStorage() });
    first.call(ADA, 'add_person', 'ada', 'red', 36);
    const people = first.rows('person');
    await first.database.close();

    const second = await openModule('people-more.ts', { storage: await openStorage() });
    expect(second.rows('person')).toEqual(people);
    expect(second.rows('badge')).toEqual([]);
    second.call(ADA, 'add_badge', 7, 'first');
    second.call(ADA, 'add_person', 'bob', 'red', 25);
    await second.database.close();

    const third = await openModule('people-more.ts', { storage: await openStorage(), program: undefined });
    expect(third.rows('badge')).toEqual([[7, 'first']]);
    expect(third.rows('person')).toHaveLength(2);
    await third.database.close();
  });

  test('refuses a program that its rows do not fit, naming each change, and keeps the old one', async () => {
    const openStorage = await makeStore();
    const first = await openModule('people.ts', { storage: await openStorage() });
    first.call(ADA, 'add_person', 'ada', 'red', 36);
    await first.database.close();
    await expect(openModule('people-less.ts', { storage: await openStorage() })).rejects.toMatchObject({
      code: 'database/migration-required',
      details: {
        changes: expect.arrayContaining([
          'table visit is gone',
          'table signal is gone',
          'person: column team is gone',
          'person: column nickname is new',
          'person: unique constraint on name is gone',
          'note: became an event table',
          'result: the primary key changed from key to value',
        ]),
      },
    });
    const again = await openModule('people.ts', { storage: await openStorage(), program: undefined });
    expect(again.database.program).toBe(await bundleOf('people.ts'));
    expect(again.rows('person')).toHaveLength(1);
    await again.database.close();
  });

  test('never lets its timestamps run backwards, over a restart either', async () => {
    const openStorage = await makeStore();
    const first = await openModule('people.ts', { storage: await openStorage() });
    first.time.advance(10_000_000n);
    const { timestampMicros } = first.call(ADA, 'search_people');
    first.time.set(timestampMicros - 5_000_000n);
    expect(first.call(ADA, 'search_people').timestampMicros).toBe(timestampMicros);
    await first.database.close();
    const second = await openModule('people.ts', { storage: await openStorage() });
    expect(second.time.nowMicros()).toBeLessThan(timestampMicros);
    expect(second.call(ADA, 'search_people').timestampMicros).toBe(timestampMicros);
    await second.database.close();
  });
});

describe('a storage that fails', () => {
  /** A memory storage whose disk is full from the n-th record on. */
  class FullStorage {
    readonly inner: Storage = createMemoryStorage();
    full = false;
    #failure: Error | undefined;
    recover: Storage['recover'] = (visitor) => this.inner.recover(visitor);
    append(record: Uint8Array): bigint {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.full)
        this.#failure = Object.assign(new Error('no space left on device'), { code: 'storage/write-failed' });
      return this.inner.append(record);
    }
    get writable(): boolean {
      return this.#failure === undefined;
    }
    whenWritable = async (): Promise<void> => {
      if (this.#failure !== undefined) throw this.#failure;
    };
    get durableOffset(): bigint {
      return this.inner.durableOffset;
    }
    whenDurable = async (offset: bigint): Promise<void> => {
      if (this.#failure !== undefined) throw this.#failure;
      await this.inner.whenDurable(offset);
    };
    writeSnapshot: Storage['writeSnapshot'] = (offset, chunks) => this.inner.writeSnapshot(offset, chunks);
    get usage(): Storage['usage'] {
      return this.inner.usage;
    }
    close = (): Promise<void> => this.inner.close();
  }

  test('stops writes with a clear reason, while reads go on', async () => {
    const storage = new FullStorage();
    const db = await openModule('people.ts', { storage });
    db.call(ADA, 'add_person', 'ada', 'red', 36);
    storage.full = true;
    const lost = db.call(ADA, 'add_person', 'bob', 'red', 25);
    await expect(db.database.whenDurable(lost.offset!)).rejects.toThrow('no space left');
    await new Promise((resolve) => setImmediate(resolve));

    const refused = db.call(ADA, 'add_person', 'cy', 'red', 30).outcome;
    expect(refused).toMatchObject({ type: 'failed-internal', reason: 'refused' });
    expect(refused.type === 'failed-internal' && refused.message).toMatch(
      /takes no more writes.*no space left on device.*Reads go on/,
    );
    expect(db.database.status().isReadOnly).toBe(true);
    expect(db.logTexts().filter((text) => text.includes('takes no more writes'))).toHaveLength(1);
    // Reading procedures and connections still work, writing ones say why they do not.
    expect(db.run(ADA, 'count_people', 'red').value).toBe(2n);
    expect(db.database.connect(ADA, '{}')).toEqual({ type: 'accepted', offset: undefined });
    db.database.disconnect(ADA);
    const move = db.run(ADA, 'move_team', 'red', 'blue', '').result.outcome;
    expect(move).toMatchObject({ type: 'failed' });
    expect(move.type === 'failed' && move.message).toMatch(/takes no more writes/);
    expect(db.rows('person').map(([, , team]) => team)).toEqual(['red', 'red']);
    await db.database.close();
  });

  test('that finds a transaction too large takes it back, and goes on', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'inner-universe-large-'));
    directories.push(directory);
    const storage = await openDiskStorage({ directory: join(directory, 'db'), recordBytesMax: 400_000 });
    const db = await openModule('people.ts', { storage, program: await bundleOf('people.ts') });
    db.call(ADA, 'write_notes', 10, 1000);
    const before = db.rows('note');
    const seen: unknown[] = [];
    db.database.onCommit((commit) => seen.push(commit));
    const result = db.call(ADA, 'write_notes', 1000, 1000);
    expect(result).toMatchObject({ offset: undefined, outcome: { type: 'failed-internal', reason: 'refused' } });
    expect(result.outcome.type === 'failed-internal' && result.outcome.message).toMatch(/over the limit of 400000/);
    expect(db.rows('note')).toEqual(before);
    expect(seen).toEqual([]);
    expect(db.call(ADA, 'write_notes', 10, 10).outcome).toEqual({ type: 'committed' });
    await db.database.close();
  });
});
