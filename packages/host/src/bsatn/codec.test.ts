import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AlgebraicType, AlgebraicValue, PrimitiveTypeName } from './algebraic-type.ts';
import { isPrimitive } from './algebraic-type.ts';
import { BsatnError, UnencodableError } from './bsatn-error.ts';
import { compileCodec, decodeValue, encodeValue } from './codec.ts';
import { compareStrings, compareValues } from './order.ts';
import { BsatnReader } from './reader.ts';
import { compileRowCodec } from './row-codec.ts';
import { readType, writeType } from './type-codec.ts';
import { compileTrustedWalk } from './walk.ts';
import { BsatnWriter } from './writer.ts';

const PRIMITIVES: readonly PrimitiveTypeName[] = [
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
];

const arbitraryType: fc.Arbitrary<AlgebraicType> = fc.letrec<{ type: AlgebraicType }>((tie) => {
  const named = fc.array(
    fc.record({ name: fc.option(fc.string({ maxLength: 4 }), { nil: undefined }), algebraicType: tie('type') }),
    { maxLength: 4 },
  );
  return {
    type: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...PRIMITIVES).map((type): AlgebraicType => ({ type })),
      tie('type').map((element): AlgebraicType => ({ type: 'array', element })),
      named.map((elements): AlgebraicType => ({ type: 'product', elements })),
      named.filter((variants) => variants.length > 0).map((variants): AlgebraicType => ({ type: 'sum', variants })),
    ),
  };
}).type;

function integers(name: string): fc.Arbitrary<AlgebraicValue> {
  const bits = Number(name.slice(1));
  const [min, max] = name.startsWith('i')
    ? [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]
    : [0n, (1n << BigInt(bits)) - 1n];
  const value = fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n, 1n));
  return bits <= 32 ? value.map(Number) : value;
}

function arbitraryPrimitive(name: PrimitiveTypeName): fc.Arbitrary<AlgebraicValue> {
  if (name === 'string') return fc.string({ unit: 'grapheme', maxLength: 40 });
  if (name === 'bool') return fc.boolean();
  if (name === 'f32') return fc.float();
  return name === 'f64' ? fc.double() : integers(name);
}

function arbitraryValue(type: AlgebraicType): fc.Arbitrary<AlgebraicValue> {
  if (isPrimitive(type)) return arbitraryPrimitive(type.type);
  switch (type.type) {
    case 'array':
      return type.element.type === 'u8'
        ? fc.uint8Array({ maxLength: 8 })
        : fc.array(arbitraryValue(type.element), { maxLength: 4 });
    case 'product':
      return fc.tuple(...type.elements.map(({ algebraicType }) => arbitraryValue(algebraicType)));
    case 'sum':
      return fc.oneof(
        ...type.variants.map(({ algebraicType }, tag) =>
          arbitraryValue(algebraicType).map((value) => ({ tag, value })),
        ),
      );
    case 'ref':
      throw new Error('no references here');
  }
}

const typeAndValue = arbitraryType.chain((type) => fc.record({ type: fc.constant(type), value: arbitraryValue(type) }));
const typeAndValues = arbitraryType.chain((type) =>
  fc.record({ type: fc.constant(type), values: fc.array(arbitraryValue(type), { minLength: 2, maxLength: 6 }) }),
);

