import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { ADA, bundleOf, openModule, type OpenOptions } from '../../test/module-database.ts';
import { CrashFileSystem } from '../storage/test/crash-file-system.ts';
import { openOn } from '../storage/test/disk-harness.ts';
import { StorageError } from '../storage/storage-error.ts';
import type { Commit } from './calls.ts';
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

  test('writes one snapshot at a time, however many commits there are in one turn', async () => {
    const storage = await (await makeStore())();
    const writeSnapshot = storage.writeSnapshot.bind(storage);
    let [begun, running, most] = [0, 0, 0];
    storage.writeSnapshot = (offset, chunks) => {
      begun += 1;
      running += 1;
      most = Math.max(most, running);
      return writeSnapshot(offset, chunks).finally(() => (running -= 1));
    };
    const snapshots = { logBytesMin: 20_000, logBytesPerSnapshotByte: 1 };
    const db = await openModule('people.ts', { storage, snapshots });
    db.call(ADA, 'write_notes', 100, 300);
    for (let round = 0; round < 50; round++) db.call(ADA, 'add_person', 'ada', 'red', round);
    const asked = [db.database.snapshot(), db.database.snapshot()];
    await Promise.all(asked);
    expect({ begun, most }).toEqual({ begun: 3, most: 1 });
    await db.database.close();
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
      code: 'database/migration-refused',
      details: {
        refusals: expect.arrayContaining(
          [
            { rule: 'RemoveColumn', table: 'person', reason: /column `team` of table `person` would be gone/ },
            { rule: 'AddColumn', table: 'person', reason: /`nickname` to table `person` requires a default/ },
            { rule: 'ChangeColumnType', table: 'person', reason: /`age` .* from u32 to u64/ },
            { rule: 'ChangeTableEventFlag', table: 'note', reason: /`note` would become an event table/ },
          ].map(({ reason, ...refusal }) =>
            expect.objectContaining({ ...refusal, reason: expect.stringMatching(reason) }),
          ),
        ),
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
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  /** A database on a disk that can be filled up. */
  async function openOnDisk() {
    const fileSystem = new CrashFileSystem();
    const setFull = (isFull: boolean) => {
      fileSystem.decide = ({ name }) =>
        isFull && ['create', 'write', 'makeDirectory'].includes(name) ? { code: 'ENOSPC' } : 'works';
    };
    const open = async () =>
      openModule('people.ts', { storage: await openOn(fileSystem, { segmentBytes: 1_000_000 }) });
    return { open, setFull };
  }

  const panics = (texts: readonly string[]) => texts.filter((text) => text.includes('takes no more writes'));

  test('stops writes with a clear reason, takes back what is not durable, and goes on with reads', async () => {
    const { open, setFull } = await openOnDisk();
    const db = await open();
    db.call(ADA, 'add_person', 'ada', 'red', 36);
    const { offset } = db.call(ADA, 'write_notes', 3, 10);
    await db.database.whenDurable(offset!);
    const [people, notes] = [db.rows('person'), db.rows('note')];
    const commits: Commit[] = [];
    db.database.onCommit((commit) => commits.push(commit));
    setFull(true);
    const lost = db.call(ADA, 'add_person', 'bob', 'red', 25);
    db.call(ADA, 'rename_person', 1n, 'adam');
    db.call(ADA, 'clear_notes');
    db.call(ADA, 'write_notes', 1, 10);
    expect(db.database.failure).toBeUndefined();
    await expect(db.database.whenDurable(lost.offset!)).rejects.toMatchObject({ code: 'storage/write-failed' });

    expect(db.database.failure).toMatchObject({ code: 'database/read-only', details: { reason: 'ENOSPC' } });
    expect([db.rows('person'), db.rows('note')]).toEqual([people, notes]);
    expect(commits.map(({ kind }) => kind).at(-1)).toBe('taken-back');
    expect(commits.at(-1)?.offset).toBeUndefined();
    const refused = db.call(ADA, 'add_person', 'cy', 'red', 30).outcome;
    const message = refused.type === 'failed-internal' ? refused.message : '';
    expect(refused).toMatchObject({ type: 'failed-internal', reason: 'refused' });
    expect(message).toMatch(
      /takes no more writes; reads go on\. Writing .*ENOSPC.*free some space, then open the database/,
    );
    expect(message).not.toMatch(/\.\.|may be lost.*may be lost/);
    expect(db.database.status().isReadOnly).toBe(true);
    expect(panics(db.logTexts())).toHaveLength(1);
    // Reading procedures and connections still work, writing ones say why they do not.
    expect(db.run(ADA, 'count_people', 'red').value).toBe(1n);
    expect(db.database.connect(ADA, '{}')).toEqual({ type: 'accepted', offset: undefined });
    db.database.disconnect(ADA);
    const move = db.run(ADA, 'move_team', 'red', 'blue', '').result.outcome;
    expect(move.type === 'failed' && move.message).toMatch(/takes no more writes/);
    expect(db.rows('person')).toEqual(people);
    await expect(db.database.snapshot()).rejects.toMatchObject({ code: 'storage/write-failed' });
    await expect(db.database.close()).rejects.toMatchObject({ code: 'storage/write-failed' });

    setFull(false);
    const again = await open();
    expect(again.rows('person')).toEqual(people);
    expect(again.rows('note')).toEqual(notes);
    expect(again.call(ADA, 'add_person', 'bob', 'red', 25).outcome).toEqual({ type: 'committed' });
    await again.database.close();
  });

  test('whatever was written before it failed, leaves exactly what is durable to be read', async () => {
    const reducers = fc.oneof(
      fc.record({
        name: fc.constant('add_person'),
        args: fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constant('red'), fc.nat(90)),
      }),
      fc.record({ name: fc.constant('remove_person'), args: fc.tuple(fc.bigInt(1n, 6n)) }),
      fc.record({
        name: fc.constant('rename_person'),
        args: fc.tuple(fc.bigInt(1n, 6n), fc.constantFrom('a', 'b', 'c')),
      }),
      fc.record({ name: fc.constant('write_notes'), args: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constant(5)) }),
      fc.record({ name: fc.constant('clear_notes'), args: fc.constant([]) }),
    );
    const calls = fc.array(reducers, { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(calls, calls, async (durable, lost) => {
        const { open, setFull } = await openOnDisk();
        const db = await open();
        for (const { name, args } of durable) db.call(ADA, name, ...args);
        const { nextOffset } = db.database.status();
        await db.database.whenDurable(nextOffset - 1n);
        const before = ['person', 'note', 'result'].map((table) => db.rows(table));
        setFull(true);
        for (const { name, args } of lost) db.call(ADA, name, ...args);
        const last = db.database.status().nextOffset;
        if (last > nextOffset) await expect(db.database.whenDurable(last - 1n)).rejects.toThrow('ENOSPC');
        expect(['person', 'note', 'result'].map((table) => db.rows(table))).toEqual(before);
        await db.database.close().catch(() => undefined);
      }),
      { numRuns: 40 },
    );
  });

  test('that is full when it is opened serves reads, and clients of an earlier process stay as they were', async () => {
    const { open, setFull } = await openOnDisk();
    const first = await open();
    first.call(ADA, 'add_person', 'ada', 'red', 36);
    const connected = first.database.connect(ADA, '{}');
    expect(connected).toMatchObject({ type: 'accepted', offset: expect.any(BigInt) });
    await first.database.close();
    setFull(true);
    const second = await open();
    expect(second.database.failure).toMatchObject({ code: 'database/read-only' });
    expect(second.rows('person')).toHaveLength(1);
    expect(second.database.connect({ ...ADA, connectionId: 99n }, '{}')).toEqual({
      type: 'accepted',
      offset: undefined,
    });
    expect(panics(second.logTexts())).toHaveLength(1);
    // Nothing of anybody's work was lost.
    await second.database.close();
    setFull(false);
    const third = await open();
    expect(third.database.failure).toBeUndefined();
    expect(third.call(ADA, 'add_person', 'bob', 'red', 25).outcome).toEqual({ type: 'committed' });
    await third.database.close();
  });

  test('while nothing waited is known at the next use, with its reason', async () => {
    const storage = createMemoryStorage();
    const db = await openModule('people.ts', { storage });
    const failure = new StorageError({ code: 'storage/write-failed', message: 'no more' });
    Object.defineProperty(storage, 'failure', { get: () => failure });
    expect(db.call(ADA, 'add_person', 'ada', 'red', 36).outcome).toMatchObject({
      type: 'failed-internal',
      message: 'the database takes no more writes; reads go on. no more',
    });
    expect(panics(db.logTexts())).toHaveLength(1);
    await db.database.close();
  });

  test('that throws where it should reject is one that failed, and nothing is thrown at anybody', async () => {
    const storage = createMemoryStorage();
    const db = await openModule('people.ts', { storage });
    storage.whenDurable = () => {
      throw new Error('a bug of the storage');
    };
    expect(db.call(ADA, 'add_person', 'ada', 'red', 36).outcome).toEqual({ type: 'committed' });
    await turn();
    expect(db.database.failure).toMatchObject({
      code: 'database/read-only',
      message: expect.stringContaining('a bug of the storage'),
    });
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
