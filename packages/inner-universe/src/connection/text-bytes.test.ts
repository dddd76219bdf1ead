import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TextBytes } from './text-bytes.ts';

const encoder = new TextEncoder();
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({ unit: 'grapheme', maxLength: 400 }),
  fc.tuple(fc.constantFrom('a', 'é', '€', '😀', '\ud800'), fc.nat(70_000)).map(([unit, count]) => unit.repeat(count)),
);

test('the bytes of a text are its UTF-8, and stay that whatever is asked for afterwards', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(texts, fc.boolean()), { maxLength: 30 }), (asked) => {
      const bytes = new TextBytes();
      const given = asked.map(([text, repeated]) => (repeated ? bytes.ofRepeated(text) : bytes.of(text)));
      const expected = asked.map(([text]) => encoder.encode(text));
      expect(given.map((one) => [...one].join())).toEqual(expected.map((one) => [...one].join()));
    }),
    { numRuns: 100 },
  );
});

test('a text that comes again has the same bytes, of many texts only those of the last', () => {
  const bytes = new TextBytes();
  const first = bytes.ofRepeated('main');
  expect(bytes.ofRepeated('main')).toBe(first);
  for (let n = 0; n < 1_000; n += 1) bytes.ofRepeated(`scope-${n}`);
  expect(bytes.ofRepeated('main')).not.toBe(first);
  expect(bytes.ofRepeated('x'.repeat(1_000))).not.toBe(bytes.ofRepeated('x'.repeat(1_000)));
});

test('what is no text is taken as the encoder takes it', () => {
  const bytes = new TextBytes();
  for (const value of [undefined, 5, null] as unknown as string[]) {
    expect(bytes.of(value)).toEqual(encoder.encode(value));
    expect(bytes.ofRepeated(value)).toEqual(encoder.encode(value));
  }
});
