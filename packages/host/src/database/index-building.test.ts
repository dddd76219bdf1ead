import { expect, test } from 'vitest';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { Datastore } from '../datastore/datastore.ts';
import { ReplayError } from '../datastore/replay.ts';
import type { TableDef } from '../schema/module-def.ts';
import { ManualTime } from '../testing/manual-time.ts';
import { IndexBuilding } from './index-building.ts';

const ROWS = 5_000;
const COLUMNS = [
  { name: 'id', accessor: 'id', algebraicType: { type: 'u64' } },
  { name: 'team', accessor: 'team', algebraicType: { type: 'string' } },
] as const;
const PERSON: TableDef = {
  id: 5000,
  name: 'person',
  accessor: 'person',
  columns: COLUMNS,
  primaryKey: 0,
  indexes: [
    { id: 1, name: 'by_id', accessor: 'byId', algorithm: 'btree', columns: [0], isUnique: true },
    { id: 2, name: 'by_team', accessor: 'byTeam', algorithm: 'btree', columns: [1], isUnique: false },
  ],
  constraints: [{ name: 'person_id_key', columns: [0] }],
  sequences: [],
  access: 'public',
  isEvent: false,
  isSystem: false,
};
const [BY_ID, BY_TEAM] = PERSON.indexes;
const codec = compileRowCodec(COLUMNS);
const row = (id: number): Uint8Array => codec.encode([BigInt(id), `team ${id % 10}`]);

/** A store that was loaded as a start loads it. */
function load(): Datastore {
  const store = new Datastore([PERSON]);
  store.putOffIndexes();
  store.applyDelta(
    PERSON.id,
    [],
    Array.from({ length: ROWS }, (_, id) => row(id)),
  );
  return store;
}

const sizeOfTeam = (store: Datastore, team: string): number =>
  [...store.committed.table(PERSON.id).seek(BY_TEAM!, { prefix: [team] })].length;

test('builds what was put off in steps that end, and leaves no timer behind', () => {
  const store = load();
  const time = new ManualTime();
  const building = new IndexBuilding(() => store, time);
  building.start();
  let steps = 0;
  for (let due = time.nextDueMicros; due !== undefined; due = time.nextDueMicros) {
    expect(store.hasUnbuiltIndexes).toBe(true);
    time.advance(due - time.nowMicros());
    steps += 1;
  }
  expect(store.hasUnbuiltIndexes).toBe(false);
  expect(steps).toBeGreaterThan(1);
  expect(sizeOfTeam(store, 'team 3')).toBe(ROWS / 10);
});

test('who needs an index does not wait for the steps, and finds what was written between them', () => {
  const store = load();
  const time = new ManualTime();
  new IndexBuilding(() => store, time).start();
  time.advance(10_000n);
  const transaction = store.begin();
  transaction.insert(PERSON.id, row(ROWS + 3));
  transaction.deleteRows(PERSON.id, [row(3), row(ROWS - 7)]);
  transaction.commit();
  expect(store.hasUnbuiltIndexes).toBe(true);
  expect(sizeOfTeam(store, 'team 3')).toBe(ROWS / 10 - 1);
  expect(time.nextDueMicros).toBeDefined();
  time.advance(1_000_000n);
  expect(time.nextDueMicros).toBeUndefined();
  expect(sizeOfTeam(store, 'team 3')).toBe(ROWS / 10 - 1);
});

test('takes no step once it was stopped, and none where nothing was put off', () => {
  const time = new ManualTime();
  const building = new IndexBuilding(load, time);
  building.start();
  building.stop();
  expect(time.nextDueMicros).toBeUndefined();
  new IndexBuilding(() => new Datastore([PERSON]), time).start();
  expect(time.nextDueMicros).toBeUndefined();
});

test('what is unique is checked while it is loaded', () => {
  const store = load();
  expect([...store.committed.table(PERSON.id).seek(BY_ID!, { prefix: [7n] })]).toEqual([row(7)]);
  const twin = codec.encode([7n, 'another team']);
  expect(() => store.applyDelta(PERSON.id, [], [twin])).toThrow(ReplayError);
});
