import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test('the code of the page on the graph runs as it stands, as one program, and what it asserts holds', async () => {
  const text = await readFile(new URL('../docs/graph.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```ts\n\/\/ graph\.ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  expect(blocks.length).toBe(text.match(/```ts/g)?.length);
  // Beside the packages, so that imports resolve as they do for a user who installed them.
  const folder = await mkdtemp(join(tmpdir(), 'docs-graph-'));
  try {
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'graph.ts'), `${blocks.join('\n')}\nconsole.log('done');\n`);
    const env = { ...process.env, NODE_OPTIONS: undefined, NO_COLOR: '1' };
    const output = await new Promise<string>((resolve) => {
      const args = ['--conditions', 'source', '--import', 'tsx', 'graph.ts'];
      execFile(process.execPath, args, { cwd: folder, env, timeout: 90_000 }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
    expect(output).toBe('done\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 100_000);
