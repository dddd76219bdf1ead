import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { makeErrorsPage, PARTS } from '../../../scripts/errors-page.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let sources: readonly string[];

beforeAll(async () => {
  const paths: string[] = [];
  for (const name of ['nerv', 'host', 'inner-universe', 'cli']) {
    const folder = join(root, 'packages', name, 'src');
    const files = await readdir(folder, { recursive: true });
    paths.push(...files.filter(isSource).map((file) => join(folder, file)));
  }
  sources = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
});

function isSource(file: string): boolean {
  return file.endsWith('.ts') && !/\.test(-d)?\.ts$|(^|\/)(test|error-catalogue|generated)\//.test(file);
}

/** What an entry's code is thrown as, and whether it may be tried again, by part and code. */
const entriesOf = (code: string): readonly { readonly class: string; readonly retryable: boolean }[] =>
  PARTS.flatMap(({ errors, class: usual }) => {
    const entry = errors[code];
    return entry === undefined ? [] : [{ class: entry.class ?? usual, retryable: entry.retryable !== undefined }];
  });

test('the page of errors is what the catalogues say: node scripts/generate-errors.mjs writes it', async () => {
  expect(await readFile(join(root, 'docs/errors.md'), 'utf8')).toBe(makeErrorsPage());
});

test('what the code calls retryable is so on the page, and nothing else is', () => {
  const found = new Set<string>();
  for (const text of sources) {
    for (const { index } of text.matchAll(/retryable: true/g)) {
      const codes = [...text.slice(Math.max(0, index - 900), index).matchAll(/'([a-z-]+\/[a-z-]+)'/g)];
      const code = codes.at(-1)?.[1];
      expect(code).toBeDefined();
      found.add(code ?? '');
    }
    for (const [, code = ''] of text.matchAll(/refusal\.code === '([a-z/-]+)'/g)) found.add(code);
  }
  const marked = PARTS.flatMap(({ errors }) => Object.keys(errors)).filter((code) =>
    entriesOf(code).some(({ retryable }) => retryable),
  );
  expect([...found].sort()).toEqual([...new Set(marked)].sort());
});

/** What a class is as well: who catches that gets it. */
const SUPERCLASSES: Readonly<Record<string, string>> = {
  StorageError: 'HostError',
  // What the module would refuse is refused here, before it is sent; the section says so.
  RefusedError: 'NervPersistenceError',
};

test('every error is of the class that the page says', () => {
  const wrong: string[] = [];
  let checked = 0;
  for (const text of sources) {
    for (const [, thrown = '', code = ''] of text.matchAll(
      /new (\w+Error)\(\s*\{?\s*(?:code: )?'([a-z-]+\/[a-z-]+)'/g,
    )) {
      checked += 1;
      const isSaid = entriesOf(code).some((entry) => entry.class === thrown || SUPERCLASSES[entry.class] === thrown);
      if (!isSaid) wrong.push(`${thrown} ${code}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(checked).toBeGreaterThan(100);
});
