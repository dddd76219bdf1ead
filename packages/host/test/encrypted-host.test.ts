import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../src/clock/clock.ts';
import type { HostOptions } from '../src/host-options.ts';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import { salvageDatabase } from '../src/salvage/salvage-database.ts';
import { bundleOf } from './module-database.ts';

const KEY = new Uint8Array(32).fill(1);
const NEW_KEY = new Uint8Array(32).fill(2);
const CANARY = 'canary-in-a-row';

let data: string;
const open: Host[] = [];
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'inner-universe-encrypted-'));
});
afterEach(async () => {
  for (const host of open.splice(0)) await host.close();
  await rm(data, { recursive: true, force: true });
});

async function start(options: Partial<HostOptions> = {}): Promise<Host> {
  const host = await openHost({ data, logger: silentLogger, ...options });
  open.push(host);
  return host;
}

async function add(host: Host, name: string): Promise<void> {
  await host.sql('town', `INSERT INTO person (id, name, team, age) VALUES (0, '${name}', 'red', 1)`);
}

async function fill(options: Partial<HostOptions>): Promise<void> {
  const host = await start(options);
  await host.publish({ name: 'town', module: await bundleOf('people.ts') });
  await add(host, CANARY);
  await host.database('town').database.snapshot();
  await add(host, `${CANARY}-later`);
  await host.close();
}

async function names(host: Host): Promise<unknown[]> {
  const [result] = await host.sql('town', 'SELECT * FROM person');
  return (result?.rows ?? []).map((row) => row['name']).sort();
}

/** Files of the databases that hold the text as it is. */
async function filesWith(text: string): Promise<string[]> {
  const folder = join(data, 'databases');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const found = await Promise.all(files.map(async (file) => ((await readFile(file)).includes(text) ? [file] : [])));
  return found.flat();
}

describe.each(['none', 'thread'] as const)('with isolation %s', (isolation) => {
  test('what is stored cannot be read without the key, and is all there with it', async () => {
    await fill({ storageKey: { key: KEY }, isolation });
    expect(await filesWith(CANARY)).toEqual([]);
    expect(await filesWith('person')).toEqual([]);
    await expect(start({ isolation })).rejects.toMatchObject({ code: 'host/key-required' });
    await expect(start({ storageKey: { key: NEW_KEY }, isolation })).rejects.toMatchObject({ code: 'host/wrong-key' });
    expect(await names(await start({ storageKey: { key: KEY }, isolation }))).toEqual([CANARY, `${CANARY}-later`]);
  });

  test('a directory that was not encrypted becomes so, and nothing plain is left', async () => {
    await fill({ isolation });
    expect(await filesWith(CANARY)).not.toEqual([]);
    const host = await start({ storageKey: { key: KEY }, isolation });
    expect(await names(host)).toEqual([CANARY, `${CANARY}-later`]);
    expect(await filesWith(CANARY)).toEqual([]);
    await add(host, 'after');
    await host.close();
    expect(await names(await start({ storageKey: { key: KEY }, isolation }))).toHaveLength(3);
  });
});

test('a key is exchanged without writing the data anew; the old one is of no use then', async () => {
  await fill({ storageKey: { key: KEY } });
  await (await start({ storageKey: { key: NEW_KEY, previousKeys: [KEY] } })).close();
  await expect(start({ storageKey: { key: KEY } })).rejects.toMatchObject({ code: 'host/wrong-key' });
  expect(await names(await start({ storageKey: { key: NEW_KEY } }))).toHaveLength(2);
});

test('plain data put into an encrypted directory are refused', async () => {
  await fill({});
  const plain = await mkdtemp(join(tmpdir(), 'inner-universe-plain-'));
  try {
    const file = join(data, 'storage-key.json');
    await (await openHost({ data: plain, logger: silentLogger, storageKey: { key: KEY } })).close();
    await writeFile(file, await readFile(join(plain, 'storage-key.json')));
    await expect(start({ storageKey: { key: KEY } })).rejects.toMatchObject({ code: 'storage/not-authentic' });
  } finally {
    await rm(plain, { recursive: true, force: true });
  }
});

test('a key file that was changed is named, and nothing is changed', async () => {
  await fill({ storageKey: { key: KEY } });
  const file = join(data, 'storage-key.json');
  const before = await readFile(file, 'utf8');
  for (const text of ['', '{}', before.replace('"version":1', '"version":"1"'), before.slice(0, -20)]) {
    await writeFile(file, text);
    await expect(start({ storageKey: { key: KEY } })).rejects.toMatchObject({ code: 'host/key-damaged' });
    expect(await readFile(file, 'utf8')).toBe(text);
  }
  await writeFile(file, before.replace('"version":1', '"version":2'));
  await expect(start({ storageKey: { key: KEY } })).rejects.toMatchObject({ code: 'host/newer-version' });
  await writeFile(file, before);
  expect(await names(await start({ storageKey: { key: KEY } }))).toHaveLength(2);
});

test('a key of another length is refused before anything is made', async () => {
  await expect(start({ storageKey: { key: new Uint8Array(16) } })).rejects.toMatchObject({
    code: 'host/invalid-option',
    message: expect.stringContaining('32 bytes'),
  });
  expect(await readdir(data)).not.toContain('storage-key.json');
});

test('what is sound of an encrypted database is read out with its key', async () => {
  await fill({ storageKey: { key: KEY } });
  await expect(salvageDatabase({ data, database: 'town' })).rejects.toMatchObject({ code: 'host/key-required' });
  const salvaged = await salvageDatabase({ data, database: 'town', storageKey: { key: KEY } });
  expect(salvaged).toMatchObject({ damage: [], unreadable: 0 });
  expect([...(salvaged.tables.find(({ name }) => name === 'person')?.rows() ?? [])]).toHaveLength(2);
});
