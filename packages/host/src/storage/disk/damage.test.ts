import { describe, expect, test } from 'vitest';
import { recoverAll } from '../test/contract.ts';
import { StorageError } from '../storage-error.ts';
import { CrashFileSystem } from '../test/crash-file-system.ts';
import { countRecords, DIRECTORY, makeChunks, makeRecord, openOn, readBack } from '../test/disk-harness.ts';
import { encodeFileHeader, FILE_HEADER_BYTES } from './file-header.ts';

const LOG = `${DIRECTORY}/log`;
const FIRST_SEGMENT = `${LOG}/00000000000000000000.log`;

/** A storage with a snapshot and two segments behind it: 9 to 12, 13 to 15. */
async function writeHistory(): Promise<CrashFileSystem> {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem, { segmentBytes: 600 });
  await recoverAll(storage);
  for (let offset = 0; offset < 16; offset++) {
    if (offset === 9) await storage.writeSnapshot(9n, makeChunks(9));
    storage.append(makeRecord(offset));
    await storage.whenDurable(BigInt(offset));
  }
  await storage.close();
  return fileSystem;
}

/** A storage with that many records in its first segment, closed. */
async function writeClosed(records: number): Promise<CrashFileSystem> {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem, { segmentBytes: 1_000_000 });
  await recoverAll(storage);
  for (let offset = 0; offset < records; offset++) storage.append(makeRecord(offset));
  await storage.close();
  return fileSystem;
}

/** As `writeHistory`, but the process ended without closing, and the watermark is behind. */
async function writeUnclosed(records: number): Promise<CrashFileSystem> {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem, { segmentBytes: 1_000_000 });
  await recoverAll(storage);
  for (let offset = 0; offset < records; offset++) {
    storage.append(makeRecord(offset));
    await storage.whenDurable(BigInt(offset));
  }
  return fileSystem.afterProcessCrash();
}

/** What reading gives: the number of records, or the code of the error. Anything but what was stored throws. */
async function outcome(fileSystem: CrashFileSystem): Promise<number | string> {
  try {
    return countRecords(await readBack(fileSystem));
  } catch (error) {
    if (error instanceof StorageError) return error.code;
    throw error;
  }
}

/** Every file with its bytes. */
function dump(fileSystem: CrashFileSystem): Record<string, string> {
  return Object.fromEntries(
    fileSystem.files().map((file) => [file, Buffer.from(fileSystem.contents(file)).toString('hex')]),
  );
}

function flip(fileSystem: CrashFileSystem, file: string, at: number, mask: number): CrashFileSystem {
  const damaged = fileSystem.clone();
  const bytes = damaged.contents(file);
  bytes[at]! ^= mask;
  damaged.put(file, bytes);
  return damaged;
}

function cut(fileSystem: CrashFileSystem, file: string, size: number): CrashFileSystem {
  const damaged = fileSystem.clone();
  damaged.put(file, damaged.contents(file).slice(0, size));
  return damaged;
}

