import { stringify } from '@inner-universe/nerv/values';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeEventText } from './event-text.ts';

/** What either gives, or how it fails. */
const outcomeOf = (make: () => string): unknown => {
  try {
    return make();
  } catch (error) {
    const { code, details } = error as { readonly code: unknown; readonly details: unknown };
    return { code, details };
  }
};

const expectSame = (data: unknown): void => {
  expect(outcomeOf(() => makeEventText(data))).toEqual(outcomeOf(() => stringify(data)));
};

describe('the text of data is the canonical one', () => {
  test('of any value, in whatever order its keys are', () => {
    const key = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.constantFrom('$a', '$$', '10', '9', 'é', '\ud800'),
    );
    const plain = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    const special = fc.constantFrom<unknown>(
      undefined,
      -0,
      5n,
      new Date(0),
      [1],
      { a: 1 },
      () => 1,
      Symbol('s'),
      '\udc00',
    );
    fc.assert(fc.property(fc.dictionary(key, fc.oneof({ weight: 5, arbitrary: plain }, special)), expectSame), {
      numRuns: 2_000,
    });
    fc.assert(fc.property(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), expectSame));
  });

  test('of what is more than it seems', () => {
    for (const data of [
      {},
      Object.create(null),
      { [Symbol('s')]: 1, a: 1 },
      Object.defineProperty({ a: 1 }, 'hidden', { value: 1, enumerable: false }),
      JSON.parse('{"__proto__":1,"constructor":2}'),
      { toJSON: () => 1 },
      new (class Point {
        x = 1;
      })(),
      { b: 1, a: String.raw`\ud800` },
      { text: 'x'.repeat(70_000) },
      'text',
      7,
      [],
    ]) {
      expectSame(data);
    }
  });

  test('of data whose getters give another value each time: the first', () => {
    let asked = 0;
    const data = {
      get n() {
        asked += 1;
        return asked === 1 ? 1 : new Date(0);
      },
    };
    expect(makeEventText(data)).toBe('{"n":1}');
  });

  test('however many keys were seen before', () => {
    for (let n = 0; n < 2_000; n += 1)
      expect(makeEventText({ [`key-${n}`]: n, a: n })).toBe(`{"a":${n},"key-${n}":${n}}`);
  });
});
