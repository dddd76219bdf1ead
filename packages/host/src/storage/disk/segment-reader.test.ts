import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CrashFileSystem } from '../test/crash-file-system.ts';
import { SegmentReader } from './segment-reader.ts';

const FILE = '/data/a.log';
const SIZE = 2_500_000;

async function openReader(bytes: Uint8Array): Promise<SegmentReader> {
  const fileSystem = new CrashFileSystem();
  await fileSystem.makeDirectory('/data');
  const file = await fileSystem.open(FILE, 'create');
  await file.write(bytes, 0);
  await file.close();
  return SegmentReader.open(fileSystem, FILE, 0);
}

/** No two runs of four bytes are alike. */
function makeContents(): Uint8Array {
  const words = Uint32Array.from({ length: SIZE / 4 }, (_, index) => Math.imul(index + 1, 0x9e37_79b1));
  return new Uint8Array(words.buffer);
}

test('bytes are those of the file wherever they are asked for, and zeros behind its end', async () => {
  const contents = makeContents();
  const padded = new Uint8Array(SIZE * 2);
  padded.set(contents);
  // Forwards by little as a rule, and sometimes anywhere; shorter and longer than a window.
  const step = fc.record({
    isJump: fc.integer({ min: 0, max: 4 }).map((number) => number === 0),
    at: fc.nat({ max: SIZE + 1000 }),
    length: fc.oneof(fc.nat({ max: 3000 }), fc.integer({ min: 500_000, max: 1_400_000 })),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const reader = await openReader(contents);
      let position = 0;
      for (const { isJump, at, length } of steps) {
        if (isJump) position = at;
        const found = await reader.read(position, length);
        expect(Buffer.compare(found, padded.subarray(position, position + length))).toBe(0);
        position = Math.min(position + length, SIZE + 1000);
      }
      await reader.close();
    }),
    { numRuns: 25 },
  );
});

test('the memory for windows is that of one of them', async () => {
  const reader = await openReader(makeContents());
  const buffers = new Set<ArrayBufferLike>();
  for (let position = 0; position < SIZE; position += 4096) buffers.add((await reader.read(position, 4096)).buffer);
  expect(buffers.size).toBe(1);
  await reader.close();
});
