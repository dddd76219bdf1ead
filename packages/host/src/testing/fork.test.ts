import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import * as people from '../../test/fixtures/people-bindings.ts';
import { bundleOf } from '../../test/module-database.ts';
import { createTestHost, type TestHost, type TestHostOptions } from './index.ts';

const running: TestHost[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((host) => host.close()));
});

async function start(fixture: string, options: Partial<TestHostOptions> = {}): Promise<TestHost> {
  return keep(createTestHost({ module: await bundleOf(fixture), ...options }));
}

async function keep(opening: Promise<TestHost>): Promise<TestHost> {
  const host = await opening;
  running.push(host);
  return host;
}

/** Calls a reducer that takes nothing, as the owner. */
function call(host: TestHost, name: string): void {
  const outcome = host.hosted.database.callReducer(
    { identity: host.identityOf('owner'), connectionId: 0n },
    name,
    new Uint8Array(0),
  );
  expect(outcome.outcome).toEqual({ type: 'committed' });
}

const facts = async (host: TestHost): Promise<unknown[]> =>
  (await host.sql('SELECT * FROM fact')).map(({ text }) => text);
const names = async (host: TestHost): Promise<unknown[]> =>
  (await host.sql('SELECT * FROM person')).map(({ id, name }) => `${String(id)} ${String(name)}`);

describe('a fresh database', () => {
  test('has what init made and logged, although init runs once for all', async () => {
    const [first, second] = [await start('remembering.ts'), await start('remembering.ts')];
    call(first, 'count');
    expect((await facts(first)).length).toBe(2);
    const [made, ...others] = await facts(second);
    expect([made, others]).toEqual([expect.stringMatching(/^init -?\d+ 1767225599999999$/), []]);
    for (const host of [first, second]) {
      expect(host.logs.map(({ message }) => message)).toEqual(['loaded', 'init', 'loaded']);
    }
  });

  test('shares no globals with another one', async () => {
    const [first, second] = [await start('remembering.ts'), await start('remembering.ts')];
    for (const host of [first, first, second]) call(host, 'count');
    expect((await facts(first)).slice(1)).toEqual(['call 1', 'call 2']);
    expect((await facts(second)).slice(1)).toEqual(['call 1']);
  });

  test('that asks to share a realm finds what the one before left in it', async () => {
    const options = { shareRealm: true };
    const [first, second] = [await start('remembering.ts', options), await start('remembering.ts', options)];
    for (const host of [first, second, first]) call(host, 'count');
    expect((await facts(first)).slice(1)).toEqual(['call 1', 'call 3']);
    expect((await facts(second)).slice(1)).toEqual(['call 2']);
  });

  test('is the same one for the same seed, and another one for another', async () => {
    const hosts = [
      await start('people.ts'),
      await start('people.ts'),
      await start('people.ts', { seed: 7 }),
      await start('people.ts', { seed: '7' }),
    ];
    const seen = await Promise.all(
      hosts.map(async (host) => {
        const ada = await host.connect(people.DbConnection, 'ada');
        return [
          ada.identity?.toHexString(),
          ada.connectionId.toHexString(),
          host.hosted.identity,
          host.hosted.owner,
          host.identityOf('bob'),
        ];
      }),
    );
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[3]).toEqual(seen[2]);
    expect(seen[0]!.filter((value, at) => seen[2]![at] === value)).toEqual([]);
    expect(BigInt(`0x${seen[0]![0]}`)).toBe(hosts[0]!.identityOf('ada'));
    expect(hosts[2]!.seed).toBe('7');
  });

  test('whose module fails in init says so, each time', async () => {
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(start('bad-init.ts')).rejects.toMatchObject({ code: 'database/init-failed' });
    }
  });
});

