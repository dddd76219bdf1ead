import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../src/clock/clock.ts';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import type { RunningServer } from '../src/server/serve.ts';
import { bundleOf } from './module-database.ts';
import {
  connectPeople,
  followPeople,
  type PeopleConnection,
  type PeopleOptions,
} from './session-fixtures/people-client.ts';

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

const peopleOf = (connection: PeopleConnection) =>
  [...connection.db.person.iter()].map(({ id, name, team, age }) => `${id} ${name} ${team} ${age}`).sort();

const ALL = 'SELECT * FROM person';

describe.each([
  ['in memory, in process', { onDisk: false, served: false, isolation: 'none' }],
  ['in memory, over a WebSocket', { onDisk: false, served: true, isolation: 'none' }],
  ['on disk, in process', { onDisk: true, served: false, isolation: 'none' }],
  ['on disk, over a WebSocket', { onDisk: true, served: true, isolation: 'none' }],
  ['in a thread, in memory, in process', { onDisk: false, served: false, isolation: 'thread' }],
  ['in a thread, on disk, over a WebSocket', { onDisk: true, served: true, isolation: 'thread' }],
] as const)('a real module %s', (_name, { onDisk, served, isolation }) => {
  let root: string;
  let host: Host;
  let server: RunningServer | undefined;
  const open: PeopleConnection[] = [];

  async function start() {
    const where = onDisk ? { data: join(root, 'data') } : { memory: true };
    host = await openHost({ ...where, isolation, logger: silentLogger });
    await host.publish({ name: 'test', module: await bundleOf('people.ts') });
    server = served ? await host.serve({ host: '127.0.0.1', port: 0 }) : undefined;
  }
  async function stop() {
    for (const connection of open.splice(0)) connection.disconnect();
    await host.close();
  }
  async function connect(options: PeopleOptions = {}) {
    const client = await connectPeople(host, { address: server?.address, ...options });
    open.push(client.connection);
    return client;
  }

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sdk-database-'));
    await start();
  });
  afterEach(async () => {
    await stop();
    await rm(root, { recursive: true, force: true });
  });

  test('two clients see the same rows: inserts, updates by primary key, deletes', async () => {
    const ada = await connect();
    const bob = await connect();
    await followPeople(ada.connection, ALL);
    await followPeople(bob.connection, ALL);
    const seen: string[] = [];
    bob.connection.db.person.onInsert((_ctx, row) => seen.push(`+${row.name}`));
    bob.connection.db.person.onUpdate((_ctx, before, after) => seen.push(`${before.name}>${after.name}`));
    bob.connection.db.person.onDelete((_ctx, row) => seen.push(`-${row.name}`));
    await ada.connection.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
    await ada.connection.reducers.addPerson({ name: 'ben', team: 'blue', age: 40 });
    await ada.connection.reducers.renamePerson({ id: 1n, name: 'anne' });
    await ada.connection.reducers.removePerson({ id: 2n });
    await until(() => seen.length === 4);
    expect(seen).toEqual(['+ann', '+ben', 'ann>anne', '-ben']);
    expect(peopleOf(ada.connection)).toEqual(['1 anne red 30']);
    expect(peopleOf(bob.connection)).toEqual(peopleOf(ada.connection));
  });

  test('events come with the call that sent them', async () => {
    const { connection } = await connect();
    await followPeople(connection, 'SELECT * FROM signal');
    const events: string[] = [];
    connection.db.signal.onInsert((_ctx, row) => events.push(row.text));
    await connection.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
    expect(events).toEqual(['added 1']);
  });

  test('a refused or crashed reducer leaves no trace and tells the caller only what it may know', async () => {
    const { connection } = await connect();
    await followPeople(connection, ALL);
    await expect(connection.reducers.failAfterWrite({ how: 'sender' })).rejects.toThrow('not today');
    await expect(connection.reducers.failAfterWrite({ how: 'error' })).rejects.toThrow(
      'The instance encountered a fatal error.',
    );
    expect(peopleOf(connection)).toEqual([]);
  });

  test('procedures return values; what they commit comes before the result', async () => {
    const { connection } = await connect();
    await followPeople(connection, ALL);
    await connection.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
    await expect(connection.procedures.countPeople({ team: 'red' })).resolves.toBe(1n);
    await expect(connection.procedures.moveTeam({ from: 'red', to: 'blue', how: '' })).resolves.toBe(1);
    expect(peopleOf(connection)).toEqual(['1 ann blue 30']);
    await expect(connection.procedures.moveTeam({ from: 'blue', to: 'red', how: 'throw' })).rejects.toBeDefined();
  });

  test('who is connected is known to the module, with the claims of the token', async () => {
    const ada = await connect();
    await followPeople(ada.connection, 'SELECT * FROM visit');
    const bob = await connect({ token: host.ownerToken });
    await until(() => ada.connection.db.visit.count() === 2n);
    const identities = [...ada.connection.db.visit.iter()].map((row) => row.identity.toHexString());
    expect(new Set(identities)).toEqual(new Set([ada.identity.toHexString(), bob.identity.toHexString()]));
    bob.connection.disconnect();
    await until(() => ada.connection.db.visit.count() === 1n);
  });

  test('the owner follows private tables, a guest does not', async () => {
    const guest = await connect();
    const owner = await connect({ token: host.ownerToken });
    await expect(followPeople(guest.connection, 'SELECT * FROM note')).rejects.toThrow(/no such table: `note`/);
    await followPeople(owner.connection, 'SELECT * FROM note');
    await guest.connection.reducers.writeNotes({ count: 3, size: 10 });
    await until(() => owner.connection.db.note.count() === 3n);
  });

  test('a snapshot of many rows, of one and of different lengths', async () => {
    const owner = await connect({ token: host.ownerToken });
    await owner.connection.reducers.writeNotes({ count: 5_000, size: 100 });
    await followPeople(owner.connection, 'SELECT * FROM note', 'SELECT * FROM note WHERE size < 10');
    expect(owner.connection.db.note.count()).toBe(5_000n);
  });

  test.runIf(onDisk)('what a client was told is there after a restart, and so is its identity', async () => {
    const before = await connect();
    await before.connection.reducers.addPerson({ name: 'ann', team: 'red', age: 30 });
    await stop();
    await start();
    const after = await connect({ token: before.token });
    expect(after.identity.toHexString()).toBe(before.identity.toHexString());
    await followPeople(after.connection, ALL, 'SELECT * FROM visit');
    expect(peopleOf(after.connection)).toEqual(['1 ann red 30']);
    expect(after.connection.db.visit.count()).toBe(1n);
  });
});
