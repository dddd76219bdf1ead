import { expect, test } from 'vitest';
import { CrashFileSystem } from '../test/crash-file-system.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import { writeSnapshotFile } from './snapshot-writer.ts';

const STORE_ID = new Uint8Array(16).fill(7);
const SNAPSHOT = { path: '/data/s.snapshot', offset: 3 };
const CHUNKS = [5, 0, 70_000, 1, 5_000_000, 12, 300].map((length, index) => new Uint8Array(length).fill(index + 1));

/** What happens to one file's reads. */
interface Watch {
  /** Called for each read; throws to let it fail. */
  read(position: number): void;
  readonly events: string[];
}

async function writeSnapshot(): Promise<CrashFileSystem> {
  const fileSystem = new CrashFileSystem();
  await fileSystem.makeDirectory('/data');
  await writeSnapshotFile(fileSystem, {
    ...SNAPSHOT,
    storeId: STORE_ID,
    chunks: CHUNKS,
    pause: async () => undefined,
    ready: async () => undefined,
  });
  return fileSystem;
}

function watched(fileSystem: FileSystem, watch: Watch): FileSystem {
  const open = async (...call: Parameters<FileSystem['open']>): Promise<OpenFile> => {
    const file = await fileSystem.open(...call);
    return {
      size: () => file.size(),
      read: async (into, position) => {
        watch.events.push(`read ${position}`);
        await new Promise((resolve) => setImmediate(resolve));
        watch.read(position);
        const count = await file.read(into, position);
        watch.events.push(`done ${position}`);
        return count;
      },
      write: (bytes, position) => file.write(bytes, position),
      truncate: (size) => file.truncate(size),
      sync: () => file.sync(),
      close: async () => {
        watch.events.push('close');
        await file.close();
      },
    };
  };
  return Object.assign(Object.create(fileSystem) as FileSystem, { open });
}

test('chunks come as they were written, and stay so while later ones are read', async () => {
  const reader = await SnapshotReader.open(await writeSnapshot(), SNAPSHOT, STORE_ID);
  const found: Uint8Array[] = [];
  for await (const chunk of reader.chunks()) found.push(chunk);
  await reader.drain();
  await reader.close();
  expect(found.length).toBe(CHUNKS.length);
  for (const [index, chunk] of CHUNKS.entries()) expect(Buffer.compare(found[index]!, chunk)).toBe(0);
});

test('a chunk is read while the one before it is used', async () => {
  const watch = { read: () => undefined, events: [] as string[] };
  const reader = await SnapshotReader.open(watched(await writeSnapshot(), watch), SNAPSHOT, STORE_ID);
  const chunks = reader.chunks();
  await chunks.next();
  const begun = watch.events.filter((event) => event.startsWith('read')).length;
  const ended = watch.events.filter((event) => event.startsWith('done')).length;
  expect(begun).toBe(ended + 1);
  await reader.close();
});

test('a file is closed after the chunk that is read ahead has come', async () => {
  const watch = { read: () => undefined, events: [] as string[] };
  const reader = await SnapshotReader.open(watched(await writeSnapshot(), watch), SNAPSHOT, STORE_ID);
  await reader.chunks().next();
  await reader.close();
  expect(watch.events.at(-1)).toBe('close');
  expect(watch.events.at(-2)).toMatch(/^done/);
});

test('what fails while it is read ahead is told to who asks for it, and works when asked for again', async () => {
  let failsFrom = Number.POSITIVE_INFINITY;
  const watch = {
    read: (position: number) => {
      if (position >= failsFrom) throw Object.assign(new Error('the disk is gone'), { code: 'EIO' });
    },
    events: [] as string[],
  };
  const reader = await SnapshotReader.open(watched(await writeSnapshot(), watch), SNAPSHOT, STORE_ID);
  failsFrom = 64 + 12 + 5 + 12 + 12;
  const found: number[] = [];
  const take = async (): Promise<void> => {
    for await (const chunk of reader.chunks()) found.push(chunk.length);
  };
  await expect(take()).rejects.toMatchObject({ code: 'storage/read-failed' });
  expect(found).toEqual([5, 0]);
  await expect(take()).rejects.toMatchObject({ code: 'storage/read-failed' });
  failsFrom = Number.POSITIVE_INFINITY;
  await take();
  expect(found).toEqual(CHUNKS.map(({ length }) => length));
  await reader.close();
});

test('a chunk with a damaged header behind it is handed out before that is told', async () => {
  const fileSystem = await writeSnapshot();
  const file = await fileSystem.open(SNAPSHOT.path, 'write');
  await file.write(Uint8Array.of(0), 64 + 12 + 5);
  await file.close();
  const reader = await SnapshotReader.open(fileSystem, SNAPSHOT, STORE_ID);
  const chunks = reader.chunks();
  expect((await chunks.next()).value?.length).toBe(5);
  await expect(chunks.next()).rejects.toMatchObject({ code: 'storage/corrupt', details: { byte: 64 + 12 + 5 } });
  await reader.close();
});
