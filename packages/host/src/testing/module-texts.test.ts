import { mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundleOf } from '../../test/module-database.ts';
import { createTestHost, type TestHostOptions } from './index.ts';
import { readTestModule } from './module-texts.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'module-texts-'));
  await symlink(fileURLToPath(new URL('../../../../node_modules', import.meta.url)), join(folder, 'node_modules'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const moduleText = (table: string): string => `
  import { schema, table, t } from 'spacetimedb/server';
  const one = table({ name: '${table}' }, { id: t.u32() });
  export default schema({ one });
`;

/** Writes a file whose time is told from that of any earlier version. */
async function write(name: string, text: string, version: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await utimes(path, version, version);
  return path;
}

async function tableOf(module: TestHostOptions['module']): Promise<string | undefined> {
  const host = await createTestHost({ module });
  const found = host.hosted.database.def.tables.find(({ isSystem }) => !isSystem);
  await host.close();
  return found?.name;
}

test('a module is source or a bundle, a file or text', async () => {
  const bundle = await readTestModule({ source: moduleText('same'), directory: folder });
  const source = await write('module.ts', moduleText('same'), 1);
  const bundled = await write('bundle.js', bundle, 1);
  const modules = [bundle, { bundle }, { source: moduleText('same'), directory: folder }];
  for (const module of [...modules, { path: source }, { path: bundled }]) expect(await tableOf(module)).toBe('same');
});

test('a bundle is made once, and anew when one of its files was written', async () => {
  const path = await write('module.ts', `export { default } from './inner.ts';`, 1);
  await write('inner.ts', moduleText('before'), 1);
  const first = await readTestModule({ path });
  expect(await readTestModule({ path })).toBe(first);
  expect(await tableOf({ path })).toBe('before');
  await write('inner.ts', moduleText('after'), 2);
  expect(await tableOf({ path })).toBe('after');
});

test('a file that went is no longer bundled', async () => {
  const path = await write('module.ts', moduleText('gone'), 1);
  await readTestModule({ path });
  await rm(path);
  await expect(readTestModule({ path })).rejects.toMatchObject({ code: 'module/not-found' });
});

test('the text of a bundle is taken as it is', async () => {
  const bundle = await bundleOf('remembering.ts');
  expect(await readTestModule(bundle)).toBe(bundle);
  expect(await readTestModule({ bundle })).toBe(bundle);
});
