import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { RowLayout } from '../bsatn/row-layout.ts';
import type { IndexDef } from '../schema/module-def.ts';
import { BTreeIndex } from './btree-index.ts';
import { hashBytes } from './hash-bytes.ts';
import { hasExactBytes } from './key-bytes.ts';
import { COMMITTED } from './row-state.ts';
import { RowStore } from './row-store.ts';
import type { Bound, IndexRange } from './state-view.ts';
import type { IndexKey, LocatedRow, TableIndex } from './table-index.ts';
import { UniqueBytesIndex } from './unique-bytes-index.ts';

const numRuns = Number(process.env['RUNS'] ?? 150);

const DEF: IndexDef = { id: 1, name: 'i', accessor: 'i', algorithm: 'btree', columns: [1], isUnique: true };
const STRING = { type: 'string' } as const;
const COLUMNS = [
  { name: 'note', accessor: 'note', algebraicType: STRING },
  { name: 'id', accessor: 'id', algebraicType: STRING },
] as const;
const layout = new RowLayout([STRING, STRING]);
const codec = compileRowCodec(COLUMNS);

/** Beginnings of one another, beyond ASCII, and a lone surrogate, which is stored as the replacement character. */
const TEXTS = ['', 'a', 'ab', 'abc', 'b', 'ä', '\uffff', '\u{1f600}', '\ud800', '\ufffd', 'x'.repeat(40)];
const text = fc.constantFrom(...TEXTS);
const bound: fc.Arbitrary<Bound> = fc.oneof(
  fc.constant({ type: 'unbounded' } as const),
  fc.record({ type: fc.constantFrom('included' as const, 'excluded' as const), value: text }),
);
const range: fc.Arbitrary<IndexRange> = fc.oneof(
  text.map((value) => ({ prefix: [value] })),
  fc.record({ prefix: fc.constant([]), start: bound, end: bound }),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constantFrom('add' as const, 'tryAdd' as const), id: text }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('remove' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('search' as const), range }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('clear' as const, 'fork' as const) }) },
);

/** Rows in a store, and an index of either kind over them. */
class Side {
  store: RowStore;
  index: TableIndex;
  model: BTreeIndex;

  constructor(store: RowStore, index: TableIndex, model: BTreeIndex) {
    this.store = store;
    this.index = index;
    this.model = model;
  }

  fork(): Side {
    const store = this.store.fork();
    return new Side(store, this.index.fork(DEF, store), this.model.fork(DEF));
  }

  locate(slot: number): LocatedRow {
    const row = { bytes: this.store.slabOf(slot), base: this.store.startOf(slot), starts: new Uint32Array(2) };
    layout.locate(row.bytes, row.base, 1, row.starts);
    return row;
  }

  expectSame(): void {
    for (const id of TEXTS) {
      expect(search(this.index, { prefix: [id] })).toEqual(search(this.model, { prefix: [id] }));
    }
    expect(search(this.index, { prefix: [] })).toEqual(search(this.model, { prefix: [] }));
  }
}

/** In the order of the keys; those of one key are a set. */
function search(index: TableIndex, wanted: IndexRange): number[] {
  const found: number[] = [];
  index.search(wanted, (slot) => found.push(slot));
  return found.toSorted((a, b) => a - b);
}

function slotsOf(list: ReturnType<TableIndex['find']>): number[] | undefined {
  if (list === undefined) return undefined;
  return typeof list === 'number' ? [list] : [...list].toSorted((a, b) => a - b);
}

function makeSide(hash: typeof hashBytes): Side {
  const store = new RowStore();
  const index = new UniqueBytesIndex(DEF, { type: STRING, layout, hashSeed: 7, rows: store, hash });
  return new Side(store, index, new BTreeIndex(DEF, [STRING]));
}

describe.each([
  { name: 'hashed', hash: hashBytes },
  { name: 'with two hashes for all', hash: (bytes: Uint8Array, start: number) => (bytes[start] ?? 0) & 1 },
  { name: 'with one hash for all', hash: () => 0 },
])('an index of bytes $name', ({ hash }) => {
  test('finds what an ordered index finds, and forks of it stay as they were', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const side = makeSide(hash);
        const forks: Side[] = [];
        let held: number[] = [];
        for (const [number, next] of steps.entries()) {
          const { store, index, model } = side;
          if (next.type === 'add' || next.type === 'tryAdd') {
            const row = codec.encode([`row ${number}`, next.id]);
            const slot = store.add(row, row.length, COMMITTED);
            const located = side.locate(slot);
            const keys: [IndexKey, IndexKey] = [index.keyOf(located), model.keyOf(located)];
            if (next.type === 'add') {
              index.add(keys[0], slot);
              model.add(keys[1], slot);
              held.push(slot);
            } else {
              const present = model.tryAdd(keys[1], slot);
              expect(slotsOf(index.tryAdd(keys[0], slot))).toEqual(slotsOf(present));
              if (present === undefined) held.push(slot);
              else store.takeBack(slot);
            }
          } else if (next.type === 'remove') {
            const slot = held[next.pick % Math.max(1, held.length)];
            if (slot === undefined) continue;
            const located = side.locate(slot);
            index.remove(index.keyOf(located), slot);
            model.remove(model.keyOf(located), slot);
            store.free(slot);
            held = held.filter((other) => other !== slot);
          } else if (next.type === 'search') {
            expect(search(index, next.range)).toEqual(search(model, next.range));
          } else if (next.type === 'clear') {
            index.clear();
            model.clear();
            store.clear();
            held = [];
          } else {
            forks.push(side.fork());
          }
        }
        for (const each of [side, ...forks]) each.expectSame();
      }),
      { numRuns },
    );
  });
});

test('a range is in the order of the keys, whenever the order was worked out', () => {
  const { store, index, locate } = bind(makeSide(hashBytes));
  const add = (id: string): number => {
    const row = codec.encode(['', id]);
    const slot = store.add(row, row.length, COMMITTED);
    index.add(index.keyOf(locate(slot)), slot);
    return slot;
  };
  const inOrder = (): number[] => {
    const found: number[] = [];
    index.search({ prefix: [] }, (slot) => found.push(slot));
    return found;
  };
  const [m, b, z] = ['m', 'b', 'z'].map(add);
  expect(inOrder()).toEqual([b, m, z]);
  const c = add('c');
  index.remove(index.keyOf(locate(z!)), z!);
  expect(inOrder()).toEqual([b, c, m]);
});

function bind(side: Side): { store: RowStore; index: TableIndex; locate: (slot: number) => LocatedRow } {
  return { store: side.store, index: side.index, locate: (slot) => side.locate(slot) };
}

test('bytes stand for values where no two of them are equal', () => {
  const product = (type: 'f64' | 'u128') =>
    ({ type: 'product', elements: [{ name: 'x', algebraicType: { type } }] }) as const;
  expect(hasExactBytes(product('u128'))).toBe(true);
  expect(hasExactBytes(product('f64'))).toBe(false);
  expect(hasExactBytes({ type: 'array', element: product('f64') })).toBe(false);
  expect(hasExactBytes({ type: 'sum', variants: [{ name: 'some', algebraicType: { type: 'f32' } }] })).toBe(false);
  expect(hasExactBytes({ type: 'array', element: STRING })).toBe(true);
});
