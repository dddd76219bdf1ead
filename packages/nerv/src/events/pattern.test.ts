import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  compilePattern,
  eventTypeFault,
  isEventType,
  isPattern,
  matchesPattern,
  MAX_EVENT_TYPE_LENGTH,
  MAX_EVENT_TYPE_SEGMENTS,
  patternFault,
} from './pattern.ts';

const segment = fc.constantFrom('a', 'b', 'c');
const type = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join('.'));
const pattern = fc
  .array(fc.constantFrom('a', 'b', 'c', '*', '**'), { minLength: 1, maxLength: 6 })
  .map((segments) => segments.join('.'));

/** The definition, read aloud: exponential, but plainly right. */
function plainMatch(wanted: readonly string[], given: readonly string[]): boolean {
  const [first, ...rest] = wanted;
  if (first === undefined) return given.length === 0;
  if (first === '**') return plainMatch(rest, given) || (given.length > 0 && plainMatch(wanted, given.slice(1)));
  return given.length > 0 && (first === '*' || first === given[0]) && plainMatch(rest, given.slice(1));
}

test('a pattern matches what its definition says', () => {
  fc.assert(
    fc.property(pattern, type, (wanted, given) => {
      expect(matchesPattern(wanted, given)).toBe(plainMatch(wanted.split('.'), given.split('.')));
    }),
  );
});

test('a pattern of many double stars is matched in no time', () => {
  const wanted = Array.from({ length: 16 }, () => '**.a').join('.');
  const given = Array.from({ length: 32 }, () => 'a').join('.');
  expect(matchesPattern(wanted, given)).toBe(true);
  expect(matchesPattern(`${wanted.slice(0, -1)}b`, given)).toBe(false);
});

test('an exact pattern knows its type; others know none', () => {
  expect(compilePattern('order.placed').exact).toBe('order.placed');
  expect(compilePattern('order.*').exact).toBeUndefined();
});

test.each(['order', 'order.placed', 'SYSTEM_INITIALIZED', 'git:commit', 'größe.日本', 'a-b.c_d'])(
  '%j is a type',
  (text) => {
    expect(isEventType(text)).toBe(true);
    expect(isPattern(text)).toBe(true);
  },
);

test.each(['', '.', 'a.', '.a', 'a..b', 'a b', 'a\n', 'a\u0000', '\ud800', '*', 'a.*', 'a*'])(
  '%j is no type',
  (text) => {
    expect(eventTypeFault(text)).toEqual(expect.any(String));
  },
);

test.each(['', 'a.', 'a*', '***', 'a.b*.c', 'a. '])('%j is no pattern', (text) => {
  expect(patternFault(text)).toEqual(expect.any(String));
  expect(() => compilePattern(text)).toThrow(expect.objectContaining({ code: 'event/invalid-pattern' }));
});

test('types have a greatest length and number of segments', () => {
  expect(isEventType('a'.repeat(MAX_EVENT_TYPE_LENGTH))).toBe(true);
  expect(isEventType('a'.repeat(MAX_EVENT_TYPE_LENGTH + 1))).toBe(false);
  const segments = Array.from({ length: MAX_EVENT_TYPE_SEGMENTS }, () => 'a');
  expect(isEventType(segments.join('.'))).toBe(true);
  expect(isEventType([...segments, 'a'].join('.'))).toBe(false);
});

test('what is no text is neither a type nor a pattern', () => {
  // That a caller without types may try is the point.
  for (const value of [undefined, null, 7, {}] as unknown as string[]) {
    expect(isEventType(value)).toBe(false);
    expect(() => compilePattern(value)).toThrow(expect.objectContaining({ code: 'event/invalid-pattern' }));
  }
});

test('patterns have the same limits as types', () => {
  const stars = Array.from({ length: MAX_EVENT_TYPE_SEGMENTS }, () => '**');
  expect(isPattern(stars.join('.'))).toBe(true);
  expect(isPattern([...stars, '**'].join('.'))).toBe(false);
});
