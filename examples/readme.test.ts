import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The TypeScript blocks of a page, as they stand. */
function codeBlocks(page: string): string[] {
  return [...readFileSync(join(root, page), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
}

test('the sample of the README runs as it stands, on disk, and prints what it says', async () => {
  const [sample = ''] = codeBlocks('README.md');
  expect(sample).toContain('openUniverse');
  const { code } = await transform(sample, { loader: 'ts', target: 'es2022' });
  // Beside the packages, so that the import resolves as it does for a user who installed them.
  const folder = mkdtempSync(join(root, 'node_modules', '.readme-'));
  const work = mkdtempSync(join(tmpdir(), 'readme-'));
  try {
    const file = join(folder, 'sample.mjs');
    writeFileSync(file, code);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { cwd: work, timeout: 25_000 });
    expect(stderr).toBe('');
    expect(stdout).toContain('order.placed { id: 1, total: 12.5 }');
    expect(stdout).toContain("[ 'apple' ]");
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(work, { recursive: true, force: true });
  }
});
