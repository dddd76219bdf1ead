import { makeWireTimestamp, type EventLogRow } from '@inner-universe/module/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CrashArchiveFiles } from '../../test/crash-archive-files.ts';
import {
  decodeFileHeader,
  decodeSegment,
  encodeFileHeader,
  encodeSegment,
  FILE_HEADER_BYTES,
  FORMAT_VERSION,
  NO_DIGEST,
} from './archive-format.ts';
import { crc32c } from './crc32c.ts';
import { EventArchive } from './event-archive.ts';
import { fileNameOf } from './segment-index.ts';

const text = fc.string({ unit: 'binary' });

const columns = fc.record({
  eventId: text,
  eventType: text,
  typeVersion: fc.nat(),
  kind: fc.constantFrom('application', 'system'),
  scope: text,
  source: text,
  publisher: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map((__identity__) => ({ __identity__ })),
  partitionKey: text,
  authoredAt: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }).map(makeWireTimestamp),
  recordedAt: fc.bigInt({ min: 0n, max: 2n ** 62n }).map(makeWireTimestamp),
  data: text,
  dataEncoding: fc.constantFrom('json/1', 'sealed/1'),
  metadata: text,
  metadataEncoding: fc.constant('json/1'),
});

const rowsFrom = (first: bigint): fc.Arbitrary<readonly EventLogRow[]> =>
  fc
    .array(columns, { minLength: 1, maxLength: 5 })
    .map((rows) => rows.map((row, at) => ({ ...row, seq: first + BigInt(at) })));

function makeRow(seq: number): EventLogRow {
  const [row] = fc.sample(columns, { seed: seq, numRuns: 1 });
  return { ...(row as Omit<EventLogRow, 'seq'>), seq: BigInt(seq), recordedAt: makeWireTimestamp(BigInt(seq * 1_000)) };
}

/** Two files with three segments of two rows. */
function makeArchive(): { files: CrashArchiveFiles; names: readonly [string, string] } {
  const files = new CrashArchiveFiles();
  const first = encodeSegment([makeRow(1), makeRow(2)], NO_DIGEST);
  const second = encodeSegment([makeRow(3), makeRow(4)], first.digest);
  const third = encodeSegment([makeRow(5), makeRow(6)], second.digest);
  const names = [fileNameOf(1n), fileNameOf(5n)] as const;
  const header = encodeFileHeader({ firstSeq: 1n, previousDigest: NO_DIGEST });
  files.put(names[0], Buffer.concat([header, first.bytes, second.bytes]));
  files.put(names[1], Buffer.concat([encodeFileHeader({ firstSeq: 5n, previousDigest: second.digest }), third.bytes]));
  return { files, names };
}

async function seqsOf(files: CrashArchiveFiles): Promise<readonly number[]> {
  const seqs: number[] = [];
  for await (const row of new EventArchive(files).rows()) seqs.push(Number(row.seq));
  return seqs;
}

describe('the bytes of an archive', () => {
  test('checksums are those of RFC 3720, appendix B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at))).toBe(0x46dd794e);
  });

  test('give back every row as it was', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 2n ** 60n }).chain((first) => rowsFrom(first)),
        (rows) => {
          const { bytes, digest } = encodeSegment(rows, NO_DIGEST);
          const decoded = decodeSegment('f', 64, bytes);
          expect(decoded.rows).toEqual(rows);
          expect(decoded.digest).toBe(digest);
        },
      ),
    );
  });

  test('are the same for the same rows, for ever', () => {
    const fixed: EventLogRow = {
      ...{
        eventId: 'one',
        eventType: 'order.placed',
        typeVersion: 2,
        kind: 'application',
        scope: 'main',
        source: 'shop',
      },
      ...{ publisher: { __identity__: 10n }, partitionKey: 'shop', data: '{"id":1}', dataEncoding: 'json/1' },
      ...{
        authoredAt: makeWireTimestamp(5n),
        recordedAt: makeWireTimestamp(7n),
        metadata: '{}',
        metadataEncoding: 'json/1',
      },
      seq: 1n,
    };
    expect(encodeSegment([fixed], NO_DIGEST).digest).toMatchInlineSnapshot(
      `"9b3cee84043e031953b94184b4d5d23435341331a24cc013807ce656a169b8a3"`,
    );
    expect(
      Buffer.from(encodeFileHeader({ firstSeq: 1n, previousDigest: NO_DIGEST })).toString('hex'),
    ).toMatchInlineSnapshot(
      `"49554556454e545301000000000000000100000000000000000000000000000000000000000000000000000000000000000000000000000000000000621c6521"`,
    );
  });

  test('of a later format are refused as such', () => {
    const bytes = Buffer.from(encodeFileHeader({ firstSeq: 1n, previousDigest: NO_DIGEST }));
    bytes.writeUInt32LE(FORMAT_VERSION + 1, 8);
    bytes.writeUInt32LE(crc32c(bytes.subarray(0, 60)), 60);
    expect(() => decodeFileHeader('f', bytes)).toThrow(expect.objectContaining({ code: 'archive/newer-format' }));
  });
});