describe('a closed storage', () => {
  test('read as it is, gives what was stored', async () => {
    const fileSystem = await writeHistory();
    expect(fileSystem.files().map((file) => file.slice(DIRECTORY.length))).toEqual([
      '/database',
      '/log/00000000000000000009.log',
      '/log/00000000000000000011.log',
      '/log/00000000000000000015.log',
      '/snapshots/00000000000000000009.snapshot',
      '/watermark',
    ]);
    expect(await outcome(fileSystem)).toBe(16);
  });

  test.each([0x01, 0x80, 0xff])('with any byte changed by %i, gives an error or what was stored', async (mask) => {
    const fileSystem = await writeHistory();
    const unnoticed: string[] = [];
    for (const file of fileSystem.files()) {
      const { length } = fileSystem.contents(file);
      for (let at = 0; at < length; at++) {
        const found = await outcome(flip(fileSystem, file, at, mask));
        if (typeof found === 'number' && found !== 16) expect.fail(`${file} byte ${at}: ${found} records`);
        if (found === 16) unnoticed.push(`${file}:${at}`);
      }
    }
    // Of the watermark one slot may be changed, and what lies between the slots; of everything else no byte.
    expect(unnoticed.filter((place) => !place.includes('watermark'))).toEqual([]);
  });

  test('with any file cut at any byte, gives an error', async () => {
    const fileSystem = await writeHistory();
    for (const file of fileSystem.files()) {
      for (let size = 0; size < fileSystem.contents(file).length; size++) {
        expect(typeof (await outcome(cut(fileSystem, file, size))), `${file} cut to ${size} bytes`).toBe('string');
      }
    }
  });

  test.each([
    ['with a snapshot and segments', () => writeHistory()],
    ['in its first segment', () => writeClosed(3)],
  ])('%s and any file missing, is damaged, and nothing is changed', async (_, write) => {
    const fileSystem = await write();
    for (const file of fileSystem.files()) {
      const damaged = fileSystem.clone();
      await damaged.remove(file);
      const left = dump(damaged);
      expect(await outcome(damaged), file).toBe('storage/corrupt');
      expect(dump(damaged), `${file} was missing`).toEqual(left);
    }
  });

  test('with only some of its files left, is never taken for a new one while they hold anything', async () => {
    const fileSystem = await writeClosed(3);
    const empty = dump(await writeClosed(0));
    const files = fileSystem.files();
    for (let kept = 1; kept < 1 << files.length; kept++) {
      const damaged = fileSystem.clone();
      for (const [index, file] of files.entries()) if (((kept >> index) & 1) === 0) await damaged.remove(file);
      const left = dump(damaged);
      const whole = kept === (1 << files.length) - 1;
      expect(await outcome(damaged), JSON.stringify(Object.keys(left))).toBe(whole ? 3 : 'storage/corrupt');
      expect(dump(damaged)).toEqual(left);
    }
    expect(Object.keys(empty)).toEqual(files);
  });

  test('without its log or its snapshots, is damaged', async () => {
    for (const part of ['log', 'snapshots']) {
      const fileSystem = await writeHistory();
      const damaged = new CrashFileSystem();
      for (const file of fileSystem.files().filter((each) => !each.startsWith(`${DIRECTORY}/${part}/`))) {
        damaged.put(file, fileSystem.contents(file));
      }
      await expect(readBack(damaged)).rejects.toMatchObject({
        code: 'storage/corrupt',
        details: { file: `${DIRECTORY}/${part}` },
      });
    }
  });

  test('without the directory of snapshots, opens as long as its log goes back to the first record', async () => {
    const fileSystem = await writeClosed(3);
    const copy = new CrashFileSystem();
    for (const file of fileSystem.files()) copy.put(file, fileSystem.contents(file));
    expect(await outcome(copy)).toBe(3);
    await copy.remove(`${LOG}/00000000000000000000.log`);
    expect(await outcome(copy)).toBe('storage/corrupt');
  });

  test('that was made and never written to, is made again where its marker is missing', async () => {
    const fileSystem = await writeClosed(0);
    await fileSystem.remove(`${DIRECTORY}/database`);
    expect(await outcome(fileSystem)).toBe(0);
    expect(fileSystem.files()).toContain(`${DIRECTORY}/database`);
  });

  test('says file and byte of the damage, and changes nothing', async () => {
    const fileSystem = await writeHistory();
    const file = `${LOG}/00000000000000000011.log`;
    const damaged = flip(fileSystem, file, FILE_HEADER_BYTES + 45, 4);
    const before = damaged.contents(file);
    await expect(readBack(damaged)).rejects.toMatchObject({
      code: 'storage/corrupt',
      details: { file, byte: FILE_HEADER_BYTES + 32, reason: expect.stringContaining('record 11') },
    });
    expect(damaged.contents(file)).toEqual(before);
  });

  test('with a file of another database, gives an error', async () => {
    const fileSystem = await writeHistory();
    const other = await writeHistory();
    for (const file of fileSystem.files().filter((name) => !name.endsWith('/database'))) {
      const mixed = fileSystem.clone();
      mixed.put(file, other.contents(file));
      expect(await outcome(mixed), file).toBe('storage/corrupt');
    }
  });
});

