import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { recoverAll } from '../test/contract.ts';
import { CrashFileSystem } from '../test/crash-file-system.ts';
import { countRecords, DIRECTORY, makeChunks, makeRecord, openOn, readBack } from '../test/disk-harness.ts';

const STORE_ID = Uint8Array.from({ length: 16 }, (_, at) => at + 1);

/** A database with a fixed id, whose files are therefore the same in every run. */
async function writeDatabase(): Promise<CrashFileSystem> {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem, { random: { bytes: () => STORE_ID }, segmentBytes: 1_000_000 });
  await recoverAll(storage);
  storage.append(makeRecord(0));
  await storage.writeSnapshot(1n, makeChunks(1));
  for (let offset = 1; offset < 4; offset++) storage.append(makeRecord(offset));
  await storage.whenDurable(3n);
  storage.append(makeRecord(4));
  await storage.close();
  return fileSystem;
}

test('the files are byte for byte those of format version 1', async () => {
  const fileSystem = await writeDatabase();
  const digests = fileSystem.files().map((file) => {
    const digest = createHash('sha256').update(fileSystem.contents(file)).digest('hex').slice(0, 16);
    return `${file.slice(DIRECTORY.length + 1)} ${fileSystem.contents(file).length} ${digest}`;
  });
  // These change only with a new format version, which must still read this one.
  expect(digests).toMatchInlineSnapshot(`
    [
      "database 64 b5b3a2622152b443",
      "log/00000000000000000001.log 2208 c288d8f405d8d143",
      "snapshots/00000000000000000001.snapshot 1843 e9a1e89340a514be",
      "watermark 1536 ffc0df13a4a217f8",
    ]
  `);
});

test('a reader that knows only the documentation finds the records', async () => {
  const fileSystem = await writeDatabase();
  const segment = Buffer.from(fileSystem.contents(`${DIRECTORY}/log/00000000000000000001.log`));
  const records: Buffer[] = [];
  for (let at = 64; at < segment.length;) {
    const recordsBytes = segment.readUInt32LE(at + 4);
    const frameHeader = segment.subarray(at, at + 24);
    expect(frameHeader.toString('latin1', 0, 4) + segment.toString('latin1', at + 28, at + 32)).toBe('FRM1HDR\n');
    expect(segment.readBigUInt64LE(at + 8)).toBe(BigInt(1 + records.length));
    expect(segment.readUInt32LE(at + 24)).toBe(checksum(STORE_ID, u64(1), u64(at), frameHeader));
    let record = at + 32;
    for (let count = segment.readUInt32LE(at + 16); count > 0; count--) {
      const length = segment.readUInt32LE(record);
      const bytes = segment.subarray(record + 8, record + 8 + length);
      const offset = u64(1 + records.length);
      expect(segment.readUInt32LE(record + 4)).toBe(checksum(STORE_ID, offset, u64(length).subarray(0, 4), bytes));
      records.push(bytes);
      record += 8 + length;
    }
    expect(record).toBe(at + 32 + recordsBytes);
    at = Math.ceil((record + 4) / 32) * 32;
    expect(segment.toString('latin1', at - 4, at)).toBe('END\n');
  }
  expect(records.map((bytes) => Uint8Array.from(bytes))).toEqual([1, 2, 3, 4].map(makeRecord));
});

test('a reader that knows only the documentation finds the chunks of a snapshot', async () => {
  const fileSystem = await writeDatabase();
  const file = Buffer.from(fileSystem.contents(`${DIRECTORY}/snapshots/00000000000000000001.snapshot`));
  const headers: Buffer[] = [];
  const chunks: Buffer[] = [];
  let at = 64;
  for (; file.toString('latin1', at, at + 4) === 'CHNK';) {
    const length = file.readUInt32LE(at + 4);
    const chunk = file.subarray(at + 12, at + 12 + length);
    const index = u64(chunks.length);
    const expected = checksum(STORE_ID, u64(1), index, u64(length).subarray(0, 4), chunk);
    expect(file.readUInt32LE(at + 8)).toBe(expected);
    headers.push(file.subarray(at, at + 12));
    chunks.push(chunk);
    at += 12 + length;
  }
  expect(chunks.map((chunk) => Uint8Array.from(chunk))).toEqual(makeChunks(1));
  expect(file.toString('latin1', at, at + 4)).toBe('DONE');
  expect(file.readUInt32LE(at + 4)).toBe(checksum(STORE_ID, u64(1), ...headers));
  expect(file.readBigUInt64LE(at + 8)).toBe(3n);
  expect(file.readBigUInt64LE(at + 16)).toBe(BigInt(chunks.reduce((sum, chunk) => sum + chunk.length, 0)));
  expect(file.readUInt32LE(at + 24)).toBe(checksum(STORE_ID, u64(1), file.subarray(at, at + 24)));
  expect(at + 32).toBe(file.length);
});

test('the watermark names the end of a closed log', async () => {
  const fileSystem = await writeDatabase();
  const file = Buffer.from(fileSystem.contents(`${DIRECTORY}/watermark`));
  const slots = [512, 1024].filter((at) => file.toString('latin1', at + 12, at + 16) === 'WMK\n');
  expect(slots.map((at) => file.readBigUInt64LE(at))).toContain(5n);
  for (const at of slots) expect(file.readUInt32LE(at + 8)).toBe(checksum(STORE_ID, file.subarray(at, at + 8)));
  expect(countRecords(await readBack(fileSystem))).toBe(5);
});

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** CRC-32C by its definition, of the parts one after another. */
function checksum(...parts: readonly Uint8Array[]): number {
  let state = 0xffffffff;
  for (const value of Buffer.concat(parts)) {
    state ^= value;
    for (let bit = 0; bit < 8; bit++) state = state & 1 ? (state >>> 1) ^ 0x82f63b78 : state >>> 1;
  }
  return ~state >>> 0;
}
