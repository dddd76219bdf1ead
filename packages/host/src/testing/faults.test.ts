import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as people from '../../test/fixtures/people-bindings.ts';
import { bundleOf } from '../../test/module-database.ts';
import { createTestHost, type TestHost } from './index.ts';

let host: TestHost;

beforeEach(async () => {
  host = await createTestHost({ module: await bundleOf('people.ts') });
});

afterEach(() => host.close());

/** Lets everything run that is on its way between client and host. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What becomes of a promise, as far as it has. */
function watch(promise: Promise<unknown>): { outcome: string } {
  const watched = { outcome: 'waits' };
  promise.then(
    () => (watched.outcome = 'done'),
    (error: unknown) => (watched.outcome = `refused: ${String(error)}`),
  );
  return watched;
}

const addPerson = (connection: people.DbConnection, name: string): { outcome: string } =>
  watch(connection.reducers.addPerson({ name, team: 'red', age: 30 }));
const names = async (): Promise<unknown[]> =>
  (await host.sql('SELECT * FROM person')).map(({ name }) => name).toSorted();

/** Connects and notes when the connection ends. */
async function connect(name: string): Promise<{ connection: people.DbConnection; ends: unknown[] }> {
  const ends: unknown[] = [];
  const connection = await host.connect(people.DbConnection, name);
  void host.linkOf(connection).closed.then(({ code }) => ends.push(code));
  return { connection, ends };
}