describe('a storage that was not closed', () => {
  test.each([0x01, 0x80, 0xff])(
    'with any byte of the log changed by %i, gives an error or what was stored',
    async (mask) => {
      // The last frame lies in one sector, or spans several.
      for (const records of [1, 4]) {
        const fileSystem = await writeUnclosed(records);
        const whole = fileSystem.contents(FIRST_SEGMENT);
        const used = contentEnd(whole);
        // A part of the room laid ahead stands for all of it.
        fileSystem.put(FIRST_SEGMENT, whole.slice(0, used + 1100));
        for (let at = 0; at < used + 1100; at++) {
          const found = await outcome(flip(fileSystem, FIRST_SEGMENT, at, mask));
          if (typeof found === 'number' && found !== records) expect.fail(`byte ${at} of ${used}: ${found} records`);
          if (at < used) expect(found, `byte ${at} of ${used}`).toBe('storage/corrupt');
        }
      }
    },
  );

  test('cut at any byte, gives an error or the first records', async () => {
    const fileSystem = await writeUnclosed(6);
    const used = contentEnd(fileSystem.contents(FIRST_SEGMENT));
    for (let size = 0; size <= used; size++) {
      const found = await outcome(cut(fileSystem, FIRST_SEGMENT, size));
      if (typeof found === 'number') expect(found).toBeLessThanOrEqual(6);
      if (size === used) expect(found).toBe(6);
    }
  });

  test('torn anywhere in the last frame, gives all records before it', async () => {
    const fileSystem = await writeUnclosed(6);
    const whole = fileSystem.contents(FIRST_SEGMENT);
    const before = contentEnd((await writeUnclosed(5)).contents(FIRST_SEGMENT));
    for (let written = before; written < contentEnd(whole); written++) {
      const torn = fileSystem.clone();
      torn.put(
        FIRST_SEGMENT,
        whole.map((value, at) => (at < written ? value : 0)),
      );
      expect(await outcome(torn), `torn at ${written}`).toBe(5);
      expect(await outcome(torn), `torn at ${written}, read again`).toBe(5);
    }
  });

  test('with sectors of the last frame unwritten, gives all records before it', async () => {
    const fileSystem = await writeUnclosed(4);
    const whole = fileSystem.contents(FIRST_SEGMENT);
    const start = contentEnd((await writeUnclosed(3)).contents(FIRST_SEGMENT));
    const first = Math.floor(start / 512);
    const last = Math.floor((contentEnd(whole) - 1) / 512);
    expect(last - first).toBeGreaterThanOrEqual(3);
    for (let missing = 1; missing < 1 << (last - first + 1); missing++) {
      const torn = fileSystem.clone();
      const isLost = (at: number): boolean => at >= start && ((missing >> (Math.floor(at / 512) - first)) & 1) === 1;
      torn.put(
        FIRST_SEGMENT,
        whole.map((value, at) => (isLost(at) ? 0 : value)),
      );
      expect(await outcome(torn), `sectors ${missing.toString(2)} lost`).toBe(3);
    }
  });

  test('sectors of zeros in an acknowledged frame are damage when a later frame is there', async () => {
    const fileSystem = await writeUnclosed(5);
    const bytes = fileSystem.contents(FIRST_SEGMENT);
    const start = contentEnd((await writeUnclosed(3)).contents(FIRST_SEGMENT));
    // Record 3 lies in several sectors; without a frame behind it this would be a torn tail.
    const sector = Math.ceil((start + 32) / 512) * 512;
    bytes.fill(0, sector, sector + 512);
    fileSystem.put(FIRST_SEGMENT, bytes);
    expect(await outcome(fileSystem)).toBe('storage/corrupt');
    bytes.fill(0, start, start + 512 - (start % 512));
    fileSystem.put(FIRST_SEGMENT, bytes);
    expect(await outcome(fileSystem)).toBe('storage/corrupt');
  });

  test('what looks like a torn tail is damage below the watermark, and is not cut off', async () => {
    const fileSystem = new CrashFileSystem();
    const storage = await openOn(fileSystem, { segmentBytes: 1_000_000 });
    await recoverAll(storage);
    for (let offset = 0; offset < 4; offset++) storage.append(makeRecord(offset));
    await storage.close();
    const bytes = fileSystem.contents(FIRST_SEGMENT).fill(0, 1024, 1536);
    fileSystem.put(FIRST_SEGMENT, bytes);
    await expect(readBack(fileSystem)).rejects.toMatchObject({
      code: 'storage/corrupt',
      details: { file: FIRST_SEGMENT },
    });
    expect(fileSystem.contents(FIRST_SEGMENT)).toEqual(bytes);
  });

  test('what looks like a torn tail is damage in a segment that is not the last', async () => {
    const fileSystem = new CrashFileSystem();
    const storage = await openOn(fileSystem, { segmentBytes: 1000 });
    await recoverAll(storage);
    for (let offset = 0; offset < 10; offset++) {
      storage.append(makeRecord(offset));
      await storage.whenDurable(BigInt(offset));
    }
    const left = fileSystem.afterProcessCrash();
    const bytes = left.contents(FIRST_SEGMENT).fill(0, 1024, 1536);
    left.put(FIRST_SEGMENT, bytes);
    await expect(readBack(left)).rejects.toMatchObject({
      code: 'storage/corrupt',
      details: { file: FIRST_SEGMENT, reason: 'record 3 does not match its checksum' },
    });
  });

  test('a changed byte in a last frame that has sectors of zeros of its own is damage', async () => {
    const fileSystem = new CrashFileSystem();
    const storage = await openOn(fileSystem, { segmentBytes: 1_000_000 });
    await recoverAll(storage);
    const record = new Uint8Array(3000);
    record[2900] = 0x55;
    storage.append(record);
    await storage.whenDurable(0n);
    const left = fileSystem.afterProcessCrash();
    expect((await readBack(left.clone())).records).toHaveLength(1);
    for (const at of [64 + 32 + 8 + 2900, 64 + 32 + 8 + 1500, 64 + 32 + 8 + 2999]) {
      await expect(readBack(flip(left, FIRST_SEGMENT, at, 1))).rejects.toMatchObject({ code: 'storage/corrupt' });
    }
  });

  test('a torn tail is measured and cut off', async () => {
    const fileSystem = await writeUnclosed(4);
    const whole = fileSystem.contents(FIRST_SEGMENT);
    const before = contentEnd((await writeUnclosed(3)).contents(FIRST_SEGMENT));
    fileSystem.put(FIRST_SEGMENT, whole.slice(0, contentEnd(whole) - 700));
    const { report } = await readBack(fileSystem);
    expect(report).toMatchObject({ nextOffset: 3n, tornBytes: contentEnd(whole) - 700 - before });
    expect(fileSystem.contents(FIRST_SEGMENT).length).toBe(before);
    expect((await readBack(fileSystem)).report.tornBytes).toBe(0);
  });

  test('once the watermark has passed, a log that was cut short is damage', async () => {
    const fileSystem = new CrashFileSystem();
    const storage = await openOn(fileSystem, { segmentBytes: 1_000_000 });
    await recoverAll(storage);
    storage.append(makeRecord(0));
    const empty = fileSystem.contents(FIRST_SEGMENT);
    await storage.close();
    fileSystem.put(FIRST_SEGMENT, empty);
    await expect(readBack(fileSystem)).rejects.toMatchObject({
      code: 'storage/corrupt',
      message: expect.stringContaining('all below 1 were acknowledged'),
    });
  });
});

