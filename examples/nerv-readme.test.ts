import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The samples of the page, and what it says that each prints. */
const samples = [
  ...readFileSync(join(root, 'packages/nerv/README.md'), 'utf8').matchAll(
    /^```ts\n([\s\S]*?)^```$(?:\s*^```text\n([\s\S]*?)^```$)?/gm,
  ),
].map(([, code = '', output = '']) => ({ title: /^(?:type|const|class) (\w+)/m.exec(code)?.[1] ?? '', code, output }));

test('the page has samples of every part', () => {
  const imported = samples.map(({ code }) => code).join('\n');
  for (const part of ['EventBus', 'TemporalStore', 'EntityGraph', 'Projection', 'makePerspective', 'stringify']) {
    expect(imported).toContain(part);
  }
});

test.each(samples)(
  'a sample of the page ($title) runs as it stands, and prints what it says',
  async ({ code, output }) => {
    // Beside the packages, so that the import resolves as it does for a user who installed them.
    const folder = mkdtempSync(join(root, 'node_modules', '.readme-'));
    try {
      const compiled = await transform(code, { loader: 'ts', target: 'es2022', format: 'esm' });
      const file = join(folder, 'sample.mjs');
      writeFileSync(file, compiled.code);
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        ['--conditions=source', '--import', 'tsx', file],
        { cwd: root, timeout: 25_000 },
      );
      expect(stderr).toBe('');
      expect(stdout).toBe(output);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
