import { afterEach, expect, test } from 'vitest';
import type { Clock, LogRecord } from '../src/clock/clock.ts';
import { systemClock } from '../src/clock/system-clock.ts';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import type { HostOptions } from '../src/host-options.ts';
import { bundleOf } from './module-database.ts';
import { connectPeople, followPeople, type PeopleConnection } from './session-fixtures/people-client.ts';

/** A clock on which time goes on whenever somebody measures it. */
class SteppingClock implements Clock {
  stepMs = 0;
  #nowMs = 0;
  readonly monotonicMs = (): number => (this.#nowMs += this.stepMs);

  nowMicros(): bigint {
    return systemClock.nowMicros();
  }
}

let host: Host | undefined;
afterEach(async () => {
  await host?.close();
});

async function openPeople(
  options: Pick<HostOptions, 'slowCallMs' | 'slowQueryMs'>,
): Promise<{ clock: SteppingClock; connection: PeopleConnection; slow: () => LogRecord[]; host: Host }> {
  const clock = new SteppingClock();
  const records: LogRecord[] = [];
  host = await openHost({ memory: true, clock, logger: { log: (record) => void records.push(record) }, ...options });
  await host.createDatabase({ name: 'test', module: await bundleOf('people.ts') });
  const { connection } = await connectPeople(host);
  await connection.reducers.addPerson({ name: 'ada', team: 'red', age: 36 });
  await connection.reducers.addPerson({ name: 'bob', team: 'blue', age: 40 });
  const slow = () => records.filter(({ message }) => message.startsWith('slow'));
  return { clock, connection, slow, host };
}

test('a call that takes as long as the limit is logged with its name, time and what it read', async () => {
  const { clock, connection, slow, host: opened } = await openPeople({ slowCallMs: 300 });
  // Three readings: when what it changed is told, when that was told, and at its end.
  clock.stepMs = 99;
  await connection.reducers.renamePerson({ id: 1n, name: 'eva' });
  expect(slow()).toEqual([]);
  clock.stepMs = 100;
  await connection.reducers.renamePerson({ id: 1n, name: 'ada' });
  clock.stepMs = 300;
  await expect(connection.reducers.removePerson({ id: 9n })).rejects.toThrow();
  clock.stepMs = 0;
  expect(slow()).toMatchObject([
    {
      level: 'warn',
      source: 'host',
      database: 'test',
      functionName: 'rename_person',
      message: 'slow reducer rename_person: 300 ms, 1 rows read, returned',
      details: { kind: 'reducer', outcome: 'ok', elapsedMs: 300, rows: 1 },
    },
    { message: 'slow reducer remove_person: 300 ms, 0 rows read, refused by the module' },
  ]);
  const messages: string[] = [];
  for await (const entry of opened.database('test').logs()) messages.push(entry.message);
  expect(messages).toContain('slow reducer rename_person: 300 ms, 1 rows read, returned');
});

test('a slow procedure is logged, too', async () => {
  const { clock, connection, slow } = await openPeople({ slowCallMs: 300 });
  clock.stepMs = 100;
  expect(await connection.procedures.countPeople({ team: 'red' })).toBe(1n);
  clock.stepMs = 0;
  expect(slow().map(({ message }) => message)).toEqual(['slow procedure count_people: 300 ms, 1 rows read, returned']);
});

test('a slow statement is logged with its text, the rows that it looked at, and its plan', async () => {
  const { clock, slow, host: opened } = await openPeople({ slowQueryMs: 300 });
  clock.stepMs = 300;
  await opened.sql('test', "SELECT name FROM person WHERE name <> 'ada'");
  await opened.sql('test', 'DELETE FROM person WHERE id = 2');
  clock.stepMs = 0;
  expect(slow().map(({ message }) => message)).toEqual([
    "slow SQL statement: 300 ms, 2 rows looked at: SELECT name FROM person WHERE name <> 'ada' [scan person where person.name <> 'ada'; return name]",
    expect.stringMatching(
      /^slow SQL statement: \d+ ms, 1 rows looked at: DELETE FROM person WHERE id = 2 \[seek person by unique btree\(id\) = 2.*; delete them\]$/,
    ),
  ]);
});

test('a long text is cut', async () => {
  const { clock, slow, host: opened } = await openPeople({ slowQueryMs: 1 });
  clock.stepMs = 1;
  await opened.sql('test', `SELECT * FROM person WHERE name = '${'x'.repeat(5_000)}'`);
  clock.stepMs = 0;
  const [record] = slow();
  expect(record?.message.length).toBeLessThan(2_000);
  expect(record?.message).toContain('(5036 characters)');
});

test('a slow first result is logged with its query, and slow updates with the query that looked at the most rows', async () => {
  const { clock, connection, slow } = await openPeople({ slowCallMs: Infinity, slowQueryMs: 300 });
  clock.stepMs = 300;
  await followPeople(connection, "SELECT * FROM person WHERE team <> 'green'");
  await connection.reducers.addPerson({ name: 'cyd', team: 'red', age: 1 });
  clock.stepMs = 0;
  const [first, update, ...others] = slow().map(({ message }) => message);
  expect(first).toMatch(
    /^slow first result of a query: 300 ms, 2 rows looked at: SELECT \* FROM person WHERE team <> 'green' \[scan person/,
  );
  expect(update).toMatch(
    /^slow updates of subscriptions by one commit, of which the most costly: 300 ms, 1 rows looked at: SELECT .* \[.*on change: test the changed rows\]$/,
  );
  expect(others).toEqual([]);
});

test('with Infinity nothing is logged, and what is logged is counted', async () => {
  const { clock, connection, slow, host: opened } = await openPeople({ slowCallMs: Infinity, slowQueryMs: 10 });
  clock.stepMs = 10;
  await connection.reducers.renamePerson({ id: 1n, name: 'eva' });
  await opened.sql('test', 'SELECT * FROM person');
  clock.stepMs = 0;
  expect(slow()).toHaveLength(1);
  const families = await opened.metrics();
  const total = (name: string) => families.find((family) => family.name === name)?.samples[0];
  expect(total('inner_universe_host_slow_calls_total')).toMatchObject({ value: 0 });
  expect(total('inner_universe_host_slow_queries_total')).toMatchObject({ value: 1 });
});
