import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test('the program of the page on migrations runs as it stands', async () => {
  const text = await readFile(new URL('../docs/migrations.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)];
  expect(blocks.map(([, name]) => name)).toEqual(['migrations.ts', 'migrate.ts']);
  // Beside the packages, so that imports resolve as they do for a user who installed them.
  const folder = await mkdtemp(join(tmpdir(), 'docs-migrations-'));
  try {
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    for (const [, name = '', code = ''] of blocks) await writeFile(join(folder, name), code);
    const env = { ...process.env, NODE_OPTIONS: undefined, NO_COLOR: '1' };
    const output = await new Promise<string>((resolve) => {
      const args = ['--conditions', 'source', '--import', 'tsx', 'migrate.ts'];
      execFile(process.execPath, args, { cwd: folder, env, timeout: 90_000 }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
    expect(output).toContain("part: { kind: 'entity', type: 'person' }");
    expect(output).toMatch(/\[ '2026-11-add-email', '2026-12-one-name' \] \{ email: '', name: 'Ada Lovelace' \}\n$/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 100_000);