describe('any value of any type', () => {
  test('comes back from its bytes, byte for byte', () => {
    fc.assert(
      fc.property(typeAndValue, ({ type, value }) => {
        const bytes = encodeValue(type, value);
        const decoded = decodeValue(type, bytes);
        expect(decoded).toEqual(value);
        expect(encodeValue(type, decoded)).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  test('is stepped over exactly, checked and trusted', () => {
    fc.assert(
      fc.property(typeAndValue, ({ type, value }) => {
        const bytes = encodeValue(type, value);
        const reader = new BsatnReader(Uint8Array.of(...bytes, 1, 2, 3));
        compileCodec(type).skip(reader);
        expect(reader.offset).toBe(bytes.length);
        expect(compileTrustedWalk(type)(bytes, 0, bytes.length)).toBe(bytes.length);
      }),
      { numRuns: 300 },
    );
  });

  test('cut short is refused by decoding and by stepping over alike', () => {
    fc.assert(
      fc.property(typeAndValue, fc.nat(), ({ type, value }, at) => {
        const bytes = encodeValue(type, value);
        fc.pre(bytes.length > 0);
        const cut = bytes.subarray(0, at % bytes.length);
        expect(() => decodeValue(type, cut)).toThrow(BsatnError);
        expect(() => compileCodec(type).skip(new BsatnReader(cut))).toThrow(BsatnError);
      }),
      { numRuns: 300 },
    );
  });

  test('from random bytes either decodes or is refused, and stepping over agrees', () => {
    fc.assert(
      fc.property(arbitraryType, fc.uint8Array({ maxLength: 60 }), (type, bytes) => {
        const codec = compileCodec(type);
        const outcome = (run: (reader: BsatnReader) => unknown): number | 'refused' => {
          const reader = new BsatnReader(bytes);
          try {
            run(reader);
            return reader.offset;
          } catch (error) {
            expect(error).toBeInstanceOf(BsatnError);
            return 'refused';
          }
        };
        expect(outcome((reader) => codec.skip(reader))).toBe(outcome((reader) => codec.decode(reader)));
      }),
      { numRuns: 500 },
    );
  });
});

test('a type comes back from its bytes', () => {
  fc.assert(
    fc.property(arbitraryType, (type) => {
      const writer = new BsatnWriter();
      writeType(writer, type);
      const reader = new BsatnReader(writer.toBytes());
      expect(readType(reader)).toEqual(type);
      reader.expectEnd();
    }),
  );
});

test('a type nested too deep is refused instead of exhausting the stack', () => {
  const reader = new BsatnReader(new Uint8Array(100_000).fill(3));
  expect(() => readType(reader)).toThrow(/nested deeper/);
});

describe('rows', () => {
  test('give any column without decoding the others', () => {
    const rows = fc
      .array(arbitraryType, { minLength: 1, maxLength: 6 })
      .chain((types) => fc.record({ types: fc.constant(types), values: fc.tuple(...types.map(arbitraryValue)) }));
    fc.assert(
      fc.property(rows, ({ types, values }) => {
        const codec = compileRowCodec(types.map((algebraicType) => ({ algebraicType })));
        const row = codec.encode(values);
        expect(codec.decode(row)).toEqual(values);
        expect(types.map((_, position) => codec.column(row, position))).toEqual(values);
        expect(types.map((_, position) => codec.columnBytes(row, position)).map((b) => [...b])).toEqual(
          types.map((type, position) => [...encodeValue(type, values[position]!)]),
        );
        codec.validate(row);
        if (codec.fixedSize !== undefined) expect(row.length).toBe(codec.fixedSize);
        if (row.length > 0) expect(codec.splitRows(Uint8Array.of(...row, ...row, ...row))).toEqual([row, row, row]);
      }),
      { numRuns: 300 },
    );
  });

  test('with bytes left over are refused', () => {
    const codec = compileRowCodec([{ algebraicType: { type: 'u8' } }]);
    expect(() => codec.validate(Uint8Array.of(1, 2))).toThrow(/left over/);
    expect(() => codec.decode(Uint8Array.of(1, 2))).toThrow(/left over/);
    expect(() => codec.column(Uint8Array.of(1), 1)).toThrow(RangeError);
  });
});

describe('order', () => {
  test('is total, and values are equal exactly when their order says so', () => {
    fc.assert(
      fc.property(typeAndValues, ({ type, values }) => {
        const compare = compareValues(type);
        for (const a of values) {
          expect(compare(a, a)).toBe(0);
          for (const b of values) {
            expect(Math.sign(compare(a, b))).toBe(-Math.sign(compare(b, a)) + 0);
            for (const c of values)
              if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('of strings is that of their UTF-8 bytes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 6 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareStrings(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
    expect(compareStrings('\u{10000}', '\uffff')).toBeGreaterThan(0);
  });

  test('of floats has one zero and puts NaN last; some sorts before none', () => {
    const floats = compareValues({ type: 'f64' });
    expect(floats(-0, 0)).toBe(0);
    expect(floats(NaN, NaN)).toBe(0);
    expect(floats(NaN, Infinity)).toBeGreaterThan(0);
    expect(floats(-Infinity, NaN)).toBeLessThan(0);
    const unit: AlgebraicType = { type: 'product', elements: [] };
    const option = compareValues({
      type: 'sum',
      variants: [
        { name: 'some', algebraicType: { type: 'u8' } },
        { name: 'none', algebraicType: unit },
      ],
    });
    expect(option({ tag: 0, value: 255 }, { tag: 1, value: [] })).toBeLessThan(0);
  });
});

describe('values that are not of the type', () => {
  test.each<[AlgebraicType, AlgebraicValue]>([
    [{ type: 'u8' }, 256],
    [{ type: 'u8' }, 1.5],
    [{ type: 'i8' }, -129],
    [{ type: 'u64' }, 1],
    [{ type: 'u64' }, 1n << 64n],
    [{ type: 'i128' }, 1n << 127n],
    [{ type: 'string' }, 1],
    [{ type: 'bool' }, 1],
    [{ type: 'f64' }, 1n],
    [{ type: 'array', element: { type: 'u8' } }, [1]],
    [{ type: 'array', element: { type: 'u16' } }, 'x'],
    [{ type: 'product', elements: [] }, [1]],
    [
      { type: 'sum', variants: [] },
      { tag: 0, value: 1 },
    ],
  ])('are refused: %o', (type, value) => {
    expect(() => encodeValue(type, value)).toThrow(UnencodableError);
  });
});

describe('malformed bytes', () => {
  test('of strings are refused at the place where they are wrong', () => {
    const string: AlgebraicType = { type: 'string' };
    for (const bad of [[0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xff]]) {
      const bytes = Uint8Array.of(bad.length + 1, 0, 0, 0, 0x61, ...bad);
      expect(() => decodeValue(string, bytes)).toThrow(BsatnError);
      expect(() => compileCodec(string).skip(new BsatnReader(bytes))).toThrow(/at byte 5: a string is not valid UTF-8/);
    }
  });

  test('keep a byte order mark as a character', () => {
    expect(decodeValue({ type: 'string' }, Uint8Array.of(4, 0, 0, 0, 0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa');
  });

  test('of lone surrogates become the replacement character', () => {
    expect(decodeValue({ type: 'string' }, encodeValue({ type: 'string' }, 'a\ud800'))).toBe('a\ufffd');
  });

  test('cannot claim an array that is larger than they are', () => {
    const claim = Uint8Array.of(255, 255, 255, 255);
    expect(() => decodeValue({ type: 'array', element: { type: 'u32' } }, claim)).toThrow(/cannot be in/);
    const unit: AlgebraicType = { type: 'product', elements: [] };
    expect(() => decodeValue({ type: 'array', element: unit }, claim)).toThrow(/cannot be in/);
  });

  test('of a bool, a tag or an option are refused', () => {
    expect(() => decodeValue({ type: 'bool' }, Uint8Array.of(2))).toThrow(/a bool is 0 or 1/);
    const sum: AlgebraicType = { type: 'sum', variants: [{ name: 'a', algebraicType: { type: 'u8' } }] };
    expect(() => decodeValue(sum, Uint8Array.of(1, 0))).toThrow(/tag 1 of a sum of 1 variants/);
  });
});
