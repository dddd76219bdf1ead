import { transform } from 'esbuild';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ADA, bundleOf, openModule } from '../../test/module-database.ts';
import { READ_TEXT_NAME, SHARED_TEXT_NAME, shareTextBuffers, WRITE_TEXT_NAME, WRITE_U256_NAME } from './shared-text.ts';

const WRITE_BYTES = `
  writeUInt8Array(value) {
    const length = value.length;
    this.expandBuffer(4 + length);
    this.writeU32(length);
    new Uint8Array(this.buffer.buffer, this.offset).set(value);
    this.offset += length;
  }`;
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
    expect(shareTextBuffers(body.code).split(WRITE_TEXT_NAME)).toHaveLength(2);
  });

  test('writes straight into its buffer only where its bytes are written as they are known to be', () => {
    const whole = LIBRARY.replace('writeString', `${WRITE_BYTES.trim()}\n  writeString`);
    expect(shareTextBuffers(whole)).toContain(`${WRITE_TEXT_NAME}(this, value);`);
    const others = [LIBRARY, whole.replace('expandBuffer(4 ', 'expandBuffer(8 '), whole + WRITE_BYTES];
    for (const other of others) {
      expect(shareTextBuffers(other)).toContain(`this.writeUInt8Array(${SHARED_TEXT_NAME}(value));`);
      expect(shareTextBuffers(other)).not.toContain(WRITE_TEXT_NAME);
    }
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

const READER = `
class BinaryReader {
  readBytes(length) {
    const array = new Uint8Array(
      this.view.buffer,
      this.view.byteOffset + this.offset,
      length
    );
    this.offset += length;
    return array;
  }
  readString() {
    const length = this.readU32();
    this.#ensure(length);
    const bytes = this.readBytes(length);
    return new TextDecoder("utf-8").decode(bytes);
  }
}
`;

describe('the reader of strings', () => {
  test.each([false, true])('of the library is found in a bundle (minified: %s), once', async (minify) => {
    const { code } = await transform(await bundleOf('people.ts'), { minify });
    const body = await transform(code, { format: 'cjs', target: 'es2022' });
    expect(shareTextBuffers(body.code).split(READ_TEXT_NAME)).toHaveLength(2);
  });

  test('still looks first whether there is as much', () => {
    expect(shareTextBuffers(READER)).toContain(`this.#ensure(length);\n    return ${READ_TEXT_NAME}(this, length);`);
  });

  test.each([
    ['in a module that has a decoder of its own', `class TextDecoder {}${READER}`],
    ['whose bytes are read in another way', READER.replace('+= length', '+= 2 * length')],
    ['beside another reader of bytes', READER + READER.slice(0, READER.indexOf('readString'))],
    ['that does not look whether there is as much', READER.replace('this.#ensure(length);', '')],
    ['that decodes something else', READER.replace('decode(bytes)', 'decode(this.bytes)')],
    ['that refuses what is no text', READER.replace('"utf-8"', '"utf-8", { fatal: true }')],
  ])('is left alone %s', (_what, code) => {
    expect(shareTextBuffers(code)).toBe(code);
  });
});

describe('the writer of identities', () => {
  test.each([false, true])('of the library is found in a bundle (minified: %s), once', async (minify) => {
    const { code } = await transform(await bundleOf('people.ts'), { minify });
    const body = await transform(code, { format: 'cjs', target: 'es2022' });
    expect(shareTextBuffers(body.code).split(WRITE_U256_NAME)).toHaveLength(2);
  });

  test('is left alone where it writes in another way', async () => {
    const code = await bundleOf('people.ts');
    const other = code.replace(/(writeU256\(value\) \{\s*this\.expandBuffer\()32/, '$164');
    expect(other).not.toBe(code);
    expect(shareTextBuffers(other)).not.toContain(WRITE_U256_NAME);
  });
});

describe('text that a module writes', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc
      .tuple(fc.constantFrom('a', '\u00e9', '\u20ac', '\u{1f600}', '\ud800'), fc.nat(5_000))
      .map(([unit, count]) => unit.repeat(count)),
  );

  test('comes back as it was, of every length and kind, however much was written before', async () => {
    const db = await openModule('people.ts');
    fc.assert(
      fc.property(texts, (text) => {
        db.call(ADA, 'text_round_trip', text);
        // What is no text in UTF-8 is replaced where it is encoded.
        expect(db.result('text')).toBe(
          new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text)),
        );
      }),
      { numRuns: Number(process.env['RUNS'] ?? 150) },
    );
  });
});
