import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../values/json.ts';
import { checkPatch, parsePatch, stringifyPatch, type JsonPatch } from './patch.ts';
import { touches } from './patch-touch.ts';
import { StateTree } from './state-tree.ts';

/** Cases for RFC 6902, our own words: before, patch, after. */
const cases: [string, JsonValue, JsonPatch, JsonValue][] = [
  ['no operation', { a: 1 }, [], { a: 1 }],
  ['add a member', { a: 1 }, [{ op: 'add', path: '/b', value: [2] }], { a: 1, b: [2] }],
  ['add replaces a member that is there', { a: 1 }, [{ op: 'add', path: '/a', value: null }], { a: null }],
  ['add the whole document', { a: 1 }, [{ op: 'add', path: '', value: [] }], []],
  ['add into the middle of an array', [1, 3], [{ op: 'add', path: '/1', value: 2 }], [1, 2, 3]],
  ['add at the front of an array', [1], [{ op: 'add', path: '/0', value: 0 }], [0, 1]],
  ['add at the length of an array', [1], [{ op: 'add', path: '/1', value: 2 }], [1, 2]],
  ['add behind an array with -', [1], [{ op: 'add', path: '/-', value: [2] }], [1, [2]]],
  ['add under the empty key', {}, [{ op: 'add', path: '/', value: 1 }], { '': 1 }],
  ['add under a number as key of an object', {}, [{ op: 'add', path: '/0', value: 1 }], { '0': 1 }],
  [
    'add under escaped keys',
    {},
    [
      { op: 'add', path: '/a~1b', value: 1 },
      { op: 'add', path: '/a~0b', value: 2 },
      { op: 'add', path: '/~01', value: 3 },
    ],
    { 'a/b': 1, 'a~b': 2, '~1': 3 },
  ],
  [
    'add into what was added',
    {},
    [
      { op: 'add', path: '/a', value: {} },
      { op: 'add', path: '/a/b', value: [] },
      { op: 'add', path: '/a/b/-', value: 1 },
    ],
    { a: { b: [1] } },
  ],
  ['remove a member', { a: 1, b: 2 }, [{ op: 'remove', path: '/a' }], { b: 2 }],
  ['remove an element', [1, 2, 3], [{ op: 'remove', path: '/1' }], [1, 3]],
  [
    'remove one after the other',
    [1, 2, 3],
    [
      { op: 'remove', path: '/0' },
      { op: 'remove', path: '/0' },
    ],
    [3],
  ],
  ['remove a member that is null', { a: null }, [{ op: 'remove', path: '/a' }], {}],
  ['replace a member', { a: { b: 1 } }, [{ op: 'replace', path: '/a/b', value: 'x' }], { a: { b: 'x' } }],
  ['replace an element', [1, 2], [{ op: 'replace', path: '/1', value: [3] }], [1, [3]]],
  ['replace the whole document', { a: 1 }, [{ op: 'replace', path: '', value: 5 }], 5],
  ['move a member', { a: { b: 1 } }, [{ op: 'move', from: '/a/b', path: '/c' }], { a: {}, c: 1 }],
  ['move an element forwards', [1, 2, 3], [{ op: 'move', from: '/0', path: '/2' }], [2, 3, 1]],
  ['move an element backwards', [1, 2, 3], [{ op: 'move', from: '/2', path: '/0' }], [3, 1, 2]],
  ['move to where it is', { a: 1 }, [{ op: 'move', from: '/a', path: '/a' }], { a: 1 }],
  ['move a member over another', { a: 1, b: 2 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
  [
    'move a changed container',
    { a: { x: 1 } },
    [
      { op: 'add', path: '/a/y', value: 2 },
      { op: 'move', from: '/a', path: '/b' },
      { op: 'add', path: '/b/z', value: 3 },
    ],
    { b: { x: 1, y: 2, z: 3 } },
  ],
  ['copy a member', { a: [1] }, [{ op: 'copy', from: '/a', path: '/b' }], { a: [1], b: [1] }],
  [
    'a copy goes its own way',
    { a: [1] },
    [
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'add', path: '/b/-', value: 2 },
    ],
    { a: [1], b: [1, 2] },
  ],
  ['copy into itself', { a: {} }, [{ op: 'copy', from: '/a', path: '/a/b' }], { a: { b: {} } }],
  ['copy the document into itself', { a: 1 }, [{ op: 'copy', from: '', path: '/b' }], { a: 1, b: { a: 1 } }],
  [
    'test that holds',
    { a: { b: [1, null, 'x'] } },
    [{ op: 'test', path: '/a', value: { b: [1, null, 'x'] } }],
    { a: { b: [1, null, 'x'] } },
  ],
  [
    'test does not mind the order of keys',
    { a: { x: 1, y: 2 } },
    [{ op: 'test', path: '/a', value: { y: 2, x: 1 } }],
    { a: { x: 1, y: 2 } },
  ],
  ['test the whole document', { a: 1 }, [{ op: 'test', path: '', value: { a: 1 } }], { a: 1 }],
  [
    'a member called __proto__',
    {},
    [{ op: 'add', path: '/__proto__', value: 1 }],
    JSON.parse('{"__proto__":1}') as JsonValue,
  ],
  [
    "a user's key with $",
    {},
    [{ op: 'add', path: '/$$k', value: { $date: '1970-01-01T00:00:00.000Z' } }],
    { $$k: { $date: '1970-01-01T00:00:00.000Z' } },
  ],
];

/** Before, patch, code. */
const refusals: [string, JsonValue, unknown, string][] = [
  ['remove what is not there', { a: 1 }, [{ op: 'remove', path: '/b' }], 'state/invalid-patch'],
  ['remove behind an array', [1], [{ op: 'remove', path: '/1' }], 'state/invalid-patch'],
  ['remove with -', [1], [{ op: 'remove', path: '/-' }], 'state/invalid-patch'],
  ['remove the document', {}, [{ op: 'remove', path: '' }], 'state/invalid-patch'],
  ['replace what is not there', {}, [{ op: 'replace', path: '/a', value: 1 }], 'state/invalid-patch'],
  ['add into nothing', {}, [{ op: 'add', path: '/a/b', value: 1 }], 'state/invalid-patch'],
  ['add into a scalar', { a: 1 }, [{ op: 'add', path: '/a/b', value: 1 }], 'state/invalid-patch'],
  [
    'add into a date',
    { a: { $date: '1970-01-01T00:00:00.000Z' } },
    [{ op: 'replace', path: '/a/$date', value: 'x' }],
    'state/invalid-patch',
  ],
  ['add beyond an array', [1], [{ op: 'add', path: '/2', value: 1 }], 'state/invalid-patch'],
  ['an index with a leading zero', [1, 2], [{ op: 'replace', path: '/01', value: 1 }], 'state/invalid-patch'],
  ['an index that is none', [1], [{ op: 'add', path: '/1e0', value: 1 }], 'state/invalid-patch'],
  ['a negative index', [1], [{ op: 'replace', path: '/-1', value: 1 }], 'state/invalid-patch'],
  ['move from nothing', {}, [{ op: 'move', from: '/a', path: '/b' }], 'state/invalid-patch'],
  ['move into itself', { a: {} }, [{ op: 'move', from: '/a', path: '/a/b' }], 'state/invalid-patch'],
  ['copy from nothing', {}, [{ op: 'copy', from: '/a', path: '/b' }], 'state/invalid-patch'],
  ['test of nothing', {}, [{ op: 'test', path: '/a', value: null }], 'state/invalid-patch'],
  ['test that fails', { a: 1 }, [{ op: 'test', path: '/a', value: '1' }], 'state/patch-test-failed'],
  ['test of another kind', { a: {} }, [{ op: 'test', path: '/a', value: [] }], 'state/patch-test-failed'],
  ['a reserved key', {}, [{ op: 'add', path: '/$k', value: 1 }], 'state/invalid-patch'],
  ['a value not in the encoded form', {}, [{ op: 'add', path: '/k', value: { $k: 1 } }], 'value/malformed'],
  ['a pointer that is none', {}, [{ op: 'add', path: 'a', value: 1 }], 'state/invalid-patch'],
  ['an unknown operation', {}, [{ op: 'spam', path: '/a' }], 'state/invalid-patch'],
  ['no path', {}, [{ op: 'remove' }], 'state/invalid-patch'],
  ['no value', {}, [{ op: 'add', path: '/a' }], 'state/invalid-patch'],
  ['no from', {}, [{ op: 'copy', path: '/a' }], 'state/invalid-patch'],
  ['an operation that is none', {}, [null], 'state/invalid-patch'],
  ['no list', {}, { op: 'remove', path: '/a' }, 'state/invalid-patch'],
];

describe('a JSON Patch', () => {
  test.each(cases)('%s', (_, before, patch, after) => {
    const tree = StateTree.fromJson(before);
    const patched = tree.apply(patch);
    expect(patched.toJson()).toEqual(after);
    expect(patched.hash).toBe(StateTree.fromJson(after).hash);
    expect(tree.toJson()).toEqual(before);
  });

  test.each(refusals)('is refused: %s', (_, before, patch, code) => {
    const tree = StateTree.fromJson(before);
    expect(() => tree.apply(patch as JsonPatch)).toThrow(expect.objectContaining({ code }));
    expect(tree.toJson()).toEqual(before);
  });

  test('is refused as a whole, naming the operation', () => {
    const tree = StateTree.fromJson({ a: 1 });
    const patch: JsonPatch = [
      { op: 'add', path: '/b', value: 1 },
      { op: 'remove', path: '/none' },
    ];
    expect(() => tree.apply(patch)).toThrow(expect.objectContaining({ details: { index: 1, path: '/none' } }));
  });

  test('of an operation that nobody checked is a mistake of the caller', () => {
    expect(() => StateTree.from<unknown>({}).applyChecked([{ op: 'swap', path: '' } as never])).toThrow(
      'patch operation',
    );
  });

  test('goes through text', () => {
    const patch: JsonPatch = [
      { op: 'move', from: '/a', path: '/b' },
      { op: 'add', path: '/c', value: { z: 1, a: 2 } },
    ];
    const text = '[{"from":"/a","op":"move","path":"/b"},{"op":"add","path":"/c","value":{"a":2,"z":1}}]';
    expect(stringifyPatch(patch)).toBe(text);
    expect(parsePatch(text)).toEqual(patch);
    expect(() => parsePatch('[')).toThrow(expect.objectContaining({ code: 'state/invalid-patch' }));
    expect(() => parsePatch('[{"op":"x","path":""}]')).toThrow(
      expect.objectContaining({ code: 'state/invalid-patch' }),
    );
  });

  test('members that the standard does not name are left out', () => {
    expect(checkPatch([{ op: 'remove', path: '/a', value: 1, note: 'x' }])).toEqual([{ op: 'remove', path: '/a' }]);
  });
});

describe('what a patch touches', () => {
  const patch: JsonPatch = [
    { op: 'replace', path: '/a/b', value: 1 },
    { op: 'test', path: '/tested', value: 1 },
    { op: 'move', from: '/from', path: '/to/x' },
    { op: 'remove', path: '/list/3' },
    { op: 'add', path: '/users/-', value: 1 },
  ];

  test('is the place itself, what lies in it and what it lies in', () => {
    for (const place of ['/a', '/a/b', '/a/b/c', '/from', '/to/x', '', '/list/3'])
      expect(touches(patch, place), place).toBe('surely');
    for (const place of ['/tested', '/a/c', '/ab', '/to/y']) expect(touches(patch, place), place).toBe('none');
    expect(touches([], '')).toBe('none');
  });

  test('is perhaps what lies beside an element that came or went', () => {
    for (const place of ['/list/4', '/list/4/deep', '/users/0']) expect(touches(patch, place), place).toBe('perhaps');
    expect(touches([{ op: 'replace', path: '/list/3', value: 1 }], '/list/4')).toBe('none');
  });
});

describe('a difference', () => {
  const patchOf = (before: unknown, after: unknown): JsonPatch => StateTree.from(before).diff(StateTree.from(after));

  test('says only what differs', () => {
    expect(patchOf({ a: 1, b: { c: [1, 2, 3] } }, { a: 1, b: { c: [1, 9, 3] } })).toEqual([
      { op: 'replace', path: '/b/c/1', value: 9 },
    ]);
    expect(patchOf({ a: 1 }, { b: 1 })).toEqual([
      { op: 'remove', path: '/a' },
      { op: 'add', path: '/b', value: 1 },
    ]);
    expect(patchOf([1, 2, 3, 4], [0, 1, 2, 4])).toEqual([
      { op: 'add', path: '/0', value: 0 },
      { op: 'remove', path: '/3' },
    ]);
    expect(patchOf({ a: [] }, { a: {} })).toEqual([{ op: 'replace', path: '/a', value: {} }]);
    expect(patchOf({ 'a/b': { $c: 1 } }, { 'a/b': { $c: 2 } })).toEqual([
      { op: 'replace', path: '/a~1b/$$c', value: 2 },
    ]);
    expect(patchOf({ a: new Date(0) }, { a: new Date(1) })).toEqual([
      { op: 'replace', path: '/a', value: { $date: '1970-01-01T00:00:00.001Z' } },
    ]);
  });

  test('replaces a container as a whole where that says less', () => {
    expect(patchOf({ list: Array.from({ length: 100 }, (_, n) => n) }, { list: [] })).toEqual([
      { op: 'replace', path: '/list', value: [] },
    ]);
  });

  test('finds edits far apart in a long array, and unique elements that moved', () => {
    const before = Array.from({ length: 20_000 }, (_, n) => n);
    const after = [...before];
    after.splice(15_000, 1);
    after.splice(100, 0, -1);
    expect(patchOf(before, after)).toEqual([
      { op: 'add', path: '/100', value: -1 },
      { op: 'remove', path: '/15001' },
    ]);
    const rotated = [...before.slice(10_000), ...before.slice(0, 10_000)];
    const tree = StateTree.from(before);
    expect(tree.apply(tree.diff(StateTree.from(rotated))).toValue()).toEqual(rotated);
  });

  test('of arrays too different to compare exactly is still right', () => {
    const before = Array.from({ length: 600 }, (_, n) => n % 7);
    const after = Array.from({ length: 500 }, (_, n) => (n * n) % 11);
    const tree = StateTree.from(before);
    expect(tree.apply(tree.diff(StateTree.from(after))).toValue()).toEqual(after);
  });
});
