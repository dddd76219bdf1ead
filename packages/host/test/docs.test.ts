import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateBindings } from '../src/codegen/index.ts';
import { bundleModule } from '../src/module/bundle-module.ts';
import { describeModule } from '../src/module/describe-module.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docs-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** The files that a page's code blocks make: each begins with the name of its file, later ones are added to it. */
async function filesOf(page: string): Promise<Map<string, string>> {
  const text = await readFile(new URL(`../docs/${page}`, import.meta.url), 'utf8');
  const files = new Map<string, string>();
  for (const [, name = '', code = ''] of text.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)) {
    files.set(name, `${files.get(name) ?? ''}${code}\n`);
  }
  return files;
}

test('the code of the page on testing runs as it stands', async () => {
  const files = await filesOf('testing.md');
  expect([...files.keys()]).toEqual(['chat.ts', 'chat.test.ts']);
  for (const [name, code] of files) await writeFile(join(folder, name), code);
  const def = await describeModule(await bundleModule(join(folder, 'chat.ts')));
  await writeFile(join(folder, 'bindings.ts'), generateBindings(def));
  const args = ['--conditions', 'source', '--import', 'tsx', '--test', '--test-reporter', 'tap', 'chat.test.ts'];
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined };
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: folder, env, timeout: 60_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
  const count = files.get('chat.test.ts')?.match(/^test\(/gm)?.length;
  expect(output).toMatch(new RegExp(`# pass ${count}\n`));
  expect(output).toMatch(/# fail 0\n/);
});
