import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBase64, tryDecodeBase64 } from './base64.ts';
import { canonicalJson } from './canonical-json.ts';
import { decode, isCanonical, parse } from './decode.ts';
import { encode, stringify } from './encode.ts';
import type { JsonValue } from './json.ts';
import { appendPointer, parsePointer } from './pointer.ts';

/** Any value that the codec stores. */
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, undefined, true, false),
  fc.double(),
  fc.bigInt(),
  fc.string({ unit: 'grapheme' }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 20 }),
);
const key = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 5 }),
  fc.constantFrom('__proto__', '$', '$$', '$date', 'toString', '10', '9'),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, tie('array'), tie('object'), tie('map'), tie('set')),
  array: fc.array(tie('value'), { maxLength: 5 }),
  object: fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map((entries) => {
    const object = {};
    for (const [name, member] of entries) {
      Object.defineProperty(object, name, { value: member, writable: true, enumerable: true, configurable: true });
    }
    return object;
  }),
  map: fc.array(fc.tuple(leaf, tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
  set: fc.array(leaf, { maxLength: 4 }).map((members) => new Set(members)),
}));

describe('the codec', () => {
  test('gives back every value as it was', () => {
    fc.assert(
      fc.property(value, (original) => {
        const copy = parse(stringify(original));
        expect(copy).toStrictEqual(original);
        expect(stringify(copy)).toBe(stringify(original));
        expect(decode(encode(original))).toStrictEqual(original);
      }),
      { numRuns: 500 },
    );
  });

  test('writes text that is canonical, and takes no other text for canonical', () => {
    fc.assert(
      fc.property(value, (original) => {
        const text = stringify(original);
        expect(isCanonical(text)).toBe(true);
        expect(isCanonical(` ${text}`)).toBe(false);
      }),
    );
    const others = [
      '{"b":1,"a":2}',
      '{"a":1,"a":1}',
      '1.0',
      '1e2',
      '-0',
      '"\\u0061"',
      '12345678901234567890',
      '{"$x":1}',
      '{',
      '',
    ];
    for (const text of others) expect(isCanonical(text), text).toBe(false);
  });

  test('writes what JSON lacks under one $ key', () => {
    expect(stringify([12n, new Date(0), Uint8Array.of(1, 2), -0, Number.NaN, Infinity, -Infinity, undefined])).toBe(
      '[{"$bigint":"12"},{"$date":"1970-01-01T00:00:00.000Z"},{"$bytes":"AQI="},{"$number":"-0"},{"$number":"NaN"},' +
        '{"$number":"Infinity"},{"$number":"-Infinity"},{"$undefined":true}]',
    );
    expect(
      stringify(
        new Map<unknown, unknown>([
          ['b', 1],
          ['a', new Set([1])],
        ]),
      ),
    ).toBe('{"$map":[["b",1],["a",{"$set":[1]}]]}');
    expect(stringify({ $a: { $$b: 1 }, c$: 2 })).toBe('{"$$a":{"$$$b":1},"c$":2}');
  });

  test('takes objects of other realms and without prototype, and never shares with its input', () => {
    const bare = Object.assign(Object.create(null) as object, { a: [1] });
    expect(stringify(bare)).toBe('{"a":[1]}');
    const date = new Date(5);
    const copy = decode(encode({ date })) as { date: Date };
    date.setTime(9);
    expect(copy.date.getTime()).toBe(5);
    expect(parse('{"__proto__":{"polluted":true}}')).not.toHaveProperty('polluted');
    expect(Object.keys(parse('{"__proto__":1}') as object)).toEqual(['__proto__']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  class Point {
    x = 1;
  }
  const cycle: unknown[] = [];
  cycle.push({ cycle });
  const cyclicMap = new Map<string, unknown>();
  cyclicMap.set('self', cyclicMap);
  const refused: [string, unknown, string][] = [
    ['a function', { a: [() => 1] }, '/a/0'],
    ['a symbol', { a: Symbol('s') }, '/a'],
    ['a class instance', [{ p: new Point() }], '/0/p'],
    ['an instance of a nameless class', new (class {})(), ''],
    ['a subclass of Array with names', Object.assign([1], { extra: 1 }), ''],
    ['a hole', { a: [1, , 3] }, '/a/1'], // eslint-disable-line no-sparse-arrays
    ['a cycle', cycle, '/0/cycle'],
    ['a cycle through a map', cyclicMap, '/$map/0/1'],
    ['an invalid date', { when: new Date(Number.NaN) }, '/when'],
    ['a lone surrogate', ['\ud800'], '/0'],
    ['a key with a lone surrogate', { a: { '\udc00': 1 } }, '/a'],
    ['a symbol as key', { a: { [Symbol('k')]: 1 } }, '/a'],
    ['a promise', { $p: Promise.resolve() }, '/$$p'],
    ['an error', new Error('x'), ''],
    ['a regular expression', { a: /x/ }, '/a'],
    ['a member of a set', new Set([{ f: () => 1 }]), '/$set/0/f'],
  ];
  test.each(refused)('refuses %s and names the place', (_, bad, path) => {
    expect(() => encode(bad)).toThrow(
      expect.objectContaining({ code: 'value/unsupported', details: expect.objectContaining({ path }) }),
    );
  });

  test('stores the same object in two places, as two', () => {
    const shared = { a: 1 };
    expect(stringify([shared, shared])).toBe('[{"a":1},{"a":1}]');
  });

  test('refuses to go deeper than 256 levels, in and out', () => {
    const nest = (levels: number): unknown => {
      let nested: unknown = 1;
      for (let i = 0; i < levels; i += 1) nested = i % 2 === 0 ? [nested] : new Map([['k', nested]]);
      return nested;
    };
    expect(parse(stringify(nest(256)))).toStrictEqual(nest(256));
    expect(() => encode(nest(257))).toThrow(expect.objectContaining({ code: 'value/too-deep' }));
    expect(() => parse('['.repeat(257) + ']'.repeat(257))).toThrow(expect.objectContaining({ code: 'value/too-deep' }));
    expect(() => parse('['.repeat(50_000) + ']'.repeat(50_000))).toThrow(
      expect.objectContaining({ code: 'value/too-deep' }),
    );
    expect(() => canonicalJson(JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) as JsonValue)).toThrow(
      expect.objectContaining({ code: 'value/too-deep' }),
    );
  });

  const malformed: [string, string][] = [
    ['{"$bigint":"1.5"}', ''],
    ['{"$bigint":"-0"}', ''],
    ['{"$bigint":12}', ''],
    ['{"$date":"2026-01-01"}', ''],
    ['{"$date":"nonsense"}', ''],
    ['{"$date":5}', ''],
    ['{"$bytes":"A"}', ''],
    ['{"$bytes":"AR=="}', ''],
    ['{"$bytes":"A*=="}', ''],
    ['{"$bytes":1}', ''],
    ['{"$number":"1"}', ''],
    ['{"$undefined":false}', ''],
    ['{"$map":{}}', ''],
    ['{"a":{"$map":[[1]]}}', '/a/$map/0'],
    ['{"$map":[["a",1],["a",2]]}', '/$map/1'],
    ['{"$set":1}', ''],
    ['{"$set":[1,1]}', ''],
    ['{"a":{"$constructor":1}}', '/a'],
    ['{"a":{"$date":"1970-01-01T00:00:00.000Z","b":1}}', '/a'],
    ['nonsense', ''],
  ];
  test.each(malformed)('refuses %s, which it never wrote', (text, path) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: 'value/malformed', details: expect.objectContaining({ path }) }),
    );
  });

  test('decodes nothing but JSON', () => {
    for (const bad of [undefined, () => 1, 1n, Number.NaN, [Infinity]]) {
      expect(() => decode(bad)).toThrow(expect.objectContaining({ code: 'value/malformed' }));
    }
  });
});

