import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

let folder: string;
let files: Map<string, string>;

beforeAll(async () => {
  files = await filesOf('testing.md');
  // Beside the packages, so that imports resolve as they do for a user who installed them.
  folder = await mkdtemp(join(tmpdir(), 'docs-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const [name, code] of files) await writeFile(join(folder, name), code);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The files that a page's code blocks make: each begins with the name of its file, later ones are added to it. */
async function filesOf(page: string): Promise<Map<string, string>> {
  const text = await readFile(new URL(`../docs/${page}`, import.meta.url), 'utf8');
  const found = new Map<string, string>();
  for (const [, name = '', code = ''] of text.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)) {
    found.set(name, `${found.get(name) ?? ''}${code}\n`);
  }
  return found;
}

/** What a process of Node printed, whether it succeeded or not. */
function run(args: readonly string[]): Promise<string> {
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined, NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder, env, timeout: 90_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

const countTests = (name: string): number => files.get(name)?.match(/^test\(/gm)?.length ?? 0;

test('the code of the page on testing runs as it stands on the test runner of Node', async () => {
  const names = ['orders.test.ts', 'checkout.test.ts'];
  expect([...files.keys()]).toEqual([...names, 'fixtures.test.ts']);
  const output = await run(['--conditions', 'source', '--import', 'tsx', '--test', '--test-reporter', 'tap', ...names]);
  expect(output).toMatch(new RegExp(`# pass ${countTests('orders.test.ts') + countTests('checkout.test.ts')}\n`));
  expect(output).toMatch(/# fail 0\n/);
}, 100_000);

test('and its fixtures on Vitest', async () => {
  const conditions = `['source', 'node', 'import', 'default']`;
  const resolution = `{ resolve: { conditions: ${conditions} } }`;
  const config = `export default { ...${resolution}, ssr: ${resolution}, test: { testTimeout: 60_000 } };`;
  await writeFile(join(folder, 'vitest.config.mjs'), config);
  const output = await run([join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'fixtures.test.ts']);
  expect(output).toMatch(new RegExp(`Tests +${countTests('fixtures.test.ts')} passed`));
}, 100_000);
