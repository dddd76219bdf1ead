import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AlgebraicType, AlgebraicValue, NamedType, PrimitiveTypeName } from '../bsatn/algebraic-type.ts';
import { isPrimitive } from '../bsatn/algebraic-type.ts';
import { encodeValue } from '../bsatn/codec.ts';
import { parseJson } from './parse-json.ts';
import { compileJsonReader } from './read-value.ts';
import { SatsJsonError } from './sats-json-error.ts';
import { writeTypeJson } from './write-type.ts';
import { compileJsonWriter, type JsonStyle } from './write-value.ts';

const product = (fields: Record<string, AlgebraicType>): AlgebraicType => ({
  type: 'product',
  elements: named(fields),
});
const sum = (variants: Record<string, AlgebraicType>): AlgebraicType => ({ type: 'sum', variants: named(variants) });
const named = (types: Record<string, AlgebraicType>): NamedType[] =>
  Object.entries(types).map(([name, algebraicType]) => ({ name, algebraicType }));
const array = (element: AlgebraicType): AlgebraicType => ({ type: 'array', element });

const UNIT = product({});
const U8: AlgebraicType = { type: 'u8' };
const U32: AlgebraicType = { type: 'u32' };
const STRING: AlgebraicType = { type: 'string' };
const BYTES = array(U8);
const OPTION = sum({ some: U32, none: UNIT });
const IDENTITY = product({ __identity__: { type: 'u256' } });
const CONNECTION_ID = product({ __connection_id__: { type: 'u128' } });
const TIMESTAMP = product({ __timestamp_micros_since_unix_epoch__: { type: 'i64' } });
const TIME_DURATION = product({ __time_duration_micros__: { type: 'i64' } });
const UUID = product({ __uuid__: { type: 'u128' } });
const SCHEDULE_AT = sum({ Interval: TIME_DURATION, Time: TIMESTAMP });
const POINT = product({ x: { type: 'i32' }, y: { type: 'f64' } });
const SHAPE = sum({ circle: { type: 'f64' }, polygon: array(POINT), nothing: UNIT });

const write = (type: AlgebraicType, value: AlgebraicValue, style: JsonStyle = 'untyped') =>
  compileJsonWriter(type, style)(value);
const read = (type: AlgebraicType, text: string) => compileJsonReader(type)(parseJson(text));
const IDENTITY_NUMBER = 0xc200_0000n << 224n;
const IDENTITY_TEXT = `"0xc2${'0'.repeat(62)}"`;

