import { transform } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { bundleOf } from '../../test/module-database.ts';
import { SHARED_TEXT_NAME, shareTextBuffers } from './shared-text.ts';

const LIBRARY = `
class BinaryWriter {
  writeString(value) {
    const encoder = new TextEncoder();
    const encodedString = encoder.encode(value);
    this.writeUInt8Array(encodedString);
  }
}
`;

describe('the writer of strings', () => {
  test.each([false, true])('of the library is found in a bundle (minified: %s), once', async (minify) => {
    const { code } = await transform(await bundleOf('people.ts'), { minify });
    // As the loader has it: printed anew, with the names that are there.
    const body = await transform(code, { format: 'cjs', target: 'es2022' });
    expect(shareTextBuffers(body.code).split(SHARED_TEXT_NAME)).toHaveLength(2);
  });

  test('is left alone in a module that has an encoder of its own', () => {
    for (const own of ['class TextEncoder {}', 'var TextEncoder = x;', 'const { TextEncoder } = x;']) {
      expect(shareTextBuffers(own + LIBRARY)).toBe(own + LIBRARY);
    }
    expect(shareTextBuffers(LIBRARY)).not.toBe(LIBRARY);
  });

  test.each([
    ['another method', LIBRARY.replace('writeString', 'writeText')],
    ['one that does more', LIBRARY.replace('this.write', 'this.count += 1; this.write')],
    ['one that encodes something else', LIBRARY.replace('encode(value)', 'encode(this.value)')],
    ['one that keeps the bytes', LIBRARY.replace('this.writeUInt8Array(encodedString)', 'this.bytes = encodedString')],
  ])('%s is not it', (_what, code) => {
    expect(shareTextBuffers(code)).toBe(code);
  });
});
