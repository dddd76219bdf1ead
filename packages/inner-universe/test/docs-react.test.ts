import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test('the code of the page on React runs as it stands, as one program', async () => {
  const text = await readFile(new URL('../docs/react.md', import.meta.url), 'utf8');
  const blocksOf = (name: string): string =>
    [...text.matchAll(/```tsx?\n\/\/ (\S+)\n([\s\S]*?)```/g)]
      .filter(([, file]) => file === name)
      .map(([, , code = '']) => code)
      .join('\n');
  expect(text.match(/```tsx?\n\/\/ (app\.tsx|browser\.ts)\n/g)?.length).toBe(text.match(/```ts/g)?.length);
  // Beside the packages, so that imports resolve as they do for a user who installed them.
  const folder = await mkdtemp(join(tmpdir(), 'docs-react-'));
  try {
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'tsconfig.json'), '{ "compilerOptions": { "jsx": "react-jsx" } }');
    await writeFile(join(folder, 'browser.ts'), blocksOf('browser.ts'));
    await writeFile(join(folder, 'app.tsx'), `import './browser.ts';\n${blocksOf('app.tsx')}`);
    const env = { ...process.env, NODE_OPTIONS: undefined, NO_COLOR: '1' };
    const output = await new Promise<string>((resolve) => {
      const args = ['--conditions', 'source', '--import', 'tsx', 'app.tsx'];
      execFile(process.execPath, args, { cwd: folder, env, timeout: 90_000 }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
    expect(output).toBe(
      '<p>opening</p><p>Loading</p><button>Say hello</button><p>0<!-- --> adults; </p>\n<title></title>\n',
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 100_000);