describe('values as JSON', () => {
  const cases: [string, AlgebraicType, AlgebraicValue, untyped: string, typed: string][] = [
    ['a product', POINT, [1, 2.5], '[1,2.5]', '{"x":1,"y":2.5}'],
    ['the unit', UNIT, [], '[]', '[]'],
    ['a variant', SHAPE, { tag: 0, value: 1.5 }, '[0,1.5]', '{"circle":1.5}'],
    ['a variant without a value', SHAPE, { tag: 2, value: [] }, '[2,[]]', '{"nothing":[]}'],
    ['an array in a variant', SHAPE, { tag: 1, value: [[1, 0]] }, '[1,[[1,0.0]]]', '{"polygon":[{"x":1,"y":0.0}]}'],
    ['some', OPTION, { tag: 0, value: 7 }, '[0,7]', '{"some":7}'],
    ['none', OPTION, { tag: 1, value: [] }, '[1,[]]', '{"none":[]}'],
    ['bytes', BYTES, Uint8Array.of(0, 171, 255), '"00abff"', '"00abff"'],
    ['no bytes', BYTES, new Uint8Array(0), '""', '""'],
    ['text', STRING, 'a "b"\n\u{1F600}\u2028', '"a \\"b\\"\\n\u{1F600}\u2028"', '"a \\"b\\"\\n\u{1F600}\u2028"'],
    ['a bool', { type: 'bool' }, true, 'true', 'true'],
    ['u64', { type: 'u64' }, 2n ** 64n - 1n, '18446744073709551615', '18446744073709551615'],
    ['i64', { type: 'i64' }, -(2n ** 63n), '-9223372036854775808', '-9223372036854775808'],
    ['u128', { type: 'u128' }, 2n ** 128n - 1n, String(2n ** 128n - 1n), String(2n ** 128n - 1n)],
    ['i128', { type: 'i128' }, -(2n ** 127n), String(-(2n ** 127n)), String(-(2n ** 127n))],
    ['u256', { type: 'u256' }, 2n ** 256n - 1n, `"0x${'f'.repeat(64)}"`, `"0x${'f'.repeat(64)}"`],
    ['a small u256', { type: 'u256' }, 10n, '"0xa"', '"0xa"'],
    ['i256', { type: 'i256' }, -255n, '"-0xff"', '"-0xff"'],
    ['a whole float', { type: 'f64' }, 3, '3.0', '3.0'],
    ['a float of single precision', { type: 'f32' }, Math.fround(0.1), '0.1', '0.1'],
    ['minus zero', { type: 'f64' }, -0, '-0.0', '-0.0'],
    ['the largest float', { type: 'f64' }, Number.MAX_VALUE, '1.7976931348623157e+308', '1.7976931348623157e+308'],
    ['an identity', IDENTITY, [IDENTITY_NUMBER], `[${IDENTITY_TEXT}]`, `{"__identity__":${IDENTITY_TEXT}}`],
    ['a connection id', CONNECTION_ID, [2n ** 100n], `[${2n ** 100n}]`, `{"__connection_id__":${2n ** 100n}}`],
    ['a timestamp', TIMESTAMP, [-1n], '[-1]', '{"__timestamp_micros_since_unix_epoch__":-1}'],
    ['a duration', TIME_DURATION, [5n], '[5]', '{"__time_duration_micros__":5}'],
    ['a UUID', UUID, [2n ** 127n], `[${2n ** 127n}]`, `{"__uuid__":${2n ** 127n}}`],
    ['an interval', SCHEDULE_AT, { tag: 0, value: [5n] }, '[0,[5]]', '{"Interval":{"__time_duration_micros__":5}}'],
  ];

  test.each(cases)('%s is written as documented and read back', (_name, type, value, untyped, typed) => {
    expect(write(type, value, 'untyped')).toBe(untyped);
    expect(write(type, value, 'typed')).toBe(typed);
    expect(read(type, untyped)).toEqual(value);
    expect(read(type, typed)).toEqual(value);
  });

  test.each([NaN, Infinity, -Infinity])('%d is written as null, which is read as no float', (value) => {
    for (const name of ['f32', 'f64'] as const) {
      expect(write({ type: name }, value)).toBe('null');
      expect(() => read({ type: name }, 'null')).toThrow('expected a number');
    }
  });
});

describe('what may also be read', () => {
  const cases: [string, AlgebraicType, string, AlgebraicValue][] = [
    ['null as none', OPTION, 'null', { tag: 1, value: [] }],
    ['the number of a variant as its key', SHAPE, '{"0":2}', { tag: 0, value: 2 }],
    ['fields in any order', POINT, '{"y":1,"x":2}', [2, 1]],
    ['an object without fields as the unit', UNIT, '{}', []],
    ['bytes as numbers', BYTES, '[0,255]', Uint8Array.of(0, 255)],
    ['bytes in capitals', BYTES, '"AB"', Uint8Array.of(171)],
    ['a whole number as a float', { type: 'f64' }, '12', 12],
    ['scientific floats', { type: 'f64' }, '-1.5E+3', -1500],
    ['a float that rounds', { type: 'f32' }, '0.1', Math.fround(0.1)],
    ['escapes', STRING, '"\\u0041\\ud83d\\ude00\\/\\b"', 'A\u{1F600}/\b'],
    ['space', array(U32), ' [\t1 ,\r\n2 ] ', [1, 2]],
    ['leading zeros of wide integers', { type: 'u256' }, `"0x${'0'.repeat(62)}0f"`, 15n],
    ['keys that objects have', product({ constructor: U32, __proto_: U32 }), '{"constructor":1,"__proto_":2}', [1, 2]],
  ];

  test.each(cases)('%s', (_name, type, text, value) => expect(read(type, text)).toEqual(value));

  test('a variant whose name is a number goes before the variant of that number', () => {
    expect(read(sum({ '1': U32, b: U32 }), '{"1":5}')).toEqual({ tag: 0, value: 5 });
  });
});

