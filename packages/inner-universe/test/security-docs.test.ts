import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const root = new URL('../../../', import.meta.url);

test('every measure of the threat model names a test that exists', async () => {
  const page = await readFile(new URL('docs/threat-model.md', root), 'utf8');
  const missing: string[] = [];
  let named = 0;
  for (const [, file = '', names = ''] of page.matchAll(/`(packages\/[^`]+\.test\.ts)` ((?:“[^”]+”(?:, )?)+)/g)) {
    const source = await readFile(new URL(file, root), 'utf8').catch(() => '');
    for (const [, name = ''] of names.matchAll(/“([^”]+)”/g)) {
      named += 1;
      const titles = [...source.matchAll(/\b(?:test|it|describe)(?:\.each\([^]*?\))?\(\s*(['"`])([^]*?)\1\s*,/g)].map(
        ([, , title = '']) => title,
      );
      if (!titles.includes(name)) missing.push(`${file}: ${name}`);
    }
  }
  expect(missing).toEqual([]);
  expect(named).toBeGreaterThan(40);
  const rows = page.split('\n').filter((line) => /^\| (?!threat|---|actor|table)/.test(line));
  const threats = rows.slice(
    rows.findIndex((line) => line.includes('forged')),
    rows.findIndex((line) => line.includes('publishing over')) + 1,
  );
  expect(threats.filter((line) => !line.includes('.test.ts'))).toEqual([]);
});
