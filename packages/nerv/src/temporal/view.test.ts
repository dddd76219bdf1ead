import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { toPlain } from './plain.ts';
import { StateTree } from './state-tree.ts';

const value = {
  name: 'cart',
  items: [
    { id: 'a', tags: ['x'] },
    { id: 'b', tags: [] },
  ],
  when: new Date(5),
  map: new Map<string, unknown>([['k', { deep: [1] }]]),
  set: new Set([1]),
  bytes: Uint8Array.of(1, 2),
  big: 12n,
  nothing: undefined,
};

describe('a view', () => {
  const view = StateTree.from(value).view();

  test('equals the plain value', () => {
    expect(view).toEqual(value);
    expect(view.items).toEqual(value.items);
    expect({ ...view }).toEqual(value);
    expect([...view.items]).toEqual(value.items);
    expect(view).not.toEqual({ ...value, name: 'other' });
  });

  test('is read like a plain object', () => {
    expect(Object.keys(view)).toEqual(['big', 'bytes', 'items', 'map', 'name', 'nothing', 'set', 'when']);
    expect(Object.entries(view).length).toBe(8);
    expect('name' in view).toBe(true);
    expect('nothing' in view).toBe(true);
    expect('other' in view).toBe(false);
    expect('toString' in view).toBe(true);
    expect(Object.hasOwn(view, 'name')).toBe(true);
    expect(Object.hasOwn(view, 'toString')).toBe(false);
    expect(Object.prototype.toString.call(view)).toBe('[object Object]');
    expect(view.constructor).toBe(Object);
    expect(Object.getPrototypeOf(view)).toBe(Object.prototype);
    const names: string[] = [];
    for (const name in view) names.push(name);
    expect(names).toEqual(Object.keys(view));
    expect(JSON.stringify({ items: view.items })).toBe(JSON.stringify({ items: value.items }));
    const { name, ...rest } = view;
    expect([name, Object.keys(rest).length]).toEqual(['cart', 7]);
  });

  test('is no name for what is none: odd indexes and the console have none', () => {
    expect(Reflect.get(view.items, '1.5')).toBeUndefined();
    expect(Reflect.get(view.items, '01')).toBeUndefined();
    expect(Reflect.get(view.items, '-1')).toBeUndefined();
    expect(view.items[1]?.tags[0]).toBeUndefined();
    const many = StateTree.from(Array.from({ length: 1_000 }, (_, n) => n)).view();
    expect([many[999], many[1_000], many.at(-1_001)]).toEqual([999, undefined, undefined]);
    expect(Reflect.get(StateTree.from({}).view(), 'x')).toBeUndefined();
    expect(Reflect.get(view, Symbol.for('nodejs.util.inspect.custom'))).toBeUndefined();
  });

  test('and every part of it and of a draft can be had as plain values, for whoever clones', () => {
    expect(() => structuredClone(view)).toThrow();
    expect(structuredClone(toPlain(view))).toEqual(value);
    const items = toPlain(view.items);
    items[0]?.tags.push('changed');
    expect(view.items[0]?.tags).toEqual(['x']);
    expect(toPlain({ part: view.items[1], other: 1 })).toEqual({ part: value.items[1], other: 1 });
    StateTree.from(value).edit((draft) => {
      draft.items[1]?.tags.push('y');
      expect(structuredClone(toPlain(draft.items))).toEqual([value.items[0], { id: 'b', tags: ['y'] }]);
    });
    expect(toPlain(5)).toBe(5);
    expect(() => toPlain({ call: () => 1 })).toThrow(expect.objectContaining({ code: 'value/unsupported' }));
  });

  test('is read like a plain array', () => {
    const { items } = view;
    expect(Array.isArray(items)).toBe(true);
    expect(items.length).toBe(2);
    expect(items.map((item) => item.id)).toEqual(['a', 'b']);
    expect(items.find((item) => item.id === 'b')).toBe(items[1]);
    expect(items.at(-1)).toBe(items[1]);
    expect(items.slice(1)).toEqual([{ id: 'b', tags: [] }]);
    expect(items.concat([]).length).toBe(2);
    expect(items.includes(items[0]!)).toBe(true);
    expect(items[2]).toBeUndefined();
    expect(1 in items).toBe(true);
    expect(2 in items).toBe(false);
    expect(Object.keys(items)).toEqual(['0', '1']);
    expect(Object.getOwnPropertyNames(items)).toEqual(['0', '1', 'length']);
    expect(items.flatMap((item) => item.tags)).toEqual(['x']);
    let ids = '';
    for (const item of items) ids += item.id;
    expect(ids).toBe('ab');
    expect(JSON.stringify(items)).toBe(JSON.stringify(value.items));
  });

  test('prints as the plain value on a console', () => {
    expect(inspect(view.items)).toBe(inspect(value.items));
    expect(inspect({ nested: view.items[0] })).toBe(inspect({ nested: value.items[0] }));
  });

  test('cannot be written to, nor anything in it', () => {
    const attempts: (() => unknown)[] = [
      () => ((view as { name: string }).name = 'x'),
      () => view.items.push({ id: 'c', tags: [] }),
      () => view.items.sort(),
      () => delete (view as { name?: string }).name,
      () => Object.defineProperty(view, 'x', { value: 1 }),
      () => Object.setPrototypeOf(view, null),
      () => Object.freeze(view),
      () => view.map.set('x', 1),
      () => view.map.clear(),
      () => view.set.add(2),
      () => view.when.setTime(0),
      () => view.when.setUTCFullYear(1999),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(expect.objectContaining({ code: 'state/read-only' }));
    expect(() => (view.map.get('k') as { deep: number[] }).deep.push(2)).toThrow(TypeError);
    expect(view).toEqual(value);
  });

  test('of bytes can be written to, by the language, but the state cannot', () => {
    const tree = StateTree.from({ bytes: Uint8Array.of(1) });
    tree.view().bytes[0] = 9;
    expect(tree.toValue().bytes).toEqual(Uint8Array.of(1));
  });

  test('keeps the identity of what did not change, also when a new value is adopted', () => {
    const before = StateTree.from(value);
    const after = before.edit((draft) => {
      draft.items[1]!.id = 'c';
    });
    expect(after.view()).not.toBe(before.view());
    expect(after.view().items[0]).toBe(before.view().items[0]);
    expect(after.view().items[1]).not.toBe(before.view().items[1]);
    expect(after.view().when).toBe(before.view().when);
    const adopted = before.adopt(StateTree.from({ ...value, name: 'new' }));
    expect(adopted.view().items).toBe(before.view().items);
    expect(before.view()).toBe(before.view());
  });

  test('shows odd keys as what they are', () => {
    const odd = JSON.parse('{"__proto__":{"x":1},"constructor":2,"toJSON":3,"length":4,"$date":5,"then":6}') as Record<
      string,
      unknown
    >;
    const shown = StateTree.from(odd).view();
    expect(Object.keys(shown)).toEqual(['$date', '__proto__', 'constructor', 'length', 'then', 'toJSON']);
    expect(Object.getOwnPropertyDescriptor(shown, '__proto__')?.value).toEqual({ x: 1 });
    expect([shown['constructor'], shown['length'], shown['$date']]).toEqual([2, 4, 5]);
    expect(Object.getPrototypeOf(shown)).toBe(Object.prototype);
    expect(StateTree.from(shown).hash).toBe(StateTree.from(odd).hash);
  });
});

describe('a state tree', () => {
  const tree = StateTree.from({ a: { $b: [1, { 'c/d': null }] }, e: undefined });

  test('is read by pointer and by keys', () => {
    expect(tree.get('/a/$$b/1/c~1d')).toBe(null);
    expect(tree.get(['a', '$b', 1, 'c/d'])).toBe(null);
    expect(tree.get('')).toBe(tree.view());
    expect(tree.get('/a/$$b/7')).toBeUndefined();
    expect(tree.get('/a/$$b/-')).toBeUndefined();
    expect(tree.get('/a/$$b/0/deeper')).toBeUndefined();
    expect([tree.has('/e'), tree.has('/f')]).toEqual([true, false]);
    expect(() => tree.get('a')).toThrow(expect.objectContaining({ code: 'state/invalid-patch' }));
  });

  test('knows its size and weight', () => {
    expect(tree.size).toBe(2);
    expect(StateTree.from([1, 2, 3]).size).toBe(3);
    expect(StateTree.from(5).size).toBe(0);
    expect(StateTree.from([1, 2, 3]).weight).toBe(4);
    expect(StateTree.from('x'.repeat(320)).weight).toBe(11);
    expect(StateTree.from({ map: new Map() }).weight).toBe(2);
    expect(StateTree.from({}).weight).toBe(1);
  });

  test('can be a plain scalar, which cannot be drafted', () => {
    const scalar = StateTree.from<unknown>(5);
    expect(scalar.view()).toBe(5);
    expect(scalar.diff(StateTree.from([1]))).toEqual([{ op: 'replace', path: '', value: [1] }]);
    expect(() => scalar.edit(() => 1)).toThrow(expect.objectContaining({ code: 'state/invalid-argument' }));
    expect(() => scalar.withEntries([['a', 1]])).toThrow(expect.objectContaining({ code: 'state/invalid-argument' }));
    expect(() => StateTree.from([1]).withEntries([['a', 1]])).toThrow(
      expect.objectContaining({ code: 'state/invalid-argument' }),
    );
  });

  test('sets and removes many keys at once, and stays itself where nothing changes', () => {
    const flat = StateTree.from<Record<string, number>>({ a: 1, b: 2 });
    expect(
      flat
        .withEntries(
          [
            ['c', 3],
            ['a', 9],
          ],
          ['b', 'zz'],
        )
        .toValue(),
    ).toEqual({ a: 9, c: 3 });
    expect(flat.withEntries([['a', 1]], ['none'])).toBe(flat);
    expect(flat.withEntries([['a', 5]], ['a']).toValue()).toEqual({ b: 2 });
    expect(
      StateTree.from({})
        .withEntries([['x', 1]])
        .toValue(),
    ).toEqual({ x: 1 });
    expect(flat.equals(StateTree.from({ b: 2, a: 1 }))).toBe(true);
    expect(() => flat.withEntries([['$x', () => 1]])).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ path: '/$$x' }) }),
    );
  });
});
