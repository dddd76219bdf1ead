import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DecodedUpdate, ServerMessage } from '../../test/session-fixtures/decode-server-message.ts';
import { BAG, FakeDatabase, u32Row } from '../../test/session-fixtures/fake-database.ts';
import { call, subscribe, TestClient, turn, unsubscribe } from '../../test/session-fixtures/test-client.ts';
import { silentLogger } from '../clock/clock.ts';
import { systemClock, systemTimers } from '../clock/system-clock.ts';
import { SubscriptionManager } from '../subscriptions/subscription-manager.ts';
import { SessionHub } from './session-hub.ts';

const QUERIES: readonly { sql: string; matches: (value: number) => boolean }[] = [
  { sql: 'SELECT * FROM bag', matches: () => true },
  { sql: 'SELECT * FROM bag WHERE value < 3', matches: (value) => value < 3 },
  { sql: 'SELECT * FROM bag WHERE value = 1 OR value = 5', matches: (value) => value === 1 || value === 5 },
];

/** A client's cache as the strictest official client keeps it: a bag in which a row that is not there cannot be deleted. */
class StrictCache {
  readonly #counts = new Map<string, number>();
  readonly #setRows = new Map<number, number>();
  answers = 0;

  apply(message: ServerMessage): void {
    if (message.type === 'subscribed') {
      for (const { rows } of message.tables) for (const row of rows) this.#add(row, 1);
      this.#setRows.set(message.querySetId, 1);
    } else if (message.type === 'unsubscribed') {
      for (const { rows } of message.tables!) for (const row of rows) this.#add(row, -1);
      this.#setRows.delete(message.querySetId);
    } else if (message.type === 'update') {
      if (message.updates.length === 0) throw new Error('an empty update');
      this.#change(message.updates);
    } else if (message.type === 'reducer') {
      this.answers += 1;
      this.#change(message.updates);
    } else if (message.type !== 'initial') {
      throw new Error(`unexpected ${message.type}`);
    }
  }

  rows(): Map<string, number> {
    return this.#counts;
  }

  #change(updates: DecodedUpdate[]): void {
    for (const { querySetId, inserts, deletes } of updates) {
      if (!this.#setRows.has(querySetId)) throw new Error('an update of a set that is not subscribed');
      for (const row of inserts) this.#add(row, 1);
      for (const row of deletes) this.#add(row, -1);
    }
    for (const [row, count] of this.#counts) if (count < 0) throw new Error(`row ${row} was deleted while absent`);
  }

  #add(row: string, by: number): void {
    const count = (this.#counts.get(row) ?? 0) + by;
    if (count === 0) this.#counts.delete(row);
    else this.#counts.set(row, count);
  }
}

type Step =
  | { type: 'add' | 'remove'; client: number; value: number }
  | { type: 'subscribe'; client: number; set: number; queries: number[] }
  | { type: 'unsubscribe'; client: number; set: number }
  | { type: 'scheduled'; value: number }
  | { type: 'durable' }
  | { type: 'turn' };

const client = fc.nat(2);
const value = fc.nat(6);
const set = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constantFrom('add', 'remove'), client, value }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('subscribe'),
      client,
      set,
      queries: fc.uniqueArray(fc.nat(2), { maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('unsubscribe'), client, set }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('scheduled'), value }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('durable') }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('turn') }) },
) as fc.Arbitrary<Step>;

async function run(steps: Step[]): Promise<void> {
  const database = new FakeDatabase({ isDurable: false });
  const hub = new SessionHub({
    name: 'test',
    database,
    subscriptions: new SubscriptionManager({ tables: database.tables, state: database.committed }),
    clock: systemClock,
    timers: systemTimers,
    logger: silentLogger,
  });
  const clients = (['v3', 'v2', 'v3'] as const).map(
    (version, index) => new TestClient(hub, { connectionId: BigInt(index + 1), version, confirmedReads: index !== 2 }),
  );
  const caches = clients.map(() => new StrictCache());
  /** Which queries each client's sets hold. */
  const sets = clients.map(() => new Map<number, number[]>());
  const present = new Set<number>();
  let calls = 0;
  const read = () => clients.forEach((one, index) => one.take().forEach((message) => caches[index]!.apply(message)));

  for (const one of steps) {
    if (one.type === 'add' && !present.has(one.value)) {
      present.add(one.value);
      clients[one.client]!.say(call('reducer', (calls += 1), 'add', u32Row(one.value)));
    } else if (one.type === 'remove' && present.delete(one.value)) {
      clients[one.client]!.say(call('reducer', (calls += 1), 'remove', u32Row(one.value)));
    } else if (one.type === 'scheduled' && !present.has(one.value)) {
      present.add(one.value);
      database.commitScheduled(one.value);
    } else if (one.type === 'subscribe' && !sets[one.client]!.has(one.set)) {
      sets[one.client]!.set(one.set, one.queries);
      clients[one.client]!.say(subscribe(0, one.set, ...one.queries.map((query) => QUERIES[query]!.sql)));
    } else if (one.type === 'unsubscribe' && sets[one.client]!.delete(one.set)) {
      clients[one.client]!.say(unsubscribe(0, one.set, true));
    } else if (one.type === 'durable') {
      database.makeDurable();
    } else if (one.type === 'turn') {
      await turn();
      read();
    }
  }
  await turn();
  database.makeDurable();
  await turn();
  read();

  expect([...database.committed.table(BAG.id).scan()]).toHaveLength(present.size);
  expect(caches.reduce((total, cache) => total + cache.answers, 0)).toBe(calls);
  clients.forEach((one, index) => {
    expect(one.closed).toBeUndefined();
    const expected = new Map<string, number>();
    for (const queries of sets[index]!.values()) {
      for (const query of queries) {
        for (const row of present) {
          if (!QUERIES[query]!.matches(row)) continue;
          const hex = Buffer.from(u32Row(row)).toString('hex');
          expected.set(hex, (expected.get(hex) ?? 0) + 1);
        }
      }
    }
    expect(caches[index]!.rows()).toEqual(expected);
  });
  await hub.close();
}

test('whatever clients do, each ends with exactly the rows of its queries, as often as they match', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), run), { numRuns: 150 });
});