describe('what is no value of the type', () => {
  const cases: [string, AlgebraicType, string, message: string][] = [
    ['too large a number', { type: 'u8' }, '256', '256 is out of the range of u8 at $'],
    ['a negative number', { type: 'u64' }, '-1', '-1 is out of the range of u64'],
    ['one more than the largest', { type: 'u64' }, '18446744073709551616', 'out of the range of u64'],
    ['one less than the least', { type: 'i128' }, String(-(2n ** 127n) - 1n), 'out of the range of i128'],
    ['a fraction', U32, '1.0', 'expected a whole number (u32), found 1.0'],
    ['an exponent', U32, '1e3', 'expected a whole number'],
    ['a number in a string', { type: 'u64' }, '"5"', 'found "5"'],
    ['a wide integer as a number', { type: 'u256' }, '5', 'expected a string "0x…" (u256), found 5'],
    ['a wide integer that is too wide', { type: 'u256' }, `"0x1${'0'.repeat(64)}"`, 'out of the range of u256'],
    ['a wide integer without digits', { type: 'i256' }, '"-0x"', 'expected a string'],
    ['a float that overflows', { type: 'f64' }, '1e400', '1e400 is out of the range of f64'],
    ['a single that overflows', { type: 'f32' }, '1e39', '1e39 is out of the range of f32'],
    ['an unknown field', POINT, '{"x":1,"y":2,"z":3}', 'there is no field "z"; there is `x`, `y` at $'],
    ['a missing field', POINT, '{"x":1}', 'the field `y` is missing at $'],
    ['a wrong number of elements', POINT, '[1]', 'expected 2 elements, found 1'],
    ['an unknown variant', SHAPE, '{"square":1}', 'there is no variant "square"; there is `circle`'],
    [
      'a variant number that is out of range',
      SHAPE,
      '[3,[]]',
      'expected the number of one of 3 variants, found 3 at $[0]',
    ],
    ['two variants', SHAPE, '{"circle":1,"nothing":[]}', 'expected {"variant": value}'],
    ['a bare name of a variant', SHAPE, '"nothing"', 'found "nothing"'],
    ['a bare value as some', OPTION, '5', 'expected {"variant": value}'],
    ['half a byte', BYTES, '"abc"', 'pairs of hexadecimal digits'],
    ['bytes with a prefix', BYTES, '"0xab"', 'without "0x"'],
    ['bytes that are none', BYTES, '[1,256]', '256 is out of the range of u8 at $[1]'],
    ['an identity as a bare string', IDENTITY, IDENTITY_TEXT, 'expected an array of 1 or an object'],
    ['a deep mistake', array(SHAPE), '[{"polygon":[{"x":1,"y":2},{"x":"a","y":2}]}]', '$[0].polygon[1].x'],
  ];

  test.each(cases)('%s is refused, and the path says where', (_name, type, text, message) => {
    expect(() => read(type, text)).toThrow(message);
    expect(() => read(type, text)).toThrow(SatsJsonError);
  });

  test('odd keys are quoted in paths, and long ones cut', () => {
    const key = `a b${'c'.repeat(1000)}`;
    const path = `$["a b${'c'.repeat(57)}"]`;
    expect(() => read(product({ [key]: U32 }), JSON.stringify({ [key]: 'x' }))).toThrow(path);
  });
});

