import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeStates, type MergedState } from './merge-states.ts';
import { StateTree } from './state-tree.ts';
import type { MergeStrategy } from './temporal-store.ts';
import { byIdentity } from './tree/keyed-lists.ts';

interface Item {
  readonly id: unknown;
  readonly n?: number;
}

const list = (text: string): Item[] =>
  text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => (word.includes('=') ? { id: word.split('=')[0], n: Number(word.split('=')[1]) } : { id: word }));

const merge = (
  [base, ours, theirs]: readonly [unknown, unknown, unknown],
  options: MergeStrategy = { lists: byIdentity({ '/items': 'id' }) },
): MergedState =>
  mergeStates(
    {
      base: StateTree.from<unknown>({ items: base }),
      ours: StateTree.from<unknown>({ items: ours }),
      theirs: StateTree.from<unknown>({ items: theirs }),
    },
    options,
  );

const mergeLists = (base: string, ours: string, theirs: string): string => {
  const { tree, conflicts } = merge([list(base), list(ours), list(theirs)]);
  const { items } = tree.toValue() as { items: Item[] };
  const shown = items.map(({ id, n }) => (n === undefined ? String(id) : `${String(id)}=${n}`)).join(' ');
  return conflicts.length === 0 ? shown : `${shown} ! ${conflicts.map(({ path }) => path).join(' ')}`;
};

