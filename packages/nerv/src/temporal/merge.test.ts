import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeStates } from './merge-states.ts';
import { StateTree } from './state-tree.ts';
import type { MergeStrategy } from './temporal-store.ts';

const merge = (sides: { base?: unknown; ours: unknown; theirs: unknown }, strategy: MergeStrategy = {}) => {
  const base = 'base' in sides ? StateTree.from(sides.base) : undefined;
  const { tree, conflicts } = mergeStates(
    { base, ours: StateTree.from(sides.ours), theirs: StateTree.from(sides.theirs) },
    strategy,
  );
  return { merged: tree.toValue(), conflicts };
};

describe('a merge', () => {
  const clean: [string, unknown, unknown, unknown, unknown][] = [
    ['fields of two objects', { a: 1, b: 1 }, { a: 2, b: 1 }, { a: 1, b: 3 }, { a: 2, b: 3 }],
    ['additions and removals', { a: 1, b: 1 }, { b: 1, c: 1 }, { a: 1, b: 1, d: 1 }, { b: 1, c: 1, d: 1 }],
    ['the same change', { a: 1 }, { a: 2 }, { a: 2 }, { a: 2 }],
    ['the same removal', { a: 1 }, {}, {}, {}],
    [
      'deep fields',
      { o: { p: { x: 1, y: 1 } } },
      { o: { p: { x: 2, y: 1 } } },
      { o: { p: { x: 1, y: 2 } } },
      { o: { p: { x: 2, y: 2 } } },
    ],
    ['objects added by both', {}, { o: { x: 1 } }, { o: { y: 2 } }, { o: { x: 1, y: 2 } }],
    ['array regions apart', [1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 6], [0, 1, 2, 3, 4, 6]],
    ['removals apart', [1, 2, 3, 4], [2, 3, 4], [1, 2, 3], [2, 3]],
    ['an insertion beside a replacement', [1, 2, 3], [1, 9, 2, 3], [1, 8, 3], [1, 9, 8, 3]],
    ['an insertion behind a removal', [1, 2, 3], [1, 3], [1, 2, 9, 3], [1, 9, 3]],
    ['fields of the same element', [{ x: 1, y: 1 }], [{ x: 2, y: 1 }], [{ x: 1, y: 2 }], [{ x: 2, y: 2 }]],
    ['the same insertion', [1], [1, 2], [1, 2], [1, 2]],
    ['one insertion in both, and more in one', [1, 5], [1, 2, 5], [1, 2, 5, 6], [1, 2, 5, 6]],
    ['dates changed by one side', { d: new Date(0) }, { d: new Date(1) }, { d: new Date(0) }, { d: new Date(1) }],
  ];
  test.each(clean)('takes %s', (...[, base, ours, theirs, expected]) => {
    expect(merge({ base, ours, theirs })).toEqual({ merged: expected, conflicts: [] });
    expect(merge({ base, ours: theirs, theirs: ours })).toEqual({
      merged: expected,
      conflicts: [],
    });
  });

  const conflicting: [string, unknown, unknown, unknown, object[]][] = [
    ['one field changed twice', { a: 1 }, { a: 2 }, { a: 3 }, [{ path: '/a', base: 1, ours: 2, theirs: 3 }]],
    ['a change and a removal', { a: 1 }, {}, { a: 3 }, [{ path: '/a', base: 1, ours: undefined, theirs: 3 }]],
    ['two additions', {}, { a: 2 }, { a: 3 }, [{ path: '/a', base: undefined, ours: 2, theirs: 3 }]],
    [
      'two fields',
      { o: { a: 1, $b: 1 } },
      { o: { a: 2, $b: 2 } },
      { o: { a: 3, $b: 3 } },
      [
        { path: '/o/$$b', base: 1, ours: 2, theirs: 3 },
        { path: '/o/a', base: 1, ours: 2, theirs: 3 },
      ],
    ],
    ['another kind', { a: {} }, { a: { x: 1 } }, { a: [1] }, [{ path: '/a', base: {}, ours: { x: 1 }, theirs: [1] }]],
    [
      'two insertions at one point',
      { l: [1] },
      { l: [1, 2] },
      { l: [1, 3] },
      [{ path: '/l', base: [1], ours: [1, 2], theirs: [1, 3] }],
    ],
    [
      'one element replaced twice',
      { l: [1, 5] },
      { l: [2, 5] },
      { l: [3, 5] },
      [{ path: '/l/0', base: 1, ours: 2, theirs: 3 }],
    ],
    [
      'a removal over a change',
      [1, 2, 3],
      [1],
      [1, 2, 4],
      [{ path: '', base: [1, 2, 3], ours: [1], theirs: [1, 2, 4] }],
    ],
    [
      'the same element in place of more by one side',
      { l: [1, 2, 3, 4, 5] },
      { l: [1, 9, 4, 5] },
      { l: [1, 9, 5] },
      [{ path: '/l', base: [1, 2, 3, 4, 5], ours: [1, 9, 4, 5], theirs: [1, 9, 5] }],
    ],
    ['a field of one element', [{ x: 1 }], [{ x: 2 }], [{ x: 3 }], [{ path: '/0/x', base: 1, ours: 2, theirs: 3 }]],
    [
      'a set',
      { s: new Set([1]) },
      { s: new Set([2]) },
      { s: new Set([3]) },
      [{ path: '/s', base: new Set([1]), ours: new Set([2]), theirs: new Set([3]) }],
    ],
  ];
  test.each(conflicting)('reports %s and keeps ours there', (...[, base, ours, theirs, conflicts]) => {
    expect(merge({ base, ours, theirs })).toEqual({ merged: ours, conflicts });
    expect(merge({ base, ours, theirs }, { strategy: 'ours' })).toEqual({
      merged: ours,
      conflicts: [],
    });
    expect(merge({ base, ours, theirs }, { strategy: 'theirs' })).toEqual({
      merged: theirs,
      conflicts: [],
    });
  });

  test('decides by a resolver, place by place', () => {
    const sides = {
      base: { a: 1, b: 1, c: 1, d: 1, e: 1 },
      ours: { a: 2, b: 2, c: 2, d: 2, e: 2 },
      theirs: { a: 3, b: 3, c: 3, d: 3, e: 3 },
    };
    const decisions: Record<string, ReturnType<NonNullable<MergeStrategy['resolve']>>> = {
      '/a': { take: 'base' },
      '/b': { take: 'theirs' },
      '/c': { value: { both: [2, 3] } },
      '/d': { remove: true },
    };
    const { merged, conflicts } = merge(sides, { resolve: ({ path }) => decisions[path] });
    expect(merged).toEqual({ a: 1, b: 3, c: { both: [2, 3] }, e: 2 });
    expect(conflicts.map((conflict) => conflict.path)).toEqual(['/e']);
    expect(merge(sides, { strategy: 'theirs', resolve: ({ path }) => decisions[path] }).merged).toMatchObject({ e: 3 });
  });

  test('of an array that one side made much longer and the other changed has both', () => {
    const base = [1, 2, 3];
    const grown = [...base, ...Array.from({ length: 5_000 }, (_, index) => index)];
    const changed = [9, 2, 3];
    for (const [ours, theirs] of [
      [grown, changed],
      [changed, grown],
    ])
      expect(merge({ base, ours, theirs })).toEqual({
        merged: [9, ...grown.slice(1)],
        conflicts: [],
      });
  });

  test('removes an element that a resolver takes away', () => {
    expect(merge({ base: [1, 5], ours: [2, 5], theirs: [3, 5] }, { resolve: () => ({ remove: true }) }).merged).toEqual(
      [5],
    );
  });

  test('keeps the state when a resolver would take all of it away', () => {
    expect(merge({ base: 1, ours: 2, theirs: 3 }, { resolve: () => ({ remove: true }) }).merged).toBe(2);
  });

  test('without a base takes both for grown from nothing', () => {
    expect(merge({ ours: { a: 1, c: 1 }, theirs: { b: 2, c: 1 } })).toEqual({
      merged: { a: 1, b: 2, c: 1 },
      conflicts: [],
    });
    expect(merge({ ours: [1], theirs: [2] }).conflicts).toHaveLength(1);
  });
});

