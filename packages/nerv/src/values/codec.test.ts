import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBase64, tryDecodeBase64 } from './base64.ts';
import { canonicalJson } from './canonical-json.ts';
import { decode, isCanonical, parse } from './decode.ts';
import { encode, stringify, tryEncodeLeaf } from './encode.ts';
import { compareKeys, TEXT_LIMIT, type JsonValue } from './json.ts';
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
      Object.defineProperty(object, name, {
        value: member,
        writable: true,
        enumerable: true,
        configurable: true,
      });
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

  test('gives back numbers that JSON lacks, each as it is', () => {
    const numbers = [Number.NaN, Infinity, -Infinity, -0, 0];
    expect((parse(stringify(numbers)) as number[]).every((number, at) => Object.is(number, numbers[at]))).toBe(true);
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
    expect(stringify(runInNewContext('({ a: [1, { b: null }] })'))).toBe('{"a":[1,{"b":null}]}');
    expect(() => stringify(runInNewContext('[new Date(0)]'))).toThrow(
      expect.objectContaining({
        code: 'value/unsupported',
        details: expect.objectContaining({ path: '/0' }),
      }),
    );
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
    ['a value of a map', new Map([['k', Symbol('s')]]), '/$map/0/1'],
    ['a key of a map', new Map([[() => 1, 1]]), '/$map/0/0'],
    ['an instance of a subclass of Array', { a: new (class List extends Array {})() }, '/a'],
    ['an instance of a subclass of Map', { a: new (class Index extends Map {})() }, '/a'],
    ['an instance of a subclass of Date', { a: new (class Day extends Date {})(0) }, '/a'],
    ['a Map with properties of its own', { a: Object.assign(new Map(), { extra: 1 }) }, '/a'],
    ['a Date with a symbol as key', { a: Object.assign(new Date(0), { [Symbol('k')]: 1 }) }, '/a'],
    ['what only looks like a Date', { a: Object.create(Date.prototype) as unknown }, '/a'],
    ['what only looks like a Set', { a: new Proxy(new Set(), {}) }, '/a'],
    ['what only looks like bytes', { a: Object.create(Uint8Array.prototype) as unknown }, '/a'],
    ['what inherits from a function', { a: Object.create(class {}) as unknown }, '/a'],
    [
      'what inherits from an object without prototype',
      { a: Object.create(Object.create(null) as object) as unknown },
      '/a',
    ],
    ['what inherits from a plain object', { a: Object.create({ b: 1 }) as unknown }, '/a'],
    ['a boxed number', { a: Object(1) as unknown }, '/a'],
    ['other typed arrays', { a: new Uint16Array(1) }, '/a'],
    ['a buffer', { a: new ArrayBuffer(1) }, '/a'],
    ['weak collections', { a: new WeakMap() }, '/a'],
    ['a generator', { a: (function* () {})() }, '/a'],
  ];
  test.each(refused)('refuses %s and names the place', (_, bad, path) => {
    expect(() => encode(bad)).toThrow(
      expect.objectContaining({
        code: 'value/unsupported',
        details: expect.objectContaining({ path }),
      }),
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
    const objects = `${'{"a":'.repeat(257)}1${'}'.repeat(257)}`;
    expect(() => parse(objects)).toThrow(expect.objectContaining({ code: 'value/too-deep' }));
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
    ['{"$number":-0}', ''],
    ['{"$undefined":false}', ''],
    ['{"$map":{}}', ''],
    ['{"a":{"$map":[[1]]}}', '/a/$map/0'],
    ['{"$map":[["a",1],["a",2]]}', '/$map/1'],
    ['{"$set":1}', ''],
    ['{"$set":[1,1]}', ''],
    ['{"a":{"$constructor":1}}', '/a'],
    ['{"a":{"$date":"1970-01-01T00:00:00.000Z","b":1}}', '/a'],
    ['nonsense', ''],
    ['"\\ud800"', ''],
    ['{"a":["\\udfff\\ud800"]}', '/a/0'],
    ['{"a":{"\\ud800":1}}', '/a'],
    ['{"$map":[[{"$number":"-0"},1]]}', '/$map/0'],
    ['{"$set":[{"$number":"-0"}]}', ''],
    ['{"$":1}', ''],
  ];
  test.each(malformed)('refuses %s, which it never wrote', (text, path) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: 'value/malformed',
        details: expect.objectContaining({ path }),
      }),
    );
  });

  test('decodes nothing but JSON', () => {
    const hole = [1, , 3]; // eslint-disable-line no-sparse-arrays
    for (const bad of [undefined, () => 1, 1n, Number.NaN, [Infinity], new Date(0), [new Map()], new Point(), hole]) {
      expect(() => decode(bad)).toThrow(expect.objectContaining({ code: 'value/malformed' }));
    }
    const endless: unknown[] = [];
    endless.push(endless);
    expect(() => decode(endless)).toThrow(expect.objectContaining({ code: 'value/too-deep' }));
  });

  test('takes any JSON text, and what it takes it gives back as text of the same value', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (text) => {
        let value;
        try {
          value = parse(text);
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.stringMatching(/^value\/(malformed|too-deep)$/),
          });
          return;
        }
        expect(parse(stringify(value))).toStrictEqual(value);
      }),
    );
  });

  test('takes text for canonical exactly if it is what the value it stands for is written as', () => {
    const token = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"$set"',
        '"$map"',
        '"$number"',
        '"-0"',
        '"a"',
        '0',
        '1',
        '"$$b"',
        'null',
        '"NaN"',
      ],
    );
    fc.assert(
      fc.property(
        fc.array(token, { maxLength: 9 }).map((tokens) => tokens.join('')),
        (text) => {
          let written;
          try {
            written = stringify(parse(text));
          } catch {
            written = undefined;
          }
          expect(isCanonical(text)).toBe(written === text);
        },
      ),
      { numRuns: 2000 },
    );
    for (const text of ['{"$set":[0,{"$number":"-0"}]}', '{"$map":[[{"$number":"-0"},1]]}', '"\\ud800"']) {
      expect(isCanonical(text), text).toBe(false);
    }
  });

  test('an error that is not about the text is no answer to whether it is canonical', () => {
    const broken = {
      get length(): number {
        throw new TypeError('broken');
      },
    };
    expect(() => isCanonical(broken as never)).toThrow(TypeError);
  });

  test('refuses texts that are too long, in and out', () => {
    const tooLong = 'x'.repeat(TEXT_LIMIT - 1);
    const limit = expect.objectContaining({
      code: 'value/too-large',
      details: { length: TEXT_LIMIT + 1, limit: TEXT_LIMIT },
    });
    expect(() => stringify(tooLong)).toThrow(limit);
    expect(() => parse(`"${tooLong}"`)).toThrow(limit);
    expect(stringify(tooLong.slice(1))).toHaveLength(TEXT_LIMIT);
  });

  test('never makes an instance of a class, calls no function and touches no prototype, whatever the text', () => {
    const before = Reflect.ownKeys(Object.prototype);
    const hostile = parse(
      '{"__proto__":{"a":1},"constructor":{"prototype":{"a":1}},"toJSON":1,"then":1,"toString":1,"x":{"__proto__":null}}',
    ) as Record<string, unknown>;
    expect(Object.getPrototypeOf(hostile)).toBe(Object.prototype);
    expect(Object.keys(hostile)).toEqual(['__proto__', 'constructor', 'toJSON', 'then', 'toString', 'x']);
    expect(Object.getPrototypeOf(hostile['x'])).toBe(Object.prototype);
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect(stringify(parse(stringify(hostile)))).toBe(stringify(hostile));
  });

  test('takes bytes of any kind for bytes', () => {
    expect(stringify(Buffer.from('abc'))).toBe(stringify(Uint8Array.from([97, 98, 99])));
    expect(parse(stringify(Buffer.from('abc')))).toStrictEqual(Uint8Array.from([97, 98, 99]));
  });

  test('does not store what is not enumerable, as JSON does not', () => {
    const value = Object.defineProperty({ a: 1 }, 'hidden', { value: () => 1 });
    Object.defineProperty(value, Symbol('hidden'), { value: 1 });
    expect(stringify(value)).toBe('{"a":1}');
  });
});

