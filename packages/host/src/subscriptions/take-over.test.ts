import { expect, test } from 'vitest';
import { defOf, type ModuleSpec, text, u64 } from '../../test/migration/definition.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { TableIds } from '../database/table-ids.ts';
import { Datastore } from '../datastore/datastore.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { SubscriptionManager } from './subscription-manager.ts';
import type { QuerySetUpdate } from './shared-results.ts';

const person = {
  name: 'person',
  columns: [
    { name: 'id', type: u64 },
    { name: 'name', type: text },
  ],
  primaryKey: 'id',
};
const note = {
  name: 'note',
  columns: [
    { name: 'person', type: u64 },
    { name: 'text', type: text },
  ],
};
const before: ModuleSpec = { tables: [person, { ...note, indexes: [{ columns: ['person'] }] }] };
const after: ModuleSpec = { tables: [person, note] };

const JOIN = 'SELECT person.* FROM person JOIN note ON person.id = note.person';
const visibility = { identity: 1n, isOwner: false };

/** A program's tables with one person and a note, and the subscriptions to them. */
class World {
  readonly datastore: Datastore;
  readonly subscriptions: SubscriptionManager;

  constructor(spec: ModuleSpec) {
    this.datastore = new Datastore(
      defOf(
        spec,
        new TableIds(
          new Map([
            ['person', 5000],
            ['note', 5001],
          ]),
        ),
      ).tables,
    );
    this.write('person', [1n, 'ada']);
    this.write('note', [1n, 'hello']);
    const { tables, committed } = this.datastore;
    this.subscriptions = new SubscriptionManager({ tables, state: committed });
  }

  write(table: string, row: AlgebraicValue[]) {
    const def = this.datastore.tableByName(table)!;
    const transaction = this.datastore.begin();
    transaction.insert(def.id, compileRowCodec(def.columns).encode(row));
    return transaction.commit();
  }
}

const setsOf = (updates: readonly QuerySetUpdate[] | undefined) => updates?.map(({ querySetId }) => querySetId);

test('query sets go on under another program, kept up to date by its own plan', () => {
  const [old, next] = [new World(before), new World(after)];
  const [ada, bob] = [{}, {}];
  old.subscriptions.subscribe(ada, { querySetId: 1, queries: ['SELECT * FROM person', JOIN], visibility });
  old.subscriptions.subscribe(ada, { querySetId: 2, queries: [JOIN], visibility });
  old.subscriptions.subscribe(bob, { querySetId: 1, queries: ["SELECT * FROM note WHERE text = 'x'"], visibility });
  expect(old.subscriptions.status()).toMatchObject({ querySets: 3, liveQueries: 3, hashTables: 0 });

  expect(next.subscriptions.takeOverFrom(old.subscriptions, () => visibility).size).toBe(0);
  expect(next.subscriptions.takeFailedClients().size).toBe(0);
  // The join has no index any more: it is kept up to date by a hash table.
  expect(next.subscriptions.status()).toMatchObject({ clients: 2, querySets: 3, liveQueries: 3, hashTables: 1 });
  expect(old.subscriptions.status()).toMatchObject({ querySets: 3 });
  const updates = next.subscriptions.evaluate(next.write('note', [1n, 'x']));
  expect(setsOf(updates.get(ada))).toEqual([1, 2]);
  expect(setsOf(updates.get(bob))).toEqual([1]);
  expect(next.subscriptions.unsubscribe(ada, 2, { sendRows: true })).toMatchObject({ type: 'applied' });
  expect(next.subscriptions.subscribe(ada, { querySetId: 1, queries: [JOIN], visibility }).type).toBe('duplicate');
});

test('what stood for all tables stands for those that there were', () => {
  const [old, next] = [new World({ tables: [person, { ...note, access: 'private' }] }), new World(after)];
  const ada = {};
  old.subscriptions.subscribe(ada, { querySetId: 1, queries: ['SELECT * FROM *'], visibility });
  next.subscriptions.takeOverFrom(old.subscriptions, () => visibility);
  expect(next.subscriptions.evaluate(next.write('note', [7n, 'x'])).size).toBe(0);
  expect(next.subscriptions.evaluate(next.write('person', [7n, 'bob'])).size).toBe(1);
});

test('a client with a query that cannot be asked any more is given up whole, and no other', () => {
  const [old, next] = [new World(before), new World({ tables: [person, { ...note, access: 'private' }] })];
  const [ada, bob] = [{}, {}];
  old.subscriptions.subscribe(ada, { querySetId: 1, queries: ['SELECT * FROM person'], visibility });
  old.subscriptions.subscribe(ada, { querySetId: 2, queries: [JOIN], visibility });
  old.subscriptions.subscribe(bob, { querySetId: 1, queries: ['SELECT * FROM person'], visibility });
  next.subscriptions.takeOverFrom(old.subscriptions, () => visibility);
  const failed = next.subscriptions.takeFailedClients();
  expect([...failed.keys()]).toEqual([ada]);
  expect(failed.get(ada)).toMatch(/no such table: `note`.*executing: `SELECT person/);
  expect(next.subscriptions.status()).toMatchObject({ clients: 1, querySets: 1, liveQueries: 1 });
  expect([...next.subscriptions.evaluate(next.write('person', [2n, 'bob'])).keys()]).toEqual([bob]);
});