describe('damage', () => {
  test('of any byte is found, and told with its file and byte', async () => {
    const { files, names } = makeArchive();
    for (const name of names) {
      const sound = files.contents(name);
      for (let at = 0; at < sound.length; at += 1) {
        const bytes = sound.slice();
        bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
        files.put(name, bytes);
        const error = await new EventArchive(files).verify().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error, `${name} byte ${at}`).toMatchObject({ code: 'archive/damaged' });
        const { file, byte } = (error as { details: { file: string; byte: number } }).details;
        // What is said lies at or before the byte, in what begins there; a digest's is told where the next one fails.
        if (file === name) expect(byte, `${name} byte ${at}`).toBeLessThanOrEqual(at);
      }
      files.put(name, sound);
    }
    expect(await seqsOf(files)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('of a row is told by the place of that row', async () => {
    const { files, names } = makeArchive();
    const bytes = Buffer.from(files.contents(names[0]));
    const length = bytes.readUInt32LE(FILE_HEADER_BYTES + 88);
    const second = FILE_HEADER_BYTES + 88 + 8 + length;
    bytes[second + 20] = (bytes[second + 20] as number) ^ 1;
    files.put(names[0], bytes);
    await expect(new EventArchive(files).verify()).rejects.toMatchObject({ details: { file: names[0], byte: second } });
  });

  test('of a file that is missing, was given another name, or was exchanged', async () => {
    const { files, names } = makeArchive();
    const [first, second] = names.map((name) => files.contents(name)) as [Uint8Array, Uint8Array];
    await files.remove(names[0]);
    // What is left begins later, and is sound by itself.
    expect(await seqsOf(files)).toEqual([5, 6]);
    files.put(fileNameOf(4n), second);
    await expect(seqsOf(files)).rejects.toMatchObject({ code: 'archive/damaged', details: { file: fileNameOf(4n) } });
    await files.remove(fileNameOf(4n));
    const other = encodeSegment(
      [makeRow(11), makeRow(12)].map((row, at) => ({ ...row, seq: BigInt(1 + at) })),
      NO_DIGEST,
    );
    const more = encodeSegment([makeRow(3), makeRow(4)], other.digest);
    files.put(names[0], Buffer.concat([first.subarray(0, FILE_HEADER_BYTES), other.bytes, more.bytes]));
    await expect(seqsOf(files)).rejects.toMatchObject({ code: 'archive/damaged', details: { file: names[1] } });
  });

  test('by cutting a file that others follow is found at every byte', async () => {
    const { files, names } = makeArchive();
    const sound = files.contents(names[0]);
    for (let size = 0; size < sound.length; size += 7) {
      files.put(names[0], sound.subarray(0, size));
      await expect(seqsOf(files), `${size} bytes`).rejects.toMatchObject({ code: 'archive/damaged' });
    }
  });

  test('what was being written when its writer ended is no damage: the archive ends before it', async () => {
    const { files, names } = makeArchive();
    const sound = files.contents(names[1]);
    for (let size = 0; size < sound.length; size += 1) {
      files.put(names[1], sound.subarray(0, size));
      expect(await seqsOf(files), `${size} bytes`).toEqual([1, 2, 3, 4]);
    }
  });
});

describe('an archive', () => {
  test('is read by place and time, upwards and downwards', async () => {
    const { files } = makeArchive();
    const archive = new EventArchive(files);
    const read = async (span: Parameters<EventArchive['rows']>[0]): Promise<number[]> => {
      const found: number[] = [];
      for await (const { seq } of archive.rows(span)) found.push(Number(seq));
      return found;
    };
    expect(await read({ afterSeq: 2n, throughSeq: 5n })).toEqual([3, 4, 5]);
    expect(await read({ afterSeq: 1n, descending: true })).toEqual([6, 5, 4, 3, 2]);
    expect(await read({ throughSeq: 3n, descending: true })).toEqual([3, 2, 1]);
    expect(await read({ fromMicros: 2_500n, untilMicros: 5_000n })).toEqual([3, 4, 5]);
    expect(await read({ fromMicros: 2_000n, descending: true })).toEqual([6, 5, 4, 3, 2]);
    expect(await read(4n)).toEqual([5, 6]);
    expect(await archive.verify()).toMatchObject({ firstSeq: 1n, lastSeq: 6n, segments: 3, unfinishedBytes: 0 });
  });

  test('that is not there holds nothing', async () => {
    const archive = new EventArchive(new CrashArchiveFiles());
    expect(await archive.verify()).toBeUndefined();
    for await (const row of archive.rows()) expect(row).toBeUndefined();
  });
});
