import { expect, test } from 'vitest';
import { readPage, runProgram } from './page-program.ts';

test('the program of the page on migrations runs as it stands', async () => {
  const { files } = await readPage('migrations.md');
  expect([...files.keys()]).toEqual(['migrations.ts', 'migrate.ts']);
  const { stdout, stderr } = await runProgram(files, 'migrate.ts');
  expect(stdout + stderr).toContain("part: { kind: 'entity', type: 'person' }");
  expect(stdout + stderr).toMatch(
    /\[ '2026-11-add-email', '2026-12-one-name' \] \{ email: '', name: 'Ada Lovelace' \}\n$/,
  );
}, 100_000);