describe('texts that are no JSON', () => {
  const cases: [string, string][] = [
    ['', 'found the end'],
    ['[1', '"," or "]"'],
    ['[1,]', 'expected a value, found "]"'],
    ['{"a":1,}', 'a key in double quotes'],
    ['{a:1}', 'a key in double quotes'],
    ['{"a" 1}', '":"'],
    ['{"a":1,"a":2}', 'the key "a" is there twice'],
    ['01', 'expected the end, found "1"'],
    ['+1', 'expected a value'],
    ['.5', 'expected a value'],
    ['1.', 'expected the end'],
    ['-', 'expected a value'],
    ['NaN', 'expected a value'],
    ['nul', 'expected a value'],
    ['"a', 'the rest of a string, found the end'],
    ['"a\nb"', 'the rest of a string'],
    ['"\\x"', 'an escape that JSON has'],
    ['"\\u12g4"', 'four hexadecimal digits'],
    ['"\\ud800"', 'half of a surrogate pair'],
    ['"\\udc00\\ud800"', 'half of a surrogate pair'],
    ["'a'", 'expected a value'],
    ['1 2', 'expected the end'],
    ['\ufeff[]', 'expected a value'],
    ['[] // a comment', 'expected the end'],
    ['\u00a0[]', 'expected a value'],
  ];

  test.each(cases)('%j is refused: %s', (text, message) => {
    expect(() => parseJson(text)).toThrow(message);
    expect(() => parseJson(text)).toThrow(SatsJsonError);
  });

  test.each(['[', '{"a":', '[{"a":['])('nesting without end (%s) is refused before the stack ends', (opening) => {
    expect(() => parseJson(opening.repeat(1_000_000))).toThrow('deeper than 128 levels');
  });

  test('128 levels are read', () => {
    expect(parseJson('['.repeat(128) + ']'.repeat(128))).toHaveLength(1);
  });

  test('a number of a million digits is refused without being converted', () => {
    const digits = '9'.repeat(1_000_000);
    for (const name of ['u64', 'i128'] as const) expect(() => read({ type: name }, digits)).toThrow('out of the range');
    expect(() => read({ type: 'u256' }, `"0x${'f'.repeat(1_000_000)}"`)).toThrow('out of the range');
  });
});

test('whatever JSON.parse takes is parsed to the same, and nothing else', () => {
  const plain = (value: ReturnType<typeof parseJson>): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
    return typeof value === 'object' && value !== null && 'digits' in value ? Number(value.digits) : value;
  };
  const attempt = (run: () => unknown): unknown => {
    try {
      return { value: run() };
    } catch {
      return 'refused';
    }
  };
  const mutated = fc
    .tuple(
      fc.json({ noUnicodeString: false }),
      fc.nat(),
      fc.constantFrom('', '"', '[', '}', ',', '-', 'e', '\\', '0', ' '),
    )
    .map(
      ([json, at, inserted]) => json.slice(0, at % (json.length + 1)) + inserted + json.slice(at % (json.length + 1)),
    );
  fc.assert(
    fc.property(fc.oneof(fc.json(), mutated), (text) => {
      const ours = attempt(() => plain(parseJson(text)));
      const theirs = attempt(() => JSON.parse(text) as unknown);
      // Stricter on purpose: a key twice, and halves of surrogate pairs.
      if (ours === 'refused' && theirs !== 'refused') {
        expect(() => parseJson(text)).toThrow(/is there twice|surrogate/);
      } else {
        expect(ours).toEqual(theirs);
      }
    }),
    { numRuns: 500 },
  );
});

const PRIMITIVES = [
  'string',
  'bool',
  'i8',
  'u8',
  'i16',
  'u16',
  'i32',
  'u32',
  'i64',
  'u64',
  'i128',
  'u128',
  'i256',
  'u256',
  'f32',
  'f64',
] as const satisfies readonly PrimitiveTypeName[];

const arbitraryType: fc.Arbitrary<AlgebraicType> = fc.letrec<{ type: AlgebraicType }>((tie) => {
  const parts = fc.uniqueArray(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 4 }).filter((name) => !/^\d/.test(name)),
      algebraicType: tie('type'),
    }),
    { maxLength: 4, selector: ({ name }) => name },
  );
  return {
    type: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...PRIMITIVES).map((type): AlgebraicType => ({ type })),
      fc.constantFrom(IDENTITY, CONNECTION_ID, TIMESTAMP, TIME_DURATION, UUID, SCHEDULE_AT, BYTES),
      tie('type').map((element) => array(element)),
      tie('type').map((some) => sum({ some, none: UNIT })),
      parts.map((elements): AlgebraicType => ({ type: 'product', elements })),
      parts.filter(({ length }) => length > 0).map((variants): AlgebraicType => ({ type: 'sum', variants })),
    ),
  };
}).type;

