import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundleOf } from '../../test/module-database.ts';
import { silentLogger } from '../clock/clock.ts';
import { openHost } from '../open-host.ts';
import { salvageDatabase, type SalvagedDatabase } from './salvage-database.ts';

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'inner-universe-salvage-'));
});
afterEach(() => rm(data, { recursive: true, force: true }));

/** 20 people and 20 notes, one transaction each; then the first person goes. */
async function fill(): Promise<void> {
  const host = await openHost({ data, logger: silentLogger });
  await host.publish({ name: 'town', module: await bundleOf('people.ts') });
  for (let at = 1; at <= 20; at++) {
    await host.sql('town', `INSERT INTO person (id, name, team, age) VALUES (${at}, 'name ${at}', 'red', ${at})`);
  }
  await host.sql('town', 'DELETE FROM person WHERE id = 1');
  await host.close();
}

async function segment(): Promise<string> {
  const folder = join(data, 'databases', 'town', 'log');
  return join(folder, (await readdir(folder)).sort()[0]!);
}

async function flipBytesOf(text: string): Promise<void> {
  const path = await segment();
  const bytes = await readFile(path);
  const at = bytes.indexOf(text);
  expect(at).toBeGreaterThan(0);
  bytes[at]! ^= 1;
  await writeFile(path, bytes);
}

function people({ tables }: SalvagedDatabase): readonly string[] {
  return [...(tables.find(({ name }) => name === 'person')?.rows() ?? [])];
}

test('a database that is sound is read out whole', async () => {
  await fill();
  const salvaged = await salvageDatabase({ data, database: 'town' });
  expect(salvaged).toMatchObject({ bundle: await bundleOf('people.ts'), damage: [], unreadable: 0 });
  expect(people(salvaged)).toHaveLength(19);
  expect(people(salvaged)[0]).toMatch(/^\{"id":2,"name":"name 2",.*"age":2/);
});

test('one that is damaged does not open, and gives all rows but those of the damaged record', async () => {
  await fill();
  await flipBytesOf('name 7');
  await expect(openHost({ data, logger: silentLogger })).rejects.toMatchObject({
    code: 'storage/corrupt',
    message: expect.stringMatching(/salvageDatabase/),
  });
  const before = await readFile(await segment());
  const salvaged = await salvageDatabase({ data, database: 'town' });
  expect(people(salvaged)).toHaveLength(18);
  expect(people(salvaged).join()).not.toContain('"name":"name 7"');
  expect(salvaged.damage.map(({ file }) => file)).toEqual([await segment()]);
  expect(await readFile(await segment())).toEqual(before);
});

test('where the program is lost, the bundle that was published stands for it', async () => {
  await fill();
  // Within the stored bundle, which is in the first record.
  await flipBytesOf('export');
  await expect(salvageDatabase({ data, database: 'town' })).rejects.toMatchObject({ code: 'salvage/no-program' });
  const salvaged = await salvageDatabase({ data, database: 'town', bundle: await bundleOf('people.ts') });
  expect(salvaged.bundle).toBeUndefined();
  expect(people(salvaged)).toHaveLength(19);
});

test('a database that is not there is told from those that are', async () => {
  await fill();
  await expect(salvageDatabase({ data, database: 'city' })).rejects.toMatchObject({
    code: 'host/database-not-found',
    details: { keys: ['town'] },
  });
});