describe('canonical JSON', () => {
  /** RFC 8785, appendix B: the bits of a double and its text. */
  const numbers: [string, string][] = [
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ];
  test.each(numbers)('writes the double %s as %s', (bits, text) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt(`0x${bits}`));
    expect(canonicalJson(view.getFloat64(0))).toBe(text);
  });

  test('sorts keys by UTF-16 code units, at every level', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const text = canonicalJson(Object.fromEntries(names.map((name) => [name, { b: 1, a: 2 }])));
    const expected = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'];
    expect(text).toBe(`{${expected.map((name) => `${JSON.stringify(name)}:{"a":2,"b":1}`).join(',')}}`);
  });

  test('escapes only what must be escaped', () => {
    expect(canonicalJson('\u20ac$\u000f\nA\'B"\\\\"/\u007f\u2028')).toBe(
      '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f\u2028"',
    );
    expect(canonicalJson('\b\t\f\r\u0000\u001f')).toBe('"\\b\\t\\f\\r\\u0000\\u001f"');
  });

  test('writes literals, and arrays in their order', () => {
    expect(canonicalJson([null, true, false, [], {}, [3, 1]])).toBe('[null,true,false,[],{},[3,1]]');
  });

  test('refuses what is not JSON', () => {
    for (const bad of [Number.NaN, Infinity, undefined, 1n, ['\ud800'], { a: undefined }, () => 1]) {
      expect(() => canonicalJson(bad as JsonValue)).toThrow(expect.objectContaining({ code: 'value/unsupported' }));
    }
  });
});

describe('base64', () => {
  test('agrees with the platform, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(tryDecodeBase64(encodeBase64(bytes))).toEqual(bytes);
      }),
    );
  });
});

describe('pointers', () => {
  test('are built and read back', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('~', '/', '~1', '', '~0/'))), (segments) => {
        expect(parsePointer(segments.reduce<string>(appendPointer, ''))).toEqual(segments);
      }),
    );
    expect(appendPointer('/a', 3)).toBe('/a/3');
  });

  test('that are none are refused', () => {
    for (const bad of ['a', 'a/b', '/~', '/~2', '/a~']) {
      expect(() => parsePointer(bad), bad).toThrow(expect.objectContaining({ code: 'state/invalid-patch' }));
    }
  });
});
