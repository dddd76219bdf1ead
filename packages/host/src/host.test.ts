import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleOf } from '../test/module-database.ts';
import { silentLogger } from './clock/clock.ts';
import type { Host } from './host.ts';
import { openHost } from './open-host.ts';
import type { HostOptions } from './host-options.ts';

let root = '';
const open: Host[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'inner-universe-host-'));
});

afterEach(async () => {
  for (const host of open.splice(0)) await host.close();
  await rm(root, { recursive: true, force: true });
});

async function start(options: Partial<HostOptions> = {}): Promise<Host> {
  const host = await openHost({ data: join(root, 'data'), logger: silentLogger, ...options });
  open.push(host);
  return host;
}

/** Every file of a directory with its bytes; without the lock, which comes and goes with each opening. */
async function readTree(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const kept = files.filter((file) => !file.startsWith(join(directory, 'lock'))).sort();
  return Object.fromEntries(await Promise.all(kept.map(async (file) => [file, await readFile(file, 'hex')])));
}

const caller = { identity: 5n, connectionId: 1n };

describe('a host on disk', () => {
  test('keeps its databases, its owner and its token', async () => {
    const first = await start();
    const made = await first.createDatabase({ name: 'people', module: await bundleOf('people.ts') });
    await first.createDatabase({ name: 'bench-2', module: await bundleOf('bench.ts'), owner: 77n });
    made.database.callReducer(caller, 'clear_notes', new Uint8Array(0));
    const { identity } = made;
    const { owner, ownerToken } = first;
    await first.close();

    const second = await start();
    expect(second.databases.map(({ name }) => name)).toEqual(['bench-2', 'people']);
    expect(second.database('people').identity).toBe(identity);
    expect(second.database(identity.toString(16)).name).toBe('people');
    expect([second.owner, second.ownerToken]).toEqual([owner, ownerToken]);
    expect(second.database('people').owner).toBe(owner);
    expect(second.database('bench-2').owner).toBe(77n);
  });

  test('warns when its credentials are those of somebody to whom nothing belongs', async () => {
    await (await start()).createDatabase({ name: 'people', module: await bundleOf('people.ts') });
    await start({ data: join(root, 'other') });
    for (const host of open.splice(0)) await host.close();
    await rm(join(root, 'data', 'credentials'), { recursive: true });
    await cp(join(root, 'other', 'credentials'), join(root, 'data', 'credentials'), { recursive: true });
    const texts: string[] = [];
    await start({ logger: { log: ({ message }) => texts.push(message) } });
    expect(texts).toEqual([expect.stringMatching(/no database here belongs.*restore it from the backup/)]);
  });

  test('hides its credentials from others', async () => {
    await start();
    expect((await stat(join(root, 'data', 'credentials'))).mode & 0o777).toBe(0o700);
    for (const file of await readdir(join(root, 'data', 'credentials'))) {
      expect((await stat(join(root, 'data', 'credentials', file))).mode & 0o777).toBe(0o600);
    }
  });

  test('is open in one place at a time', async () => {
    const first = await start({ command: 'first of two' });
    await expect(start()).rejects.toMatchObject({
      code: 'storage/in-use',
      message: expect.stringContaining('first of two'),
    });
    await first.close();
    await start();
  });

  test('leaves nothing of a database whose creation failed', async () => {
    const host = await start();
    await expect(host.createDatabase({ name: 'bad', module: await bundleOf('bad-init.ts') })).rejects.toMatchObject({
      code: 'database/init-failed',
    });
    expect(host.databases).toEqual([]);
    expect(await readdir(join(root, 'data', 'databases'))).toEqual([]);
    await host.createDatabase({ name: 'bad', module: await bundleOf('people.ts') });
    await expect(host.createDatabase({ name: 'bad', module: await bundleOf('people.ts') })).rejects.toMatchObject({
      code: 'host/database-exists',
    });
  });

  test('forgets a database whose creation was cut short', async () => {
    await (await start()).close();
    await mkdir(join(root, 'data', 'databases', 'half'), { recursive: true });
    const host = await start();
    expect(host.databases).toEqual([]);
    expect(await readdir(join(root, 'data', 'databases'))).toEqual([]);
  });

  test('publishes a new program over an old one where the data fit', async () => {
    const host = await start();
    expect((await host.publish({ name: 'people', module: await bundleOf('people.ts') })).outcome).toBe('created');
    expect((await host.publish({ name: 'people', module: await bundleOf('people.ts') })).outcome).toBe('unchanged');
    const { identity } = host.database('people');
    await expect(host.publish({ name: 'people', module: await bundleOf('people-less.ts') })).rejects.toMatchObject({
      code: 'database/migration-refused',
    });
    expect(host.database('people').database.def.tables.some(({ name }) => name === 'visit')).toBe(true);
    const updated = await host.publish({ name: 'people', module: await bundleOf('people-more.ts') });
    expect(updated.outcome).toBe('updated');
    expect(updated.database.identity).toBe(identity);
    expect(host.database('people').database.def.tables.some(({ name }) => name === 'badge')).toBe(true);
  });

  test('deletes a database with all it held', async () => {
    const host = await start();
    await host.createDatabase({ name: 'people', module: await bundleOf('people.ts') });
    await host.deleteDatabase('people');
    expect(() => host.database('people')).toThrow(/there is no database "people"; there are none/);
    expect(await readdir(join(root, 'data', 'databases'))).toEqual([]);
  });

  test.each(['', 'Upper', 'with space', '../escape', 'double--dash', '-start', 'a'.repeat(129)])(
    'refuses the name %j',
    async (name) => {
      const host = await start();
      await expect(host.createDatabase({ name, module: 'unused' })).rejects.toMatchObject({
        code: 'host/invalid-name',
      });
    },
  );

  test('refuses a directory that is not its own, and changes nothing there', async () => {
    const data = join(root, 'other');
    await mkdir(data);
    await writeFile(join(data, 'thesis.txt'), 'precious');
    await expect(start({ data })).rejects.toMatchObject({
      code: 'host/not-a-host',
      message: expect.stringContaining('thesis.txt'),
    });
    expect(await readdir(data)).toEqual(['thesis.txt']);
    await writeFile(join(data, 'inner-universe.json'), '{"format":"something else"}');
    await expect(start({ data })).rejects.toMatchObject({ code: 'host/not-a-host' });
  });

  test('refuses a data directory that lost a file or folder it needs, and changes nothing there', async () => {
    const data = join(root, 'data');
    await (await start()).createDatabase({ name: 'people', module: await bundleOf('people.ts') });
    await open.splice(0)[0]?.close();
    const paths = ['inner-universe.json', 'credentials', 'credentials/owner.token', 'credentials/id_ecdsa'];
    const files = ['database', 'watermark', 'log', 'log/00000000000000000000.log'];
    for (const path of [...paths, ...files.map((name) => `databases/people/${name}`)]) {
      const damaged = join(root, path.replaceAll('/', '-'));
      await cp(data, damaged, { recursive: true });
      await rm(join(damaged, path), { recursive: true });
      const left = await readTree(damaged);
      await expect(start({ data: damaged }), path).rejects.toMatchObject({
        code: expect.stringMatching(/^(host\/not-a-host|host\/credentials-missing|storage\/corrupt)$/),
        message: expect.stringMatching(/missing|ends before/),
      });
      expect(await readTree(damaged), path).toEqual(left);
    }
    // Nothing was in the folder of snapshots yet: a copy may have left it out.
    await rm(join(data, 'databases/people/snapshots'), { recursive: true });
    const whole = await start();
    expect(whole.databases.map(({ name }) => name)).toEqual(['people']);
  });

  test('refuses a directory of a newer release', async () => {
    const data = join(root, 'newer');
    await mkdir(data);
    await writeFile(join(data, 'inner-universe.json'), '{"format":"inner-universe","version":2}');
    await expect(start({ data })).rejects.toMatchObject({
      code: 'host/newer-version',
      message: expect.stringContaining('its format is 2'),
    });
  });

  test('refuses everything once it is closed', async () => {
    const host = await start();
    await Promise.all([host.close(), host.close()]);
    await expect(host.createDatabase({ name: 'late', module: 'unused' })).rejects.toMatchObject({
      code: 'host/closed',
    });
    await expect(host.serve({ host: '127.0.0.1', port: 0 })).rejects.toMatchObject({ code: 'host/closed' });
  });

  test('serves once at a time', async () => {
    const host = await start();
    const server = await host.serve({ host: '127.0.0.1', port: 0 });
    expect(server.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await expect(host.serve({ host: '127.0.0.1', port: 0 })).rejects.toMatchObject({ code: 'host/already-serving' });
    await server.close();
    await (await host.serve({ host: '127.0.0.1', port: 0 })).close();
  });
});

test('a host in memory is asked for by name', async () => {
  await expect(openHost({})).rejects.toMatchObject({ code: 'host/not-a-host' });
  const host = await openHost({ memory: true, logger: silentLogger });
  open.push(host);
  expect(host.dataDirectory).toBeUndefined();
  await host.createDatabase({
    name: 'people',
    module: { path: new URL('../test/fixtures/people.ts', import.meta.url).pathname },
  });
  expect(host.database('people').database.owner).toBe(host.owner);
});
