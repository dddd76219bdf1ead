import fc from 'fast-check';
import { matchesPattern } from '@inner-universe/nerv/events/pattern';
import { expect, test } from 'vitest';
import { TypeRules } from './type-rules.ts';

test.each([
  ['order.placed', 'order.placed', 'order.*'],
  ['order.placed', 'order.*', 'order.**'],
  ['order.placed', 'order.**', '**'],
  ['order.placed', '*.*', '**'],
  ['order.placed', 'order.*', '*.placed'],
  ['a.b.c', '*.b.c', 'a.**'],
  ['a.b.c', 'a.*.c', 'a.**'],
  ['a.b.c', 'a.*.**', 'a.**'],
  ['a.b', 'a.b', 'a.b.**'],
])('of %s it is %s that holds, not %s, in whatever order they are given', (type, closer, wider) => {
  expect(new TypeRules({ [closer]: 'closer', [wider]: 'wider' }).find(type)).toBe('closer');
  expect(new TypeRules({ [wider]: 'wider', [closer]: 'closer' }).find(type)).toBe('closer');
});

test('a type that no pattern matches has no rule', () => {
  expect(new TypeRules({ 'a.*': 1 }).find('b.c')).toBeUndefined();
  expect(new TypeRules().find('a')).toBeUndefined();
});

test('whatever holds matches, and something holds wherever something matches', () => {
  const segment = fc.constantFrom('a', 'b', '*', '**');
  const pattern = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
  const type = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { maxLength: 6 }), type, (patterns, wanted) => {
      const rules = new TypeRules(Object.fromEntries(patterns.map((each) => [each, each])));
      const found = rules.find(wanted);
      expect(rules.find(wanted)).toBe(found);
      const matching = patterns.filter((each) => matchesPattern(each, wanted));
      if (found === undefined) expect(matching).toEqual([]);
      else expect(matching).toContain(found);
    }),
  );
});

test('rules are remembered for a bounded number of types', () => {
  let asked = 0;
  const rules = new TypeRules({ '**': 'all' });
  for (let n = 0; n < 10_000; n += 1) if (rules.find(`type.n${n}`) === 'all') asked += 1;
  expect(asked).toBe(10_000);
});
