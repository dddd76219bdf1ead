import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isTracestate,
  MAX_TRACESTATE_LENGTH,
  startTraceparent,
  tryChildTraceparent,
  tryParseTraceparent,
} from './trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const filled = (value: number) => ({ fill: (bytes: Uint8Array) => void bytes.fill(value) });

describe('traceparent', () => {
  test('is read into its parts', () => {
    expect(tryParseTraceparent(`00-${TRACE}-${PARENT}-01`)).toEqual({
      version: '00',
      traceId: TRACE,
      parentId: PARENT,
      flags: '01',
    });
  });

  test.each([
    ['a later version with the same parts', `cc-${TRACE}-${PARENT}-01`],
    ['a later version with more parts', `cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`],
    ['flags that this version does not know', `00-${TRACE}-${PARENT}-ff`],
  ])('takes %s', (_, text) => {
    expect(tryParseTraceparent(text)).toMatchObject({ traceId: TRACE, parentId: PARENT });
  });

  test.each([
    ['the version ff', `ff-${TRACE}-${PARENT}-01`],
    ['more parts than version 00 has', `00-${TRACE}-${PARENT}-01-what`],
    ['a dash too many', `00-${TRACE}-${PARENT}-01-`],
    ['a later version with more that is no part', `cc-${TRACE}-${PARENT}-01.what`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`],
    ['a parent id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['upper case', `00-${TRACE.toUpperCase()}-${PARENT}-01`],
    ['a trace id that is too short', `00-${TRACE.slice(1)}-${PARENT}-01`],
    ['a parent id that is too long', `00-${TRACE}-${PARENT}0-01`],
    ['other digits', `00-${TRACE.replace('0', 'g')}-${PARENT}-01`],
    ['flags of one digit', `00-${TRACE}-${PARENT}-1`],
    ['a version of one digit', `0-${TRACE}-${PARENT}-01`],
    ['white space around it', ` 00-${TRACE}-${PARENT}-01`],
    ['what is no text', 7],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(tryParseTraceparent(text)).toBeUndefined();
  });
});

describe('tracestate', () => {
  const many = (count: number): string => Array.from({ length: count }, (_, place) => `k${place}=1`).join(',');

  test.each([
    '',
    'foo=1',
    'foo=1,bar=2',
    'foo=1 \t , \t bar=2',
    'foo=1,,bar=2',
    'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
    'fw529a3039@dt=FfffffeX',
    '0tenant@vendor=v',
    'foo-_*/bar=1',
    `${'z'.repeat(256)}=1`,
    `${'t'.repeat(241)}@${'v'.repeat(14)}=1`,
    `foo=${'v'.repeat(256)}`,
    'foo= leading blanks are of the value',
    many(32),
  ])('takes %j', (text) => {
    expect(isTracestate(text)).toBe(true);
  });

  test.each([
    'foo',
    '=1',
    'foo=',
    'foo=1=2',
    'foo=1,foo=2',
    'Foo=1',
    '0foo=1',
    'foo @=1',
    'foo@=1',
    '@foo=1',
    'foo@@bar=1',
    'foo@Bar=1',
    `${'z'.repeat(257)}=1`,
    `${'t'.repeat(242)}@v=1`,
    `t@${'v'.repeat(15)}=1`,
    `foo=${'v'.repeat(257)}`,
    'foo=\u00e9',
    'foo=a\u0000b',
    many(33),
    Array.from({ length: 20 }, (_, place) => `k${place}=${'v'.repeat(250)}`).join(','),
    undefined,
  ])('refuses %j', (text) => {
    expect(isTracestate(text)).toBe(false);
  });

  test('a state of the greatest length is passed on', () => {
    const text = Array.from(
      { length: 16 },
      (_, place) => `k${String.fromCharCode(97 + place)}=${'v'.repeat(252)}`,
    ).join(',');
    expect(text.length).toBe(MAX_TRACESTATE_LENGTH - 1);
    expect(isTracestate(text)).toBe(true);
  });
});

describe('new ids', () => {
  test('begin a trace and a step below, of which only the sampled flag is kept', () => {
    expect(startTraceparent(filled(0xab), true)).toBe(`00-${'ab'.repeat(16)}-${'ab'.repeat(8)}-01`);
    expect(startTraceparent(filled(0xab))).toMatch(/-00$/);
    expect(tryChildTraceparent(`cc-${TRACE}-${PARENT}-ff-more`, filled(1))).toBe(`00-${TRACE}-${'01'.repeat(8)}-01`);
    expect(tryChildTraceparent(`00-${TRACE}-${PARENT}-02`, filled(1))).toBe(`00-${TRACE}-${'01'.repeat(8)}-00`);
    expect(tryChildTraceparent('nonsense', filled(1))).toBeUndefined();
  });

  test('are valid whatever the random bits', () => {
    expect(tryParseTraceparent(startTraceparent(filled(0)))).toBeDefined();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 24 }), (bits) => {
        const random = { fill: (bytes: Uint8Array) => bytes.set(bits.subarray(0, bytes.length)) };
        expect(tryParseTraceparent(startTraceparent(random))).toBeDefined();
      }),
    );
  });
});