function arbitraryPrimitive(name: PrimitiveTypeName): fc.Arbitrary<AlgebraicValue> {
  if (name === 'string') return fc.string({ unit: 'binary', maxLength: 20 });
  if (name === 'bool') return fc.boolean();
  if (name === 'f32') return fc.float({ noNaN: true, noDefaultInfinity: true });
  if (name === 'f64') return fc.double({ noNaN: true, noDefaultInfinity: true });
  const bits = BigInt(name.slice(1));
  const [min, max] = name.startsWith('i') ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
  const value = fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n));
  return bits <= 32n ? value.map(Number) : value;
}

function arbitraryValue(type: AlgebraicType): fc.Arbitrary<AlgebraicValue> {
  if (isPrimitive(type)) return arbitraryPrimitive(type.type);
  if (type.type === 'ref') throw new Error('no references here');
  if (type.type === 'array') {
    return type.element.type === 'u8'
      ? fc.uint8Array({ maxLength: 8 })
      : fc.array(arbitraryValue(type.element), { maxLength: 4 });
  }
  if (type.type === 'product')
    return fc.tuple(...type.elements.map(({ algebraicType }) => arbitraryValue(algebraicType)));
  return fc.oneof(
    ...type.variants.map(({ algebraicType }, tag) => arbitraryValue(algebraicType).map((value) => ({ tag, value }))),
  );
}

test('any value of any type comes back from its JSON, in both styles, byte for byte', () => {
  const typeAndValue = arbitraryType.chain((type) => fc.tuple(fc.constant(type), arbitraryValue(type)));
  fc.assert(
    fc.property(typeAndValue, ([type, value]) => {
      for (const style of ['typed', 'untyped'] as const) {
        const text = write(type, value, style);
        expect(() => JSON.parse(text) as unknown).not.toThrow();
        expect(encodeValue(type, read(type, text))).toEqual(encodeValue(type, value));
      }
    }),
    { numRuns: 400 },
  );
});

test('any JSON is a value of any type, or refused with the place', () => {
  // Numbers and short texts that come near to values.
  const scalar = fc.oneof(
    fc.constantFrom('0', '-1', '255', '256', '1.5', '1e2', '18446744073709551616', 'true', 'null', '"0xff"', '"ab"'),
    fc.integer().map(String),
    fc.string({ maxLength: 4 }).map((text) => JSON.stringify(text)),
  );
  const { json } = fc.letrec<{ json: string }>((tie) => ({
    json: fc.oneof(
      { depthSize: 'small' },
      scalar,
      fc.array(tie('json'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
      fc
        .uniqueArray(fc.tuple(fc.string({ maxLength: 3 }), tie('json')), { maxLength: 3, selector: ([key]) => key })
        .map((members) => `{${members.map(([key, item]) => `${JSON.stringify(key)}:${item}`).join(',')}}`),
    ),
  }));
  let values = 0;
  fc.assert(
    fc.property(arbitraryType, json, (type, text) => {
      try {
        encodeValue(type, read(type, text));
        values += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(SatsJsonError);
        expect(error).toMatchObject({ details: expect.anything() as unknown });
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 2_000) },
  );
  expect(values).toBeGreaterThan(0);
});

describe('types as JSON', () => {
  test.each<[AlgebraicType, string]>([
    [U32, '{"U32":[]}'],
    [STRING, '{"String":[]}'],
    [{ type: 'i256' }, '{"I256":[]}'],
    [{ type: 'ref', ref: 3 }, '{"Ref":3}'],
    [BYTES, '{"Array":{"U8":[]}}'],
    [product({ x: U8 }), '{"Product":{"elements":[{"name":{"some":"x"},"algebraic_type":{"U8":[]}}]}}'],
    [sum({ A: UNIT }), '{"Sum":{"variants":[{"name":{"some":"A"},"algebraic_type":{"Product":{"elements":[]}}}]}}'],
    [
      { type: 'product', elements: [{ name: undefined, algebraicType: U8 }] },
      '{"Product":{"elements":[{"name":{"none":[]},"algebraic_type":{"U8":[]}}]}}',
    ],
  ])('%j', (type, text) => expect(writeTypeJson(type)).toBe(text));
});
