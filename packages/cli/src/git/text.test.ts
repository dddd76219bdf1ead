import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeForDisplay, makePathKey } from './text.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('valid UTF-8 is its own key, with its byte order mark and its controls', () => {
  for (const path of ['README.md', '__proto__', 'ünï/日本', '\ufeffbom', 'new\nline', '\ufffd', ''])
    expect(makePathKey(bytes(path))).toBe(path);
});

test('other bytes become base64, and a real path that looks so is escaped', () => {
  expect(makePathKey(Uint8Array.of(0x6c, 0xe9))).toBe('bytes:bOk=');
  expect(makePathKey(bytes('bytes:bOk='))).toBe('bytes:bytes:bOk=');
  expect(makePathKey(bytes('bytes:bytes:x'))).toBe('bytes:bytes:bytes:x');
  // Valid in form, but no Unicode: a surrogate, an overlong slash.
  for (const path of [Uint8Array.of(0xed, 0xa0, 0x80), Uint8Array.of(0xc0, 0xaf)])
    expect(makePathKey(path)).toMatch(/^bytes:[^b]/);
});

test('two paths never share a key', () => {
  const path = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 8 }).map(bytes),
    fc.uint8Array({ maxLength: 6 }).map((some) => bytes(`bytes:${Buffer.from(some).toString('base64')}`)),
  );
  fc.assert(
    fc.property(path, path, (left, right) => {
      expect(makePathKey(left) === makePathKey(right)).toBe(Buffer.compare(left, right) === 0);
    }),
  );
});

test('for display, what is not UTF-8 is marked', () => {
  expect(decodeForDisplay(Uint8Array.of(0x4a, 0xf6, 0x72))).toBe('J\ufffdr');
});
