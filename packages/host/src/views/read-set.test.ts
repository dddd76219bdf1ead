import { expect, test } from 'vitest';
import { defineTable } from '../../test/sql-fixtures.ts';
import { ColumnsKeys } from './columns-key.ts';
import { DependencyIndex } from './dependency-index.ts';
import { ReadSet } from './read-set.ts';

const TABLE = defineTable({ name: 't', columns: { a: 'u32', b: 'string', c: 'f64' }, primaryKey: 'a' });
const keys = new ColumnsKeys();

test('beyond its limit of keys a read set holds the whole table', () => {
  const readSet = new ReadSet(3);
  const columns = keys.of(TABLE, [0]);
  for (const value of [1, 2, 3, 3, 1]) readSet.addKey(TABLE.id, columns, columns.ofValues([value]));
  expect(readSet.tables.size).toBe(0);
  expect(readSet.keys.get(TABLE.id)?.get('0')?.keys.size).toBe(3);
  readSet.addKey(TABLE.id, columns, columns.ofValues([4]));
  readSet.addKey(TABLE.id, columns, columns.ofValues([5]));
  expect([...readSet.tables]).toEqual([TABLE.id]);
  expect(readSet.keys.size).toBe(0);
});

test('keys of several columns are equal exactly when an index calls their values equal', () => {
  const columns = keys.of(TABLE, [1, 2]);
  expect(columns.ofValues(['x', 0])).toBe(columns.ofValues(['x', -0]));
  expect(columns.ofValues(['x', Number.NaN])).toBe(columns.ofValues(['x', Number.NaN]));
  const others = [
    ['x', 1],
    ['x1', 0],
    ['', 10],
    ['1:', 1],
  ] as const;
  expect(new Set(others.map((values) => columns.ofValues(values))).size).toBe(others.length);
  expect(keys.of(TABLE, [1, 2])).toBe(columns);
});

test('nothing is left of a reader that is gone', () => {
  const index = new DependencyIndex<string>();
  const columns = keys.of(TABLE, [0]);
  const readSet = new ReadSet();
  readSet.addKey(TABLE.id, columns, 1);
  const all = new ReadSet();
  all.addTable(TABLE.id);
  index.set('one', readSet);
  index.set('all', all);
  const change = { writtenTables: [TABLE.id], changes: () => ({ table: TABLE, inserts: [], deletes: [] }) };
  expect([...index.concernedBy(change)]).toEqual(['all']);
  index.remove('all');
  index.remove('one');
  index.remove('one');
  const unread = {
    writtenTables: [TABLE.id],
    changes: () => {
      throw new Error('the changes of a table that nobody read are not looked at');
    },
  };
  expect(index.concernedBy(unread).size).toBe(0);
});