describe('a connection', () => {
  test('that is dropped ends for both sides, and what is on its way is lost', async () => {
    const { connection, ends } = await connect('ada');
    const link = host.linkOf(connection);
    link.freeze('to-host');
    const call = addPerson(connection, 'ann');
    link.drop();
    await settle();
    expect([link.isOpen, ends, call.outcome]).toEqual([false, [1006], 'waits']);
    expect(await names()).toEqual([]);
    expect(await host.sql('SELECT * FROM visit')).toEqual([]);
  });

  test('can be dropped at a message: the call is made, its answer is lost', async () => {
    const { connection, ends } = await connect('ada');
    const link = host.linkOf(connection);
    link.dropAt('to-client', 2);
    const first = addPerson(connection, 'ann');
    await settle();
    const second = addPerson(connection, 'ben');
    await settle();
    expect([first.outcome, second.outcome, ends]).toEqual(['done', 'waits', [1006]]);
    expect(await names()).toEqual(['ann', 'ben']);
  });

  test('that is frozen tells nobody, and goes on where it was', async () => {
    const { connection, ends } = await connect('ada');
    const link = host.linkOf(connection);
    link.freeze('to-client');
    const calls = [addPerson(connection, 'ann'), addPerson(connection, 'ben')];
    await settle();
    expect(calls.map(({ outcome }) => outcome)).toEqual(['waits', 'waits']);
    expect(await names()).toEqual(['ann', 'ben']);
    link.thaw();
    await settle();
    expect(calls.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
    expect([link.isOpen, ends]).toEqual([true, []]);
  });

  test('that is slow takes the time that the test lets pass', async () => {
    const { connection } = await connect('ada');
    const link = host.linkOf(connection);
    link.delay(1000n);
    const call = addPerson(connection, 'ann');
    await settle();
    expect(await names()).toEqual([]);
    host.time.advance(1000n);
    await settle();
    expect([call.outcome, await names()]).toEqual(['waits', ['ann']]);
    host.time.advance(1000n);
    await settle();
    expect(call.outcome).toBe('done');
    expect(link.delivered.toHost).toBe(1);
  });

  test('keeps the order of messages when it becomes faster', async () => {
    const { connection } = await connect('ada');
    const link = host.linkOf(connection);
    link.delay(1000n, 'to-host');
    addPerson(connection, 'ann');
    await settle();
    link.delay(0n);
    const second = addPerson(connection, 'ann');
    await settle();
    expect(second.outcome).toBe('waits');
    host.time.advance(1000n);
    await settle();
    expect(second.outcome).toMatch(/refused/);
  });

  test('of somebody else has no link here', () => {
    expect(() => host.linkOf({})).toThrow(TypeError);
  });
});

describe('a storage', () => {
  test('that is slow holds answers back until the clock has moved', async () => {
    const { connection } = await connect('ada');
    host.storage.delay(5000n);
    const call = addPerson(connection, 'ann');
    await settle();
    expect([call.outcome, host.hosted.database.committed.table(tableId('person')).rowCount]).toEqual(['waits', 1]);
    host.time.advance(5000n);
    await settle();
    expect(call.outcome).toBe('done');
  });

  test('that breaks ends who waits for it, takes back what is lost and lets the others read', async () => {
    const { connection } = await connect('ada');
    await settle();
    const kept = addPerson(connection, 'ann');
    await settle();
    host.storage.failAt(1);
    const lost = addPerson(connection, 'ben');
    await settle();
    expect([kept.outcome, lost.outcome]).toEqual(['done', 'waits']);
    expect(host.linkOf(connection).isOpen).toBe(false);
    expect(host.hosted.database.failure?.code).toBe('database/read-only');
    const bob = await host.connect(people.DbConnection, 'bob');
    await expect(bob.reducers.addPerson({ name: 'cid', team: 'red', age: 1 })).rejects.toThrow();
    host.storage.clear();
    await host.restart();
    expect(await names()).toEqual(['ann']);
  });

  test('that is full says so', async () => {
    const { connection } = await connect('ada');
    host.storage.fillAfter(10);
    addPerson(connection, 'ann');
    await settle();
    expect(host.hosted.database.failure?.message).toMatch(/no space left on device/);
  });
});

describe('a crash', () => {
  test.each([
    ['before', ['ann']],
    ['after', ['ann', 'ben']],
  ] as const)('%s a commit leaves what was durable, and the caller without an answer', async (when, kept) => {
    const { connection, ends } = await connect('ada');
    await settle();
    const crashed = watch(host.crashAt({ commit: 2, when }));
    const calls = [addPerson(connection, 'ann'), addPerson(connection, 'ben'), addPerson(connection, 'cid')];
    await settle();
    expect([crashed.outcome, ends, calls[1]!.outcome, calls[2]!.outcome]).toEqual(['done', [1006], 'waits', 'waits']);
    await expect(host.connect(people.DbConnection, 'bob')).rejects.toMatchObject({ code: 'host/closed' });
    await host.restart();
    expect(await names()).toEqual(kept);
    const again = await host.connect(people.DbConnection, 'ada');
    expect(again.identity?.toHexString()).toBe(connection.identity?.toHexString());
    await again.reducers.addPerson({ name: 'dan', team: 'red', age: 30 });
    expect(await names()).toEqual([...kept, 'dan']);
  });

  test('runs no schedule any more, and after the restart those that are due', async () => {
    const { connection } = await connect('ada');
    await connection.reducers.schedule({ label: 'often', delayMicros: 1_000_000n, every: true });
    await connection.reducers.schedule({ label: 'once', delayMicros: 500_000n, every: false });
    host.crash();
    const logged = host.logs.length;
    host.time.advance(3_000_000n);
    expect(host.logs.length).toBe(logged);
    await host.restart();
    expect((await host.sql(`SELECT * FROM result WHERE key = 'tick once'`)).length).toBe(0);
    host.time.advance(1_001_000n);
    expect(await host.sql(`SELECT * FROM result WHERE key = 'tick once'`)).toMatchObject([{ value: '1' }]);
    expect(await host.sql(`SELECT * FROM result WHERE key = 'tick often'`)).toMatchObject([{ value: '1' }]);
  });

  test.each([
    ['before the module has signed it on', { commit: 1, when: 'before' }],
    ['after the module has signed it on', { commit: 1, when: 'after' }],
  ] as const)('lets nobody in: who is being let in as it dies, %s, is told so', async (_when, point) => {
    const authToken = await host.tokenOf('ada');
    const request = { wsProtocol: ['v2.bsatn.spacetimedb'], nameOrAddress: host.databaseName, authToken };
    let killed = 0;
    const stop = host.onKilled(() => (killed += 1));
    const dead = host.crashAt(point);
    const opening = host.openLink(request).then(
      () => 'let in',
      ({ code }: { code: string }) => code,
    );
    await dead;
    expect([killed, host.isAlive]).toEqual([1, false]);
    expect(await opening).toBe('host/closed');
    await host.restart();
    stop();
    host.crash();
    expect(killed).toBe(1);
    await host.restart();
    const { connection, ends } = await connect('ada');
    const call = addPerson(connection, 'ann');
    await settle();
    expect([call.outcome, ends]).toEqual(['done', []]);
  });

  test('is not needed for a restart; the module begins anew and signs its clients off', async () => {
    const { connection, ends } = await connect('ada');
    await connection.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
    const before = host.host;
    await host.restart();
    expect(host.host).not.toBe(before);
    expect(ends).toEqual([1006]);
    expect(await names()).toEqual(['ann']);
    expect(await host.sql('SELECT * FROM visit')).toEqual([]);
    expect(await host.sql(`SELECT * FROM result WHERE key = 'disconnected'`)).toMatchObject([{ value: '1' }]);
  });

  test('is survived by another program that was published', async () => {
    const owner = await host.connect(people.DbConnection);
    await owner.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
    await host.host.publish({ name: 'test', module: await bundleOf('people-more.ts') });
    const program = host.hosted.database.program;
    await host.restart();
    expect(host.hosted.database.program).toBe(program);
    expect(await names()).toEqual(['ann']);
  });
});

test('a test that leaves everything frozen can still close', async () => {
  const { connection } = await connect('ada');
  host.storage.hold();
  host.linkOf(connection).freeze();
  addPerson(connection, 'ann');
  await host.close();
});

function tableId(name: string): number {
  return host.hosted.database.def.tables.find((table) => table.name === name)!.id;
}
