import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defineTable } from '../../test/sql-fixtures.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import type { TableDelta } from '../datastore/state-view.ts';
import { encodeRecord } from './record-codec.ts';
import { UndurableCommits } from './undurable-commits.ts';

const TABLE = defineTable({ name: 't', columns: { a: 'u32' }, primaryKey: 'a' });
const writer = new BsatnWriter();

/** A commit that replaces one row by another, or empties the table. */
function add(commits: UndurableCommits, offset: number, size: number, isTruncated: boolean): TableDelta {
  const delta = { table: TABLE, inserts: [filled(offset, size)], deletes: [filled(offset + 1, size)] };
  const record = encodeRecord(writer, {
    transaction: {
      kind: 'reducer',
      functionName: 'f',
      caller: undefined,
      timestampMicros: 0n,
      sequences: [],
      changes: [{ tableId: TABLE.id, isTruncated, ...delta, deletes: isTruncated ? [] : delta.deletes }],
    },
  });
  commits.add({ offset: BigInt(offset), record, emptied: isTruncated ? [delta] : [] });
  return delta;
}

function filled(value: number, size: number): Uint8Array {
  return new Uint8Array(size).fill(value);
}

function takeDeltas(commits: UndurableCommits): TableDelta[] {
  const lost = commits.takeNewestFirst((id) => (id === TABLE.id ? TABLE : undefined));
  expect(lost.every(({ kind }) => kind === 'reducer')).toBe(true);
  return lost.flatMap(({ deltas }) => [...deltas]);
}

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      size: fc.integer({ min: 1, max: 40_000 }),
      isTruncated: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('forget' as const), count: fc.nat(10) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('take' as const) }) },
);

test('gives back exactly what is not durable, the newest first', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const commits = new UndurableCommits();
      let waiting: { readonly offset: number; readonly delta: TableDelta }[] = [];
      let offset = 0;
      for (const next of steps) {
        if (next.type === 'add') {
          waiting.push({ offset, delta: add(commits, offset, next.size, next.isTruncated) });
          // Other records of the log, as those of another program, are not noted here.
          offset += 1 + (next.size % 2);
        } else if (next.type === 'forget') {
          const durable = (waiting[0]?.offset ?? offset) + next.count;
          commits.forgetBelow(BigInt(durable));
          waiting = waiting.filter((commit) => commit.offset >= durable);
        } else {
          expect(takeDeltas(commits)).toEqual(waiting.map(({ delta }) => delta).reverse());
          waiting = [];
        }
        expect(commits.isEmpty).toBe(waiting.length === 0);
      }
      expect(takeDeltas(commits)).toEqual(waiting.map(({ delta }) => delta).reverse());
    }),
    { numRuns: Number(process.env['RUNS'] ?? 40) },
  );
});
