import fc from 'fast-check';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { treeHash } from '../hash/tree-digest.ts';
import { StateTree } from './state-tree.ts';

interface Item {
  id: string;
  tags: string[];
}

interface State {
  name?: string;
  items: Item[];
  numbers: number[];
  when: Date;
  map: Map<string, number>;
  set: Set<string>;
  bytes: Uint8Array;
  extra?: unknown;
}

const make = (): State => ({
  name: 'cart',
  items: [
    { id: 'a', tags: ['x'] },
    { id: 'b', tags: [] },
  ],
  numbers: [3, 1, 2],
  when: new Date(5),
  map: new Map([['k', 1]]),
  set: new Set(['s']),
  bytes: Uint8Array.of(1),
});

/** What a change does to a draft must be what it does to the plain value. */
function check(change: (state: State) => unknown): StateTree<State> {
  const before = StateTree.from(make());
  const plain = make();
  change(plain);
  const after = before.edit(change);
  expect(after.toValue()).toStrictEqual(plain);
  expect(after.hash).toBe(treeHash(plain));
  expect(before.toValue()).toStrictEqual(make());
  expect(before.apply(before.diff(after)).hash).toBe(after.hash);
  return after;
}

describe('a draft', () => {
  const changes: [string, (state: State) => unknown][] = [
    ['sets and deletes properties', (s) => ((s.name = 'x'), delete s.extra)],
    ['deletes a property', (s) => delete s.name],
    ['adds nested values', (s) => (s.extra = { list: [1, { deep: true }] })],
    ['changes deep inside', (s) => (s.items[0]!.tags[0] = 'y')],
    ['pushes', (s) => s.items.push({ id: 'c', tags: [] }, { id: 'd', tags: ['z'] })],
    ['unshifts', (s) => s.items.unshift({ id: 'c', tags: [] })],
    ['pops and shifts', (s) => (s.numbers.pop(), s.numbers.shift())],
    ['pops from an empty array', (s) => (s.items[1]!.tags.pop(), s.items[1]!.tags.shift())],
    ['splices', (s) => s.numbers.splice(1, 1, 7, 8, 9)],
    ['splices from the end and to the end', (s) => (s.numbers.splice(-1, 1, 5), s.numbers.splice(1))],
    ['splices nothing', (s) => (s.numbers as { splice(...args: unknown[]): unknown }).splice()],
    ['sorts', (s) => s.numbers.sort()],
    ['sorts by a comparison', (s) => s.items.sort((a, b) => (a.id < b.id ? 1 : -1))],
    ['reverses', (s) => s.items.reverse()],
    ['fills', (s) => (s.numbers.fill(0, 1), s.numbers.fill(9, -1), s.numbers.fill(4, 0, 1))],
    ['copies within', (s) => s.numbers.copyWithin(0, 1)],
    ['sets elements by index, also the one behind the last', (s) => ((s.numbers[0] = 9), (s.numbers[3] = 4))],
    ['shortens by length', (s) => (s.numbers.length = 1)],
    ['empties by length', (s) => (s.items.length = 0)],
    ['replaces an array by a filtered one', (s) => (s.items = s.items.filter((item) => item.id !== 'a'))],
    ['moves an element to another place', (s) => s.items.push(s.items.shift()!)],
    ['puts one draft in two places', (s) => ((s.extra = s.items[0]), (s.items[0]!.id = 'both'))],
    ['takes drafts inside of plain values', (s) => (s.extra = { first: s.items[0], all: [s.items] })],
    [
      'keeps following a plain value that was assigned',
      (s) => {
        const item = { id: 'later', tags: [] as string[] };
        s.items.push(item);
        item.tags.push('seen');
        s.items[2]!.tags.push('too');
      },
    ],
    ['changes a date in place', (s) => s.when.setTime(99)],
    ['changes a map in place', (s) => (s.map.set('n', 2), s.map.delete('k'))],
    ['changes a set in place', (s) => s.set.add('t')],
    ['changes bytes in place', (s) => (s.bytes[0] = 7)],
    ['assigns many', (s) => Object.assign(s, { name: 'n', extra: 1 })],
    ['swaps elements', (s) => ([s.items[0], s.items[1]] = [s.items[1]!, s.items[0]!])],
    [
      'defines a property',
      (s) =>
        Object.defineProperty(s, 'extra', {
          value: 5,
          writable: true,
          enumerable: true,
          configurable: true,
        }),
    ],
    ['sets undefined', (s) => (s.extra = undefined)],
    ['iterates and changes each', (s) => s.items.forEach((item) => (item.id += '!'))],
  ];
  test.each(changes)('%s', (_, change) => {
    check(change);
  });

  test('is read like the plain value, with the changes made so far', () => {
    StateTree.from(make()).edit((draft) => {
      draft.name = 'new';
      delete (draft as { when?: Date }).when;
      draft.extra = 1;
      draft.numbers.push(4);
      expect(Object.keys(draft).sort()).toEqual(['bytes', 'extra', 'items', 'map', 'name', 'numbers', 'set']);
      expect('when' in draft).toBe(false);
      expect('extra' in draft).toBe(true);
      expect('toString' in draft).toBe(true);
      expect(Symbol.iterator in draft.numbers).toBe(true);
      expect({ ...draft }.name).toBe('new');
      expect(draft.numbers).toEqual([3, 1, 2, 4]);
      expect([...draft.numbers]).toEqual([3, 1, 2, 4]);
      expect(Array.isArray(draft.numbers)).toBe(true);
      expect(JSON.stringify(draft.numbers)).toBe('[3,1,2,4]');
      expect(inspect(draft.numbers)).toBe('[ 3, 1, 2, 4 ]');
      expect(Object.getOwnPropertyNames(draft.numbers)).toEqual(['0', '1', '2', '3', 'length']);
      expect(Object.getOwnPropertyDescriptor(draft, 'none')).toBeUndefined();
      expect(Object.getOwnPropertyDescriptor(draft, Symbol.iterator)).toBeUndefined();
      expect(draft.items[0]).toBe(draft.items[0]);
      expect(draft.items[5]).toBeUndefined();
      expect(draft.map).toBe(draft.map);
      expect(draft.numbers.splice(0, 2)).toEqual([3, 1]);
      expect(draft.numbers.unshift(0)).toBe(3);
      expect(draft.numbers.sort()).toBe(draft.numbers);
      expect(draft.numbers.fill(1)).toBe(draft.numbers);
    });
  });

  test('gives back the same state when nothing really changed', () => {
    const tree = StateTree.from(make());
    expect(tree.edit(() => undefined)).toBe(tree);
    expect(tree.edit((draft) => (draft.name = 'cart'))).toBe(tree);
    expect(tree.edit((draft) => draft.items.forEach((item) => item.tags.length))).toBe(tree);
    expect(tree.edit((draft) => (draft.numbers.push(1), draft.numbers.pop()))).toBe(tree);
    expect(tree.edit((draft) => [draft.when.getTime(), draft.map.size, draft.set.size, draft.bytes.length])).toBe(tree);
    expect(tree.edit((draft) => draft.when.setTime(5))).toBe(tree);
    expect(tree.edit((draft) => (draft.items = make().items))).toBe(tree);
  });

  test('takes parts of other states as they are', () => {
    const other = StateTree.from({ part: { big: [1, 2, 3] } });
    const tree = StateTree.from<{ extra?: unknown }>({}).edit((draft) => (draft.extra = other.view().part));
    expect(tree.view().extra).toBe(other.view().part);
  });

  test('ends with its function', () => {
    let kept: State | undefined;
    let items: Item[] | undefined;
    StateTree.from(make()).edit((draft) => {
      kept = draft;
      items = draft.items;
    });
    expect(() => kept?.name).toThrow(expect.objectContaining({ code: 'state/draft-closed' }));
    expect(() => items?.push()).toThrow(expect.objectContaining({ code: 'state/draft-closed' }));
  });

  test('refuses an asynchronous function, and closes the draft that it would go on with', async () => {
    let going: Promise<void> | undefined;
    expect(() =>
      StateTree.from(make()).edit((draft) => {
        going = Promise.resolve().then(() => {
          draft.name = 'late';
        });
        return going;
      }),
    ).toThrow(expect.objectContaining({ code: 'state/invalid-argument' }));
    await expect(going).rejects.toMatchObject({ code: 'state/draft-closed' });
  });

  const refused: [string, (state: State) => unknown, string][] = [
    ['a function', (s) => (s.extra = { f: () => 1 }), '/extra/f'],
    ['a symbol', (s) => (s.extra = Symbol('s')), '/extra'],
    ['a lone surrogate', (s) => (s.items[1]!.id = '\ud800'), '/items/1/id'],
    ['a hole by index', (s) => (s.numbers[9] = 1), '/9'],
    ['a hole by length', (s) => (s.numbers.length = 9), '/length'],
    ['a length that is none', (s) => (s.numbers.length = -1), '/length'],
    ['a hole by delete', (s) => Reflect.deleteProperty(s.numbers, '0'), '/0'],
    ['a name on an array', (s) => Object.assign(s.numbers, { extra: 1 }), '/extra'],
    ['a cycle of drafts', (s) => (s.extra = s), '/extra'],
    ['a cycle through a plain value', (s) => (s.extra = { list: [s] }), '/extra/list/0'],
    ['a cycle through an array', (s) => (s.items as unknown[]).push(s.items), '/items/2'],
    ['a getter', (s) => Object.defineProperty(s, 'extra', { get: () => 1 }), '/extra'],
    ['a symbol as key', (s) => Object.assign(s, { [Symbol('k')]: 1 }), ''],
    ['a prototype', (s) => Object.setPrototypeOf(s, null), ''],
    ['freezing', (s) => Object.freeze(s), ''],
  ];
  test.each(refused)('refuses %s, naming the place', (_, change, path) => {
    const tree = StateTree.from(make());
    expect(() => tree.edit(change)).toThrow(
      expect.objectContaining({
        code: 'value/unsupported',
        details: expect.objectContaining({ path }),
      }),
    );
    expect(tree.toValue()).toStrictEqual(make());
  });

  test('takes deletions of what is not there, and positions that are none, as plain values do', () => {
    const tree = StateTree.from<{ list: unknown[] }>({ list: [1, 2, 3] });
    const edited = tree.edit((draft) => {
      expect(Object.keys(draft)).toEqual(['list']);
      expect(Reflect.deleteProperty(draft.list, '99')).toBe(true);
      expect(Reflect.deleteProperty(draft, Symbol('none'))).toBe(true);
      expect(draft.list.splice('x' as never, 1)).toEqual([1]);
    });
    expect(edited.toValue()).toEqual({ list: [2, 3] });
  });

  test('of a large object takes keys before all others and behind them', () => {
    const plain = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, n]));
    const edited = StateTree.from<Record<string, number>>(plain).edit((draft) => {
      draft['a'] = 1;
      draft['z'] = 2;
    });
    expect(edited.hash).toBe(treeHash({ ...plain, a: 1, z: 2 }));
  });

  test('of an array that comes to the same in another way is the same state', () => {
    const tree = StateTree.from([1, 1]);
    const edited = tree.edit((draft) => {
      draft.splice(0, 1);
      draft.push(1);
    });
    expect(edited).toBe(tree);
  });

  test('of a large array stands many scattered changes', () => {
    const plain = Array.from({ length: 5_000 }, (_, n) => n);
    const change = (list: number[]): void => {
      for (let n = 0; n < 700; n += 1) list[(n * 7_919) % 5_000] = -n;
      list.splice(10, 3);
      list.splice(4_000, 0, 1, 2, 3);
      list.push(5);
    };
    const tree = StateTree.from(plain).edit(change);
    change(plain);
    expect(tree.toValue()).toEqual(plain);
    expect(tree.hash).toBe(treeHash(plain));
  });

  test('does to arrays what the plain array does, whatever is done', () => {
    const step = fc.oneof(
      fc.record({
        type: fc.constant('splice' as const),
        at: fc.nat(40),
        remove: fc.nat(10),
        insert: fc.array(fc.nat(9), { maxLength: 6 }),
      }),
      fc.record({ type: fc.constant('set' as const), at: fc.nat(40), value: fc.nat(9) }),
      fc.record({ type: fc.constant('nest' as const), at: fc.nat(40) }),
      fc.record({ type: fc.constantFrom('sort', 'reverse', 'shift', 'pop') }),
    );
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 40 }), fc.array(step, { maxLength: 20 }), (start, steps) => {
        const change = (list: unknown[]): void => {
          for (const it of steps) {
            if (it.type === 'splice') list.splice(it.at, it.remove, ...it.insert);
            else if (it.type === 'set') list[Math.min(it.at, list.length)] = it.value;
            else if (it.type === 'nest') {
              if (it.at < list.length) list[it.at] = { was: list[it.at] };
              if (it.at + 1 < list.length && typeof list[it.at + 1] === 'object')
                (list[it.at + 1] as { more?: boolean }).more = true;
            } else list[it.type as 'pop']();
          }
        };
        const plain: unknown[] = structuredClone(start);
        change(plain);
        const tree = StateTree.from<unknown[]>(start).edit(change);
        expect(tree.toValue()).toEqual(plain);
        expect(tree.hash).toBe(treeHash(plain));
      }),
      { numRuns: 300 },
    );
  });
});
