import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AlgebraicType, AlgebraicValue, PrimitiveTypeName } from '../bsatn/algebraic-type.ts';
import { encodeValue } from '../bsatn/codec.ts';
import { compareValues } from '../bsatn/order.ts';
import type { KeyPart } from './index-key.ts';
import { compileKeyMaker, compileKeyReader, hasTextKey } from './index-key.ts';
import { compareCompositeKeys, compareNumberKeys, compareTextKeys, makeKeyEnd } from './key-order.ts';
import { compilePack, packedText } from './packed-key.ts';

const INTEGERS: readonly PrimitiveTypeName[] = [
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
];
const UNIT: AlgebraicType = { type: 'product', elements: [] };

function integer(name: string): fc.Arbitrary<AlgebraicValue> {
  const bits = Number(name.slice(1));
  const [min, max] = name.startsWith('i')
    ? [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]
    : [0n, (1n << BigInt(bits)) - 1n];
  const near = [0n, 1n, -1n, min, max, 1n << 53n, (1n << 53n) - 1n, -(1n << 53n), -(1n << 53n) - 1n, 65_535n, 65_536n];
  const value = fc.oneof(
    fc.bigInt({ min, max }),
    fc.constantFrom(...near.filter((candidate) => candidate >= min && candidate <= max)),
  );
  return bits <= 32 ? value.map(Number) : value;
}

const float = fc.oneof(fc.float(), fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 1.5, -1.5, 2 ** -149));
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.string({
    unit: fc.constantFrom('\0', '\u0001', '\u0002', 'a', '\ud7ff', '\ue000', '\uffff', '\u{10000}'),
    maxLength: 4,
  }),
  fc.string({ minLength: 20, maxLength: 40 }),
);

interface Sample {
  readonly type: AlgebraicType;
  readonly value: fc.Arbitrary<AlgebraicValue>;
}

const named = (...types: AlgebraicType[]): { name: string; algebraicType: AlgebraicType }[] =>
  types.map((algebraicType, position) => ({ name: `f${position}`, algebraicType }));

const SIMPLE: readonly Sample[] = [
  ...INTEGERS.map((type): Sample => ({ type: { type }, value: integer(type) })),
  { type: { type: 'bool' }, value: fc.boolean() },
  { type: { type: 'f32' }, value: float },
  { type: { type: 'f64' }, value: fc.oneof(float, fc.double()) },
  { type: { type: 'string' }, value: text },
  { type: { type: 'array', element: { type: 'u8' } }, value: fc.uint8Array({ maxLength: 5 }) },
  {
    type: { type: 'sum', variants: named(UNIT, UNIT, UNIT) },
    value: fc.nat({ max: 2 }).map((tag) => ({ tag, value: [] })),
  },
];

function compound({ type, value }: Sample): Sample[] {
  return [
    { type: { type: 'product', elements: named(type) }, value: value.map((inner) => [inner]) },
    {
      type: { type: 'array', element: { type: 'product', elements: named(type) } },
      value: fc.array(
        value.map((inner) => [inner]),
        { maxLength: 3 },
      ),
    },
    {
      type: { type: 'product', elements: named(type, { type: 'u8' }, type) },
      value: fc.tuple(value, integer('u8'), value),
    },
    {
      type: { type: 'sum', variants: named(type, UNIT) },
      value: fc.oneof(
        value.map((inner) => ({ tag: 0, value: inner })),
        fc.constant({ tag: 1, value: [] }),
      ),
    },
  ];
}

const SAMPLES: readonly Sample[] = [...SIMPLE, ...SIMPLE.flatMap(compound)];

function compareKeys(type: AlgebraicType, a: KeyPart, b: KeyPart): number {
  return hasTextKey(type)
    ? compareTextKeys(a as string, b as string)
    : compareNumberKeys(a as number | bigint, b as number | bigint);
}

describe.each(SAMPLES.map((sample) => ({ name: JSON.stringify(sample.type), ...sample })))(
  'keys of $name',
  ({ type, value }) => {
    const read = compileKeyReader(type);
    const make = compileKeyMaker(type);
    const compare = compareValues(type);

    test('have the order of the values, in rows and from values alike', () => {
      fc.assert(
        fc.property(value, value, (a, b) => {
          const [left, right] = [a, b].map((item) => read(Uint8Array.of(9, ...encodeValue(type, item)), 1));
          expect([make(a), make(b)]).toEqual([left, right]);
          expect(Math.sign(compareKeys(type, left!, right!))).toBe(Math.sign(compare(a, b)));
          // Keys serve maps as well: equal by order means equal as a map's key.
          expect(new Set([left, right]).size).toBe(compare(a, b) === 0 ? 1 : 2);
        }),
        { numRuns: 60 },
      );
    });

    test('have the order of the values when they are packed, and none is the beginning of another', () => {
      const pack = compilePack(type);
      const packed = (item: AlgebraicValue): string => {
        const units: number[] = [];
        const bytes = encodeValue(type, item);
        expect(pack(bytes, 0, units)).toBe(bytes.length);
        return packedText(units);
      };
      fc.assert(
        fc.property(value, value, (a, b) => {
          const [left, right] = [packed(a), packed(b)];
          expect(Math.sign(compareTextKeys(left, right))).toBe(Math.sign(compare(a, b)));
          if (left !== right) expect(left.startsWith(right) || right.startsWith(left)).toBe(false);
        }),
        { numRuns: 60 },
      );
    });
  },
);

test('a lone surrogate has the key of the replacement character that is stored for it', () => {
  expect(compileKeyMaker({ type: 'string' })('a\ud800')).toBe(compileKeyMaker({ type: 'string' })('a\ufffd'));
});

test('the ends of a range lie before and behind all keys with their parts', () => {
  const compare = compareCompositeKeys(3);
  const before = makeKeyEnd([1, 'b'], 3, 'before');
  const behind = makeKeyEnd([1, 'b'], 3, 'behind');
  const key = [1, 'b', 5];
  expect(compare(before, key)).toBeLessThan(0);
  expect(compare(key, before)).toBeGreaterThan(0);
  expect(compare(behind, key)).toBeGreaterThan(0);
  expect(compare(key, behind)).toBeLessThan(0);
  expect(compare(before, behind)).toBeLessThan(0);
  expect(compare(behind, [1, 'c', 0])).toBeLessThan(0);
  expect(compare(before, [1, 'a', 9])).toBeGreaterThan(0);
  expect(compare(makeKeyEnd([1], 3, 'before'), before)).toBeLessThan(0);
  expect(compare(makeKeyEnd([1], 3, 'behind'), behind)).toBeGreaterThan(0);
  expect(compare(key, key)).toBe(0);
});
