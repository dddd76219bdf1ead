import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tryReadLiteral } from './literal.ts';
import { tryParseTimestamp } from './timestamp-text.ts';
import type { Scalar, ScalarKind } from './scalar-type.ts';

const number = (text: string, kind: ScalarKind): Scalar | undefined => tryReadLiteral({ type: 'number', text }, kind);
const string = (text: string, kind: ScalarKind): Scalar | undefined => tryReadLiteral({ type: 'string', text }, kind);
const hex = (text: string, kind: ScalarKind): Scalar | undefined => tryReadLiteral({ type: 'hex', text }, kind);

describe('integers', () => {
  test.each<[string, ScalarKind, Scalar | undefined]>([
    ['0', 'u8', 0],
    ['255', 'u8', 255],
    ['256', 'u8', undefined],
    ['-1', 'u8', undefined],
    ['-0', 'u8', 0],
    ['+7', 'i8', 7],
    ['-128', 'i8', -128],
    ['-129', 'i8', undefined],
    ['4294967295', 'u32', 4_294_967_295],
    ['9007199254740993', 'u64', 9_007_199_254_740_993n],
    ['18446744073709551615', 'u64', 18_446_744_073_709_551_615n],
    ['18446744073709551616', 'u64', undefined],
    ['-9223372036854775808', 'i64', -(2n ** 63n)],
    ['340282366920938463463374607431768211455', 'u128', 2n ** 128n - 1n],
    ['-170141183460469231731687303715884105728', 'i128', -(2n ** 127n)],
    [String(2n ** 256n - 1n), 'u256', 2n ** 256n - 1n],
    [String(2n ** 256n), 'u256', undefined],
    [String(-(2n ** 255n)), 'i256', -(2n ** 255n)],
    [String(-(2n ** 255n) - 1n), 'i256', undefined],
    ['1e3', 'u32', 1_000],
    ['1.5e1', 'u8', 15],
    ['10e-1', 'u8', 1],
    ['1.0', 'u8', 1],
    ['1e-1', 'u8', undefined],
    ['1.5', 'u8', undefined],
    ['1e77', 'u256', 10n ** 77n],
    ['1e999999999999', 'u256', undefined],
    ['0e999999999999', 'u256', 0n],
    ['1e-999999999999', 'u8', undefined],
    ['0000000000000000000000000000000000000000000000000000000000000000000000000000000000001', 'u8', 1],
    ['', 'u8', undefined],
    ['.', 'u8', undefined],
    ['-', 'u8', undefined],
    ['1_000', 'u32', undefined],
    [' 1', 'u32', undefined],
    ['five', 'u32', undefined],
    ['0x10', 'u32', undefined],
  ])('%s as %s', (text, kind, value) => {
    expect(number(text, kind)).toBe(value);
    expect(string(text, kind)).toBe(value);
  });

  test('any integer reads back exactly, in plain and in scientific form', () => {
    const integer = fc.bigInt({ min: -(2n ** 255n), max: 2n ** 255n - 1n });
    fc.assert(
      fc.property(integer, fc.nat({ max: 30 }), (value, shift) => {
        expect(number(String(value), 'i256')).toBe(value);
        expect(number(`${value}${'0'.repeat(shift)}e-${shift}`, 'i256')).toBe(value);
      }),
    );
  });

  test('hex is no integer, so that 0x10 cannot be taken for 10', () => {
    expect(hex('10', 'u32')).toBeUndefined();
  });
});

