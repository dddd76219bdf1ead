import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMemoryStorage, makeMemoryContents } from '../memory-storage.ts';
import { openDiskStorage } from '../disk/disk-storage.ts';
import { recoverAll, runStorageContract } from '../test/contract.ts';
import { CrashFileSystem } from '../test/crash-file-system.ts';
import { SealedStorage } from './sealed-storage.ts';
import { Sealer, type SealedPlace } from './sealer.ts';

const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);

let openings = 0;
function makeSealer(key = KEY, acceptsPlain = false): Sealer {
  openings += 1;
  const salt = new Uint8Array(16);
  new DataView(salt.buffer).setUint32(0, openings);
  return new Sealer(key, { salt, acceptsPlain });
}

describe('on a file system in memory', () => {
  runStorageContract(async () => {
    const fileSystem = new CrashFileSystem();
    return {
      open: async () =>
        new SealedStorage(await openDiskStorage({ directory: '/data', fileSystem, segmentBytes: 2048 }), makeSealer()),
      dispose: async () => undefined,
    };
  });
});

const place: fc.Arbitrary<SealedPlace> = fc.record({
  kind: fc.constantFrom('record', 'snapshot'),
  offset: fc.bigInt(0n, 2n ** 63n),
  index: fc.nat(),
});

test('what is sealed is opened by another opening with the same key, in its own place only', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), place, place, (bytes, own, other) => {
      const sealed = makeSealer().seal(bytes, own);
      expect(new Uint8Array(makeSealer().open(sealed, own))).toEqual(bytes);
      const isSame = own.kind === other.kind && own.offset === other.offset && own.index === other.index;
      if (!isSame) expect(() => makeSealer().open(sealed, other)).toThrow('another place');
      expect(() => makeSealer(OTHER_KEY).open(sealed, own)).toThrow('another key');
    }),
  );
});

test('a single bit that was changed anywhere is found', () => {
  const own: SealedPlace = { kind: 'record', offset: 3n, index: 0 };
  const sealed = makeSealer().seal(new TextEncoder().encode('some record'), own);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = sealed.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(() => makeSealer().open(changed, own)).toThrow(expect.objectContaining({ code: 'storage/not-authentic' }));
  }
  for (let length = 0; length < sealed.length; length += 1) {
    expect(() => makeSealer().open(sealed.subarray(0, length), own)).toThrow(
      expect.objectContaining({ code: 'storage/not-authentic' }),
    );
  }
});

test('the same bytes never look the same, within an opening and in another', () => {
  const own: SealedPlace = { kind: 'record', offset: 3n, index: 0 };
  const bytes = new Uint8Array(32);
  const sealer = makeSealer();
  const texts = [sealer.seal(bytes, own), sealer.seal(bytes, own), makeSealer().seal(bytes, own)].map((sealed) =>
    Buffer.from(sealed.subarray(25)).toString('hex'),
  );
  expect(new Set(texts).size).toBe(3);
});

test('nothing of a record or chunk is there to be read in what is stored', async () => {
  const contents = makeMemoryContents();
  const storage = new SealedStorage(createMemoryStorage({ contents }), makeSealer());
  await recoverAll(storage);
  storage.append(new TextEncoder().encode('canary-record'));
  await storage.writeSnapshot(1n, [new TextEncoder().encode('canary-chunk')]);
  storage.append(new TextEncoder().encode('canary-later'));
  const seen: string[] = [];
  const plain = createMemoryStorage({ contents });
  const { records, snapshot } = await recoverAll(plain);
  for (const bytes of [...records.map(({ record }) => record), ...(snapshot?.chunks ?? [])])
    seen.push(Buffer.from(bytes).toString('latin1'));
  expect(seen).toHaveLength(2);
  expect(seen.join()).not.toContain('canary');
});

test('plain data are taken while a directory is converted, and only then', async () => {
  const contents = makeMemoryContents();
  const plain = createMemoryStorage({ contents });
  await recoverAll(plain);
  plain.append(new Uint8Array([1, 2, 3]));
  await plain.close();
  const converting = new SealedStorage(createMemoryStorage({ contents }), makeSealer(KEY, true));
  const { records } = await recoverAll(converting);
  expect(records.map(({ record }) => [...record])).toEqual([[1, 2, 3]]);
  await converting.close();
  const strict = new SealedStorage(createMemoryStorage({ contents }), makeSealer());
  await expect(recoverAll(strict)).rejects.toMatchObject({ code: 'storage/not-authentic' });
});
