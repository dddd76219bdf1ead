import { expect, test } from 'vitest';
import { recoverAll } from '../test/contract.ts';
import { CrashFileSystem } from '../test/crash-file-system.ts';
import { DIRECTORY, makeChunks, makeRecord, openOn } from '../test/disk-harness.ts';
import { salvageDiskStorage, type DamagedRange } from './salvage.ts';

const SNAPSHOT = `${DIRECTORY}/snapshots/00000000000000000006.snapshot`;

/** A snapshot at 6, then records 6 to 25 in frames of five, in several segments. */
async function writeHistory(): Promise<CrashFileSystem> {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem, { segmentBytes: 1500 });
  await recoverAll(storage);
  for (let offset = 0; offset < 6; offset++) storage.append(makeRecord(offset));
  await storage.writeSnapshot(6n, makeChunks(6));
  for (let offset = 6; offset < 26; offset++) {
    storage.append(makeRecord(offset));
    if (offset % 5 === 0) await storage.whenDurable(BigInt(offset));
  }
  await storage.close();
  return fileSystem;
}

interface Salvaged {
  readonly records: ReadonlyMap<number, Uint8Array>;
  readonly chunks: ReadonlyMap<number, Uint8Array>;
  readonly damaged: readonly DamagedRange[];
}

async function salvage(fileSystem: CrashFileSystem): Promise<Salvaged> {
  const records = new Map<number, Uint8Array>();
  const chunks = new Map<number, Uint8Array>();
  const damaged: DamagedRange[] = [];
  const steps = fileSystem.steps;
  const report = await salvageDiskStorage(
    DIRECTORY,
    {
      record: (offset, record) => void records.set(Number(offset), record.slice()),
      snapshotChunk: (_offset, index, chunk) => void chunks.set(index, chunk.slice()),
      damaged: (range) => void damaged.push(range),
    },
    fileSystem,
  );
  expect(fileSystem.steps).toBe(steps);
  expect(report).toEqual({ records: records.size, snapshotChunks: chunks.size, damagedRanges: damaged.length });
  return { records, chunks, damaged };
}

test('a sound storage is read out whole, and nothing is reported', async () => {
  const { records, chunks, damaged } = await salvage(await writeHistory());
  expect(damaged).toEqual([]);
  expect([...records.keys()]).toEqual(Array.from({ length: 20 }, (_, at) => at + 6));
  expect([...chunks.values()]).toEqual(makeChunks(6));
});

test('with any byte changed, all that it does not touch is read out, and the rest is reported', async () => {
  const fileSystem = await writeHistory();
  for (const file of fileSystem.files()) {
    const { length } = fileSystem.contents(file);
    for (let at = 0; at < length; at++) {
      const damaged = fileSystem.clone();
      const bytes = damaged.contents(file);
      bytes[at]! ^= 0x10;
      damaged.put(file, bytes);
      const found = await salvage(damaged);
      const place = `${file} byte ${at}`;
      for (const [offset, record] of found.records) expectSame(record, makeRecord(offset), place);
      for (const [index, chunk] of found.chunks) expectSame(chunk, makeChunks(6)[index]!, place);
      if (found.records.size < 20 || found.chunks.size < 3) expect(found.damaged.length, place).toBeGreaterThan(0);
      // A frame has five records at most, and a chunk whose length was changed hides those behind it.
      expect(found.records.size, place).toBeGreaterThanOrEqual(15);
      if (file !== SNAPSHOT) expect(found.chunks.size, place).toBe(3);
    }
  }
});

test('a changed record costs that record alone', async () => {
  const fileSystem = await writeHistory();
  const file = fileSystem.files().find((name) => name.endsWith('06.log'))!;
  const bytes = fileSystem.contents(file);
  bytes[64 + 32 + 8]! ^= 1;
  fileSystem.put(file, bytes);
  const { records, damaged } = await salvage(fileSystem);
  expect(records.has(6)).toBe(false);
  expect(records.size).toBe(19);
  expect(damaged).toEqual([
    { file, from: 96, to: 96 + 8 + makeRecord(6).length, reason: 'record 6 does not match its checksum' },
  ]);
});

test('files that are missing or foreign are named', async () => {
  const fileSystem = await writeHistory();
  const second = fileSystem.files().filter((name) => name.endsWith('.log'))[1]!;
  await fileSystem.remove(second);
  await fileSystem.remove(`${DIRECTORY}/database`);
  fileSystem.put(`${DIRECTORY}/log/notes.txt`, new Uint8Array(3));
  const fresh = fileSystem.clone();
  const { damaged, records } = await salvage(fresh);
  expect(records.size).toBeGreaterThanOrEqual(10);
  expect(damaged.map((range) => range.reason).join('\n')).toMatch(/does not give[^]*missing before here/);
});

test('a directory in which no file is sound is no database', async () => {
  const fileSystem = new CrashFileSystem();
  fileSystem.put(`${DIRECTORY}/log/00000000000000000000.log`, new Uint8Array(100));
  await expect(salvage(fileSystem)).rejects.toMatchObject({ code: 'storage/not-a-database' });
});

function expectSame(actual: Uint8Array, expected: Uint8Array, place: string): void {
  if (Buffer.compare(actual, expected) !== 0) expect.fail(`${place}: other bytes than were written`);
}