describe('other kinds', () => {
  test.each<[string, ScalarKind, Scalar | undefined]>([
    ['1.5', 'f64', 1.5],
    ['.5', 'f64', 0.5],
    ['1e400', 'f64', Number.POSITIVE_INFINITY],
    ['-1e40', 'f32', Number.NEGATIVE_INFINITY],
    ['0.1', 'f32', Math.fround(0.1)],
    ['NaN', 'f64', undefined],
    ['Infinity', 'f64', undefined],
    ['', 'f64', undefined],
    ['007', 'string', '007'],
    ['1', 'bool', undefined],
    ['true', 'bool', undefined],
  ])('number %s as %s', (text, kind, value) => {
    expect(number(text, kind)).toBe(value);
  });

  test('booleans are TRUE and FALSE and fit nothing else', () => {
    expect(tryReadLiteral({ type: 'boolean', value: true }, 'bool')).toBe(true);
    expect(tryReadLiteral({ type: 'boolean', value: true }, 'string')).toBeUndefined();
    expect(tryReadLiteral({ type: 'boolean', value: false }, 'u8')).toBeUndefined();
  });

  test('bytes are hex, quoted or not', () => {
    expect(hex('00ffAb', 'bytes')).toEqual(Uint8Array.of(0, 255, 0xab));
    expect(string('0x00ff', 'bytes')).toEqual(Uint8Array.of(0, 255));
    expect(hex('', 'bytes')).toEqual(new Uint8Array());
    expect(hex('abc', 'bytes')).toBeUndefined();
    expect(string('xyz', 'bytes')).toBeUndefined();
    expect(number('12', 'bytes')).toBeUndefined();
  });

  test('identities and connection ids are all their hex digits, most significant first', () => {
    expect(hex(`${'0'.repeat(62)}1f`, 'identity')).toBe(0x1fn);
    expect(string(`0x${'f'.repeat(64)}`, 'identity')).toBe(2n ** 256n - 1n);
    expect(hex('1f', 'identity')).toBeUndefined();
    expect(hex('f'.repeat(65), 'identity')).toBeUndefined();
    expect(hex(`${'0'.repeat(30)}1f`, 'connection-id')).toBe(0x1fn);
    expect(hex('0'.repeat(64), 'connection-id')).toBeUndefined();
    expect(number('1'.repeat(64), 'identity')).toBeUndefined();
  });

  test('a uuid is hex or its usual text', () => {
    const value = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdefn;
    expect(hex('0123456789abcdef0123456789abcdef', 'uuid')).toBe(value);
    expect(string('01234567-89AB-cdef-0123-456789abcdef', 'uuid')).toBe(value);
    expect(string('0123456789abcdef0123456789abcdef', 'uuid')).toBe(value);
    expect(string('01234567-89ab-cdef-0123456789abcdef', 'uuid')).toBeUndefined();
  });

  test('strings stay as they are; a hex literal is none', () => {
    expect(string("it's", 'string')).toBe("it's");
    expect(hex('ab', 'string')).toBeUndefined();
  });
});

describe('timestamps', () => {
  test.each<[string, bigint | undefined]>([
    ['1970-01-01T00:00:00Z', 0n],
    ['2023-11-14T22:13:20.123456Z', 1_700_000_000_123_456n],
    ['2023-11-14 22:13:20.1234569z', 1_700_000_000_123_456n],
    ['2025-02-10 15:45:30+02:00', 1_739_195_130_000_000n],
    ['2025-02-10T15:45:30-00:30', 1_739_204_130_000_000n],
    ['1969-12-31T23:59:59.999999Z', -1n],
    ['0000-01-01T00:00:00Z', -62_167_219_200_000_000n],
    ['9999-12-31T23:59:59.9Z', 253_402_300_799_900_000n],
    ['2024-02-29T00:00:00Z', 1_709_164_800_000_000n],
    ['2016-12-31T23:59:60Z', 1_483_228_800_000_000n],
    ['2023-02-29T00:00:00Z', undefined],
    ['1900-02-29T00:00:00Z', undefined],
    ['2023-13-01T00:00:00Z', undefined],
    ['2023-04-31T00:00:00Z', undefined],
    ['2023-01-01T24:00:00Z', undefined],
    ['2023-01-01T00:60:00Z', undefined],
    ['2023-01-01T00:00:00', undefined],
    ['2023-01-01', undefined],
    ['2023-01-01T00:00:00+2:00', undefined],
    ['2023-01-01T00:00:00+24:00', undefined],
    ['2023-1-1T00:00:00Z', undefined],
    ['now', undefined],
  ])('%s', (text, micros) => {
    expect(tryParseTimestamp(text)).toBe(micros);
    expect(string(text, 'timestamp')).toBe(micros);
  });

  test('agrees with the platform on every millisecond', () => {
    const date = fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(date, (moment) => {
        expect(tryParseTimestamp(moment.toISOString())).toBe(BigInt(moment.getTime()) * 1_000n);
      }),
    );
  });

  test('an unquoted number is no timestamp', () => {
    expect(number('1700000000', 'timestamp')).toBeUndefined();
  });
});