describe('the laws of merging', () => {
  const state = fc.letrec((tie) => ({
    node: fc.oneof({ depthSize: 'small' }, fc.nat(3), tie('list'), tie('object')),
    list: fc.array(tie('node'), { maxLength: 6 }),
    object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), tie('node')),
  })).object;

  test('merging with what did not change is the side that did', () => {
    fc.assert(
      fc.property(state, state, (base, other) => {
        expect(merge({ base, ours: other, theirs: base })).toEqual({
          merged: other,
          conflicts: [],
        });
        expect(merge({ base, ours: base, theirs: other })).toEqual({
          merged: other,
          conflicts: [],
        });
      }),
    );
  });

  test('merging with the same change is that change', () => {
    fc.assert(
      fc.property(state, state, (base, other) => {
        expect(merge({ base, ours: other, theirs: other })).toEqual({
          merged: other,
          conflicts: [],
        });
      }),
    );
  });

  test('who merges whom does not matter: not to the state, and not to the places in conflict', () => {
    fc.assert(
      fc.property(state, state, state, (base, ours, theirs) => {
        const one = merge({ base, ours, theirs });
        const other = merge({ base, ours: theirs, theirs: ours });
        if (one.conflicts.length === 0) expect(other).toEqual(one);
        expect(other.conflicts.length > 0).toBe(one.conflicts.length > 0);
      }),
      { numRuns: 300 },
    );
  });

  test('with a strategy nothing stays in conflict', () => {
    fc.assert(
      fc.property(state, state, state, (base, ours, theirs) => {
        expect(merge({ base, ours, theirs }, { strategy: 'ours' }).conflicts).toEqual([]);
        expect(merge({ base, ours, theirs }, { strategy: 'theirs' }).conflicts).toEqual([]);
      }),
    );
  });

  test('what one side alone changed is in the merged state', () => {
    fc.assert(
      fc.property(state, state, (base, other) => {
        const { merged } = merge({ base, ours: { ...(base as object), own: 1 }, theirs: other });
        expect(merged).toEqual({ ...(other as object), own: 1 });
      }),
    );
  });
});