describe('a list whose elements have an identity', () => {
  test.each([
    ['one side adds', 'a b', 'a b', 'a x b', 'a x b'],
    ['both add behind the same element, ours first', 'a b', 'a o b', 'a t b', 'a o t b'],
    ['both add at the front and at the end', 'a', 'o a p', 't a u', 'o t a p u'],
    ['both add to an empty list', '', 'o', 't', 'o t'],
    ['both add the same element', 'a', 'a x=1', 'a x=1', 'a x=1'],
    ['one side removes what the other left alone', 'a b c', 'a b c', 'a c', 'a c'],
    ['one side removes, the other adds behind it', 'a b c', 'a c', 'a b t c', 'a t c'],
    ['each removes another', 'a b c d', 'a c d', 'a b d', 'a d'],
    ['one side moves, the other changes', 'a=1 b c', 'c b a=1', 'a=2 b c', 'c b a=2'],
    ['they move, we change and add', 'a=1 b c', 'a=2 o b c', 'c b a=1', 'c b a=2 o'],
    ['both move alike', 'a b c', 'c b a', 'c b a t', 'c b a t'],
    ['they move and both add', 'a b c', 'a o b c', 'c a t b', 'c a o t b'],
    ['both change one element differently', 'a=1 b', 'a=2 b', 'a=3 b', 'a=2 b ! /items/0/n'],
    ['we remove what they changed', 'a b=1 c', 'a c', 'a b=2 c', 'a c ! /items/1'],
    ['they remove what we changed', 'z a b=1', 'z a b=2', 'z a', 'z a b=2 ! /items/2'],
    ['both move, differently', 'a b c', 'b a c', 'a c b', 'b a c ! /items'],
    ['both add one of the same identity that differs', 'a', 'a x=1', 'a x=2', 'a x=1 ! /items/1/n'],
  ])('merges where %s', (_, base, ours, theirs, expected) => {
    expect(mergeLists(base, ours, theirs)).toBe(expected);
  });

  test('that both sides made from nothing merges too', () => {
    const { tree, conflicts } = merge([undefined, undefined, undefined].map(() => list('')) as never);
    expect(conflicts).toEqual([]);
    expect(tree.toValue()).toEqual({ items: [] });
    const added = mergeStates(
      {
        base: StateTree.from<unknown>({}),
        ours: StateTree.from<unknown>({ items: list('o') }),
        theirs: StateTree.from<unknown>({ items: list('t') }),
      },
      { lists: byIdentity({ '/items': 'id' }) },
    );
    expect(added.tree.toValue()).toEqual({ items: list('o t') });
  });

  test.each([
    ['has no identity', [{ n: 1 }], [{ n: 1 }, { id: 'o' }], [{ n: 1 }, { id: 't' }]],
    ['has an identity twice', [], list('a a'), list('b')],
    ['is no object', [], ['o'], ['t']],
    ['has an identity that is no text or number', [], [{ id: true }], [{ id: null }]],
    ['is an array', [], [['id']], list('t')],
  ])('is merged by position when an element %s', (_, base, ours, theirs) => {
    expect(merge([base, ours, theirs]).conflicts.map(({ path }) => path)).toEqual(['/items']);
  });

  test('is found by a pointer in which * stands for any one segment', () => {
    const state = (items: Item[]): StateTree =>
      StateTree.from<unknown>({ boards: { x: { cards: items } }, cards: items });
    const sides = { base: state([]), ours: state(list('o')), theirs: state(list('t')) };
    const { tree, conflicts } = mergeStates(sides, {
      lists: byIdentity({ '/boards/*/cards': 'id' }),
    });
    expect(conflicts.map(({ path }) => path)).toEqual(['/cards']);
    expect(tree.get('/boards/x/cards')).toEqual(list('o t'));
    expect(() => byIdentity({ items: 'id' })).toThrow(expect.objectContaining({ code: 'state/invalid-patch' }));
  });

  test('asks the resolver for elements and for orders', () => {
    const lists = byIdentity({ '/items': 'id' });
    const gone = merge([list('a b=1'), list('a'), list('a b=2')], {
      lists,
      resolve: () => ({ take: 'theirs' }),
    });
    expect(gone.tree.get('/items')).toEqual(list('a b=2'));
    const moved = merge([list('a b c'), list('b a c'), list('a c b')], {
      lists,
      resolve: () => ({ value: undefined }),
    });
    expect(moved).toMatchObject({ conflicts: [] });
    expect(moved.tree.toValue()).toEqual({ items: undefined });
    expect(merge([list('a=1'), list('a=2'), list('')], { lists, strategy: 'theirs' }).tree.get('/items')).toEqual([]);
  });

  const items = fc.uniqueArray(fc.record({ id: fc.nat(12), n: fc.nat(2) }), {
    selector: ({ id }) => id,
    maxLength: 10,
  });

  test('has each element that either side added, and none that one removed and the other left alone', () => {
    fc.assert(
      fc.property(items, items, items, (base, ours, theirs) => {
        const { tree, conflicts } = merge([base, ours, theirs]);
        const byId = (list: readonly Item[]): Map<unknown, Item> => new Map(list.map((item) => [item.id, item]));
        const [b, o, t, m] = [byId(base), byId(ours), byId(theirs), byId(tree.get('/items') as Item[])];
        if (conflicts.some(({ path }) => path === '/items')) return;
        for (const id of new Set([...o.keys(), ...t.keys(), ...b.keys()])) {
          const [was, our, their] = [b.get(id)?.n, o.get(id)?.n, t.get(id)?.n];
          if (our === their || was === their) expect(m.get(id)?.n).toBe(our);
          else if (was === our) expect(m.get(id)?.n).toBe(their);
        }
      }),
    );
  });

  test('merged with itself, or with what did not change, is itself', () => {
    fc.assert(
      fc.property(items, items, (base, changed) => {
        expect(merge([base, changed, base])).toMatchObject({ conflicts: [] });
        expect(merge([base, changed, base]).tree.get('/items')).toEqual(changed);
        expect(merge([base, base, changed]).tree.get('/items')).toEqual(changed);
        expect(merge([base, changed, changed]).tree.get('/items')).toEqual(changed);
      }),
    );
  });

  test('comes to the same elements and the same conflicts whoever merges whom', () => {
    const sorted = (state: MergedState): unknown[] => [
      (state.tree.get('/items') as Item[]).map(({ id }) => id as number).sort((x, y) => x - y),
      state.conflicts.length,
    ];
    fc.assert(
      fc.property(items, items, items, (base, a, b) => {
        const [ours, theirs] = [merge([base, a, b]), merge([base, b, a])];
        if (ours.conflicts.length + theirs.conflicts.length > 0)
          expect(ours.conflicts.length).toBe(theirs.conflicts.length);
        else expect(sorted(ours)).toEqual(sorted(theirs));
      }),
    );
  });
});
