import { expect, test } from 'vitest';
import type { TableDef } from '../schema/module-def.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { Datastore } from './datastore.ts';

const COLUMNS = [
  { name: 'id', accessor: 'id', algebraicType: { type: 'u64' } },
  { name: 'team', accessor: 'team', algebraicType: { type: 'string' } },
] as const;
const index = (id: number, columns: number[], isUnique: boolean, algorithm: 'btree' | 'hash' = 'btree') =>
  ({ id, name: `i${id}`, accessor: `i${id}`, algorithm, columns, isUnique }) as const;

const PERSON: TableDef = {
  id: 5000,
  name: 'person',
  accessor: 'person',
  columns: COLUMNS,
  primaryKey: 0,
  indexes: [index(1, [0], true), index(2, [1], false), index(3, [1], false, 'hash')],
  constraints: [{ name: 'person_id_key', columns: [0] }],
  sequences: [{ name: 's', column: 0, start: 1n, min: 1n, max: 2n ** 63n, increment: 1n }],
  access: 'public',
  isEvent: false,
  isSystem: false,
};
const codec = compileRowCodec(COLUMNS);
const [BY_ID, BY_TEAM, BY_TEAM_HASH] = PERSON.indexes;

function add(store: Datastore, team: string): bigint {
  const transaction = store.begin();
  const { row } = transaction.insert(PERSON.id, codec.encode([0n, team]));
  transaction.commit();
  return codec.decode(row)[0] as bigint;
}

const teamOf = (store: Datastore, team: string, by = BY_TEAM!): unknown[] =>
  [...store.committed.table(PERSON.id).seek(by, { prefix: [team] })].map((row) => codec.decode(row)[0]);

test('both sides of a fork go on with the same sequence, and the fork logs its allocation anew', () => {
  const store = new Datastore([PERSON]);
  expect([add(store, 'red'), add(store, 'red')]).toEqual([1n, 2n]);
  store.takeNewSequenceAllocations();
  const fork = store.fork();
  expect(fork.takeNewSequenceAllocations()).toEqual([{ tableId: 5000, column: 0, allocated: 4097n }]);
  expect(store.takeNewSequenceAllocations()).toEqual([]);
  expect([add(store, 'red'), add(fork, 'blue'), add(fork, 'blue')]).toEqual([3n, 3n, 4n]);
  expect(teamOf(store, 'blue')).toEqual([]);
  expect(teamOf(fork, 'blue')).toEqual([3n, 4n]);
});

test('many rows under one key are the own ones of each side', () => {
  const store = new Datastore([PERSON]);
  for (let count = 0; count < 100; count += 1) add(store, 'red');
  const forks = [store.fork(), store.fork(), store.fork().fork()];
  for (const [at, fork] of forks.entries()) for (let count = 0; count <= at; count += 1) add(fork, 'red');
  add(store, 'red');
  for (const by of [BY_TEAM, BY_TEAM_HASH]) {
    expect([store, ...forks].map((side) => teamOf(side, 'red', by).length)).toEqual([101, 101, 102, 103]);
  }
  const transaction = store.begin();
  transaction.clear(PERSON.id);
  transaction.commit();
  for (const by of [BY_TEAM, BY_TEAM_HASH]) {
    expect([store, ...forks].map((side) => teamOf(side, 'red', by).length)).toEqual([0, 101, 102, 103]);
  }
});

test('a range over a key that was only looked up one by one before is right on both sides', () => {
  const store = new Datastore([PERSON]);
  for (let count = 0; count < 5; count += 1) add(store, 'red');
  const range = { prefix: [], start: { type: 'included', value: 4n } } as const;
  const ids = (side: Datastore) =>
    [...side.committed.table(PERSON.id).seek(BY_ID!, range)].map((row) => codec.decode(row)[0]);
  const early = store.fork();
  expect(ids(store)).toEqual([4n, 5n]);
  const late = store.fork();
  add(store, 'red');
  add(late, 'blue');
  add(late, 'blue');
  expect([ids(early), ids(store), ids(late)]).toEqual([
    [4n, 5n],
    [4n, 5n, 6n],
    [4n, 5n, 6n, 7n],
  ]);
});

test('no transaction may be open', () => {
  const store = new Datastore([PERSON]);
  store.begin();
  expect(() => store.fork()).toThrow(/between transactions/);
});