describe('a fork', () => {
  test('has the rows and sequences of its original, and each goes its own way', async () => {
    const host = await start('people.ts');
    const ada = await host.connect(people.DbConnection, 'ada');
    await ada.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
    const fork = await keep(host.fork());
    const other = await fork.connect(people.DbConnection, 'ada');
    expect(other.identity?.toHexString()).toBe(ada.identity?.toHexString());
    await ada.reducers.addPerson({ name: 'ben', team: 'red', age: 31 });
    await other.reducers.addPerson({ name: 'cid', team: 'red', age: 32 });
    await other.reducers.renamePerson({ id: 1n, name: 'anne' });
    expect(await names(host)).toEqual(['1 ann', '2 ben']);
    expect((await names(fork)).toSorted()).toEqual(['1 anne', '2 cid']);
  });

  test('has nobody connected, and its module was told that they went', async () => {
    const host = await start('people.ts');
    await host.connect(people.DbConnection, 'ada');
    const fork = await keep(host.fork());
    expect(await fork.sql('SELECT * FROM visit')).toEqual([]);
    expect(await fork.sql(`SELECT * FROM result WHERE key = 'disconnected'`)).toMatchObject([{ value: '1' }]);
    expect((await host.sql('SELECT * FROM visit')).length).toBe(1);
  });

  test('has a clock of its own, and schedules due when they were due', async () => {
    const host = await start('people.ts');
    const ada = await host.connect(people.DbConnection, 'ada');
    await ada.reducers.schedule({ label: 'often', delayMicros: 1_000_000n, every: true });
    await ada.reducers.schedule({ label: 'once', delayMicros: 1_700_000n, every: false });
    host.time.advance(600_000n);
    const fork = await keep(host.fork());
    const ticks = async (of: TestHost): Promise<string[]> =>
      (await of.sql('SELECT * FROM result'))
        .map(({ key, value }) => `${String(key)} ${String(value)}`)
        .filter((text) => /^tick (often|once)/.test(text))
        .toSorted();
    fork.time.advance(399_000n);
    expect(await ticks(fork)).toEqual([]);
    // Timers count in milliseconds.
    fork.time.advance(2000n);
    expect(await ticks(fork)).toEqual(['tick often 1']);
    fork.time.advance(700_000n);
    expect(await ticks(fork)).toEqual(['tick often 1', 'tick once 1']);
    expect(await ticks(host)).toEqual([]);
    host.time.advance(400_000n);
    expect(await ticks(host)).toEqual(['tick often 1']);
  });

  test('begins later than all that was done, so that its randomness is new', async () => {
    const host = await start('remembering.ts');
    call(host, 'draw');
    const fork = await keep(host.fork());
    call(fork, 'draw');
    const drawn = await facts(fork);
    expect(drawn.length).toBe(3);
    expect(new Set(drawn.map((text) => String(text).split(' ')[1])).size).toBe(3);
  });

  test('is opened from a snapshot at any time, also after its original was closed', async () => {
    const host = await start('people.ts');
    const ada = await host.connect(people.DbConnection, 'ada');
    await ada.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
    const saved = host.snapshot();
    await ada.reducers.removePerson({ id: 1n });
    const first = await keep(saved.open());
    await host.close();
    await (await first.connect(people.DbConnection)).reducers.renamePerson({ id: 1n, name: 'anne' });
    const second = await keep(saved.open());
    expect([await names(first), await names(second)]).toEqual([['1 anne'], ['1 ann']]);
  });

  test('can be forked, and restarted with what was there before it', async () => {
    const host = await start('people.ts');
    await (await host.connect(people.DbConnection)).reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
    const fork = await keep(host.fork());
    await (await fork.connect(people.DbConnection)).reducers.addPerson({ name: 'ben', team: 'red', age: 31 });
    const forkOfFork = await keep(fork.fork());
    await forkOfFork.restart();
    expect((await names(forkOfFork)).toSorted()).toEqual(['1 ann', '2 ben']);
    await (await forkOfFork.connect(people.DbConnection)).reducers.removePerson({ id: 1n });
    expect((await names(fork)).toSorted()).toEqual(['1 ann', '2 ben']);
  });

  test('of a database whose disk is behind has what is not durable there yet, and keeps it', async () => {
    const host = await start('remembering.ts');
    host.storage.hold();
    call(host, 'count');
    const fork = await keep(host.fork());
    await fork.restart();
    expect((await facts(fork)).slice(1)).toEqual(['call 1']);
    await host.restart();
    expect((await facts(host)).slice(1)).toEqual([]);
  });

  test('has views of its own rows', async () => {
    const source = `
      import { schema, table, t } from 'spacetimedb/server';
      const item = table({ name: 'item', public: true }, { id: t.u32().primaryKey(), size: t.u32() });
      const s = schema({ item });
      export default s;
      export const large = s.anonymousView({ name: 'large', public: true }, t.array(item.rowType), (ctx) =>
        [...ctx.db.item.iter()].filter((row) => row.size > 9));
    `;
    const module = { source, directory: fileURLToPath(new URL('.', import.meta.url)) };
    const viewed = await keep(createTestHost({ module }));
    await viewed.sql('INSERT INTO item (id, size) VALUES (1, 10)');
    expect((await viewed.sql('SELECT * FROM large')).length).toBe(1);
    const fork = await keep(viewed.fork());
    await viewed.sql('INSERT INTO item (id, size) VALUES (2, 20)');
    await fork.sql('INSERT INTO item (id, size) VALUES (3, 30)');
    const ids = async (of: TestHost): Promise<unknown[]> => (await of.sql('SELECT * FROM large')).map(({ id }) => id);
    expect([await ids(viewed), await ids(fork)]).toEqual([
      [1, 2],
      [1, 3],
    ]);
  });

  test('is not made of a database that was killed, or cannot write any more', async () => {
    const host = await start('remembering.ts');
    host.storage.failAt(1);
    call(host, 'count');
    await new Promise((resolve) => setImmediate(resolve));
    expect(() => host.snapshot()).toThrow(expect.objectContaining({ code: 'database/read-only' }));
    await host.restart();
    await (await keep(host.fork())).close();
    host.crash();
    expect(() => host.snapshot()).toThrow(expect.objectContaining({ code: 'host/closed' }));
    await host.close();
  });

  test('is not made while another program takes over', async () => {
    const host = await start('people.ts');
    host.storage.hold();
    const publishing = host.host.publish({ name: 'test', module: await bundleOf('people-more.ts') });
    let refusal: unknown;
    while (refusal === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
      try {
        host.snapshot();
      } catch (error) {
        refusal = error;
      }
    }
    expect(refusal).toMatchObject({ code: 'database/busy', retryable: true });
    host.storage.release();
    await publishing;
    const fork = await keep(host.fork());
    expect(fork.hosted.database.program).toBe(host.hosted.database.program);
  });
});