describe('what is no database of this version', () => {
  test('a directory with other files is refused and left alone', async () => {
    const fileSystem = new CrashFileSystem();
    fileSystem.put(`${DIRECTORY}/notes.txt`, new Uint8Array(3));
    await expect(openOn(fileSystem)).rejects.toMatchObject({
      code: 'storage/not-a-database',
      message: expect.stringContaining('notes.txt'),
    });
    expect(fileSystem.files()).toEqual([`${DIRECTORY}/notes.txt`]);
  });

  test('a foreign marker is refused', async () => {
    const fileSystem = new CrashFileSystem();
    fileSystem.put(`${DIRECTORY}/database`, new TextEncoder().encode('SQLite format 3'));
    await expect(openOn(fileSystem)).rejects.toMatchObject({ code: 'storage/not-a-database' });
  });

  test('a log without its marker is damage, not a new database', async () => {
    const fileSystem = await writeHistory();
    await fileSystem.remove(`${DIRECTORY}/database`);
    await expect(openOn(fileSystem)).rejects.toMatchObject({ code: 'storage/corrupt' });
  });

  test.each(['version', 'features'])('a file of a newer version is refused by its %s', async (field) => {
    const fileSystem = await writeHistory();
    for (const file of fileSystem.files()) {
      const newer = fileSystem.clone();
      newer.put(file, makeNewer(newer.contents(file), field === 'version' ? 8 : 40));
      await expect(readBack(newer), file).rejects.toMatchObject({
        code: 'storage/newer-version',
        message: expect.stringContaining('newer version'),
      });
    }
  });
});

/** The file with a higher number at `at` of its header, and the checksum that belongs to it. */
function makeNewer(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at]! += 1;
  const checksum = crcOf(bytes.subarray(0, 60));
  new DataView(bytes.buffer).setUint32(60, checksum, true);
  return bytes;
}

function crcOf(bytes: Uint8Array): number {
  let state = 0xffffffff;
  for (const value of bytes) {
    state ^= value;
    for (let bit = 0; bit < 8; bit++) state = state & 1 ? (state >>> 1) ^ 0x82f63b78 : state >>> 1;
  }
  return ~state >>> 0;
}

function contentEnd(bytes: Uint8Array): number {
  return bytes.findLastIndex((value) => value !== 0) + 1;
}

test('a file header is 64 bytes with a checksum at the end', () => {
  const header = encodeFileHeader({ kind: 'segment', storeId: new Uint8Array(16).fill(7), offset: 258 });
  expect(header.length).toBe(FILE_HEADER_BYTES);
  expect(Buffer.from(header.subarray(0, 16)).toString('hex')).toBe('89495553544f0d0a0100000002000000');
  expect(Buffer.from(header.subarray(32, 44)).toString('hex')).toBe('020100000000000000000000');
  expect(new DataView(header.buffer).getUint32(60, true)).toBe(crcOf(header.subarray(0, 60)));
});