describe('a leaf', () => {
  test('is encoded alone, and what is none is left to its owner', () => {
    expect([tryEncodeLeaf(1n, ''), tryEncodeLeaf(null, ''), tryEncodeLeaf(new Set([1]), '')]).toEqual([
      { $bigint: '1' },
      null,
      { $set: [1] },
    ]);
    expect([tryEncodeLeaf([], ''), tryEncodeLeaf({}, '')]).toEqual([undefined, undefined]);
    expect(() => tryEncodeLeaf(Symbol('s'), '/at')).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ path: '/at' }) }),
    );
  });
});

test('keys are ordered by their code units', () => {
  expect(['\ufb33', 'b', '\ud83d\ude00', 'a', 'b', ''].sort(compareKeys)).toEqual([
    '',
    'a',
    'b',
    'b',
    '\ud83d\ude00',
    '\ufb33',
  ]);
  expect([compareKeys('a', 'a'), compareKeys('a', 'b'), compareKeys('b', 'a')]).toEqual([0, -1, 1]);
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

  test('writes the sample of the RFC, section 3.2', () => {
    const sample = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`;
    const bytes =
      '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e3333' +
      '33333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127' +
      '425c225c5c5c5c5c222f227d';
    expect(Buffer.from(canonicalJson(JSON.parse(sample) as JsonValue)).toString('hex')).toBe(bytes);
  });

  test('writes any JSON so that it is read back, and equal values alike, whatever the order of their keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const text = canonicalJson(json as JsonValue);
        expect(canonicalJson(JSON.parse(text) as JsonValue)).toBe(text);
        const turned = JSON.parse(text, (_, value: unknown) =>
          typeof value === 'object' && value !== null && !Array.isArray(value)
            ? Object.fromEntries(Object.entries(value).reverse())
            : value,
        ) as JsonValue;
        expect(canonicalJson(turned)).toBe(text);
      }),
    );
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
