import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { treeHash } from '../hash/tree-digest.ts';
import { encode } from '../values/encode.ts';
import { StateTree } from './state-tree.ts';
import { parsePointer } from '../values/pointer.ts';
import type { JsonValue } from '../values/json.ts';
import type { JsonPatch } from './patch.ts';
import { hashWork } from '../hash/sha256.ts';

/** Few keys and small numbers, so that states resemble one another and chunks are shared. */
const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.constantFrom(null, true, false, 'x', '', -0, Number.NaN, undefined, 12n, '$date', 'é😀'),
  fc.constantFrom(0, 1).map((ms) => new Date(ms)),
  fc.constantFrom([1], [2, 3]).map((bytes) => Uint8Array.from(bytes)),
  fc.constantFrom('a', 'b').map((member) => new Set([member])),
  fc.constantFrom('a', 'b').map((key) => new Map([[key, { n: 1 }]])),
);
const key = fc.oneof(
  fc.integer({ min: 0, max: 60 }).map((n) => `k${n}`),
  fc.constantFrom('__proto__', '$x', '$', 'a/b', 'a~b', '', '10', '9', 'length', 'constructor', 'toJSON'),
);
const { state } = fc.letrec((tie) => ({
  node: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('array'), tie('object')),
  array: fc.array(tie('node'), { maxLength: 40 }),
  object: fc.uniqueArray(fc.tuple(key, tie('node')), { selector: ([name]) => name, maxLength: 60 }).map(makeObject),
  state: fc.oneof(tie('object'), tie('array'), tie('node')),
}));

function makeObject(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return object;
}

