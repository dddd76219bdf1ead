import { MAX_INLINE_VALUE_BYTES, type UploadChunkOp } from '@inner-universe/module/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ReadPage } from './change-source.ts';
import { loadStoredText, makeStoredText, type StoredText } from './value-text.ts';

/** Serves the chunks of a stored text, some at a time, or something else instead. */
function readerOf(
  { chunks }: StoredText,
  change: (bytes: Uint8Array, position: number) => Uint8Array = (bytes) => bytes,
): ReadPage {
  return (async (_: string, { position }: { position: number }) => {
    const pieces = chunks.slice(position, position + 3).map(({ value }) => (value as UploadChunkOp).bytes);
    return { count: chunks.length, pieces: pieces.map((piece, index) => change(piece, position + index)) };
  }) as unknown as ReadPage;
}

test('a text of any size and language comes back as it was stored', async () => {
  const units = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(units, fc.integer({ min: 1, max: 90_000 }), async (unit, count) => {
      const text = unit.repeat(count);
      const stored = makeStoredText(text, 'main', 'A text');
      const isInline = new TextEncoder().encode(text).byteLength <= MAX_INLINE_VALUE_BYTES;
      expect(stored.chunks.length === 0).toBe(isInline);
      expect(await loadStoredText(readerOf(stored), { ...stored, scope: 'main' })).toBe(text);
    }),
    { numRuns: 30 },
  );
});

test('pieces that are not what was stored are named, not read', async () => {
  const stored = makeStoredText('x'.repeat(600_000), 'main', 'A text');
  const changes = [
    (bytes: Uint8Array, position: number) => (position === 1 ? bytes.with(5, 0) : bytes),
    (bytes: Uint8Array, position: number) => (position === 1 ? bytes.slice(1) : bytes),
    (bytes: Uint8Array) => new Uint8Array([...bytes, 1]),
  ];
  for (const change of changes) {
    const loading = loadStoredText(readerOf(stored, change), { ...stored, scope: 'main' });
    await expect(loading).rejects.toMatchObject({ code: 'chunk/mismatch', details: { count: 3 } });
  }
  const missing = loadStoredText(readerOf({ ...stored, chunks: stored.chunks.slice(0, 2) }), {
    ...stored,
    scope: 'main',
  });
  await expect(missing).rejects.toMatchObject({ code: 'chunk/mismatch' });
});