/** The RFC's own words on plain JSON, as slowly and simply as can be: the model that the tree is held against. */
function applyPlainPatch(document: JsonValue, patch: JsonPatch): unknown {
  const root: Record<string, unknown> = { '': structuredClone(document) };
  for (const operation of patch) {
    if (!('value' in operation) && operation.op !== 'remove') throw new Error(`diff never says ${operation.op}`);
    const path = ['', ...parsePointer(operation.path)];
    const last = path.pop()!;
    let parent: Record<string, unknown> | unknown[] = root;
    for (const segment of path) parent = Object.getOwnPropertyDescriptor(parent, segment)!.value as typeof parent;
    const value = 'value' in operation ? structuredClone(operation.value) : undefined;
    if (Array.isArray(parent)) {
      if (operation.op === 'add') parent.splice(Number(last), 0, value);
      else if (operation.op === 'remove') parent.splice(Number(last), 1);
      else parent[Number(last)] = value;
    } else if (operation.op === 'remove') {
      delete parent[last];
    } else {
      Object.defineProperty(parent, last, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  }
  return root[''];
}

describe('a state tree', () => {
  test('has the digest that its value has from nothing', () => {
    fc.assert(
      fc.property(state, (value) => {
        expect(StateTree.from(value).hash).toBe(treeHash(value));
      }),
    );
  });

  test('gives back the value that was put in', () => {
    fc.assert(
      fc.property(state, (value) => {
        const tree = StateTree.from(value);
        expect(tree.toJson()).toEqual(encode(value));
        expect(encode(tree.toValue())).toEqual(encode(value));
        expect(encode(tree.view())).toEqual(encode(value));
        expect(StateTree.parse(tree.stringify()).hash).toBe(tree.hash);
      }),
    );
  });

  test('diff, then apply, is the other state, and a plain JSON Patch implementation agrees', () => {
    fc.assert(
      fc.property(state, state, (a, b) => {
        const before = StateTree.from(a);
        const after = StateTree.from(b);
        const patch = before.diff(after);
        expect(before.apply(patch).hash).toBe(after.hash);
        expect(applyPlainPatch(before.toJson(), patch)).toEqual(after.toJson());
        expect(before.diff(before)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('has a digest that does not depend on the order of edits', () => {
    const edit = fc.tuple(fc.integer({ min: 0, max: 400 }), fc.option(fc.integer({ min: 0, max: 5 })));
    fc.assert(
      fc.property(fc.array(fc.array(edit, { maxLength: 60 }), { maxLength: 12 }), (batches) => {
        const model = new Map<string, number>();
        let tree: StateTree = StateTree.from({});
        for (const batch of batches) {
          const set: [string, number][] = [];
          const removed: string[] = [];
          for (const [n, value] of new Map(batch)) {
            if (value === null) {
              removed.push(`k${n}`);
              model.delete(`k${n}`);
            } else {
              set.push([`k${n}`, value]);
              model.set(`k${n}`, value);
            }
          }
          tree = tree.withEntries(set, removed);
          expect(tree.hash).toBe(treeHash(Object.fromEntries(model)));
        }
      }),
    );
  });

  test('splices of arrays give the digest of the array from nothing', () => {
    const splice = fc.tuple(fc.nat(600), fc.nat(40), fc.array(fc.nat(30), { maxLength: 40 }));
    const start = fc.array(fc.nat(30), { maxLength: 500 });
    fc.assert(
      fc.property(start, fc.array(splice, { maxLength: 12 }), (elements, splices) => {
        const model = [...elements];
        let tree = StateTree.from([...elements]);
        for (const [at, remove, insert] of splices) {
          model.splice(at, remove, ...insert);
          const next = tree.edit((draft) => draft.splice(at, remove, ...insert));
          expect(next.hash).toBe(treeHash(model));
          const patch = tree.diff(next);
          expect(tree.apply(patch).hash).toBe(next.hash);
          tree = next;
        }
        expect(tree.toValue()).toEqual(model);
      }),
    );
  });
});

describe('large containers', () => {
  test('keep the digest of their contents when whole regions go, whatever is left', () => {
    const elements = Array.from({ length: 6_000 }, (_, n) => n);
    const list = StateTree.from(elements);
    const object = StateTree.from<Record<string, number>>(
      Object.fromEntries(elements.map((n) => [`k${String(n).padStart(4, '0')}`, n])),
    );
    fc.assert(
      fc.property(fc.nat(6_000), fc.nat(300), (from, kept) => {
        const rest = elements.slice(from, from + kept);
        expect(list.edit((draft) => draft.splice(0, from) && draft.splice(kept)).hash).toBe(treeHash(rest));
        const keys = Object.keys(object.view());
        const left = object.withEntries([], [...keys.slice(0, from), ...keys.slice(from + kept)]);
        expect(left.hash).toBe(treeHash(Object.fromEntries(rest.map((n) => [keys[n], n]))));
      }),
      { numRuns: 60 },
    );
    for (let kept = 0; kept < 40; kept += 1) {
      const rest = elements.slice(6_000 - kept);
      expect(list.edit((draft) => draft.splice(0, 6_000 - kept)).hash).toBe(treeHash(rest));
    }
  });

  test('of equal elements stay right when they grow and shrink', () => {
    for (const element of [0, 1, 2, 3, 'x', true, null, [], {}]) {
      let tree = StateTree.from<unknown[]>([]);
      const plain: unknown[] = [];
      for (const [at, remove, insert] of [
        [0, 0, 700],
        [350, 1, 0],
        [10, 0, 300],
        [0, 255, 0],
        [5, 600, 1],
      ] as const) {
        const added = Array.from({ length: insert }, () => element);
        plain.splice(at, remove, ...added);
        tree = tree.edit((draft) => draft.splice(at, remove, ...added));
        expect(tree.hash).toBe(treeHash(plain));
      }
    }
  });
});

describe('the cost of a change', () => {
  const large = StateTree.from(Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`key-${n}`, n])));

  test('one key of 100,000 re-hashes a handful of chunks', () => {
    const before = { ...hashWork };
    let tree = large;
    for (let n = 0; n < 100; n += 1) tree = tree.withEntries([[`key-${n * 991}`, -n - 1]]);
    // A value, its entry, the chunks above them, and the object.
    expect((hashWork.messages - before.messages) / 100).toBeLessThan(3 + 12);
    expect(large.diff(tree)).toHaveLength(100);
  });

  test('an append to 100,000 elements re-hashes a handful of chunks', () => {
    const elements = StateTree.from(Array.from({ length: 100_000 }, (_, n) => n));
    const before = { ...hashWork };
    const longer = elements.edit((draft) => draft.push(-1));
    const middle = elements.edit((draft) => draft.splice(50_000, 1));
    // One new element; the rest are chunks, and the two arrays.
    expect(hashWork.messages - before.messages).toBeLessThan(3 + 40);
    expect(elements.diff(longer)).toEqual([{ op: 'add', path: '/100000', value: -1 }]);
    expect(elements.diff(middle)).toEqual([{ op: 'remove', path: '/50000' }]);
  });
});
