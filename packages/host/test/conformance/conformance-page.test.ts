import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { generateBindings } from '../../src/codegen/generate-bindings.ts';
import { describeModule } from '../../src/module/describe-module.ts';
import { readTestModule } from '../../src/testing/module-texts.ts';
import { makeConformancePage } from './conformance-page.ts';
import { fixture } from './forms.ts';

test('the page lists the rules of the suite as they are', async () => {
  const page = makeConformancePage();
  const file = new URL('../../docs/conformance.md', import.meta.url);
  if (process.env['UPDATE'] === '1') await writeFile(file, page);
  expect(await readFile(file, 'utf8')).toBe(page);
});

test.each(['conf-calls', 'conf-rooms', 'conf-views'])(
  'the bindings of %s are those that are kept beside it',
  async (name) => {
    const generated = generateBindings(await describeModule(await readTestModule(fixture(`${name}.ts`))));
    const file = new URL(`fixtures/${name}-bindings.ts`, import.meta.url);
    if (process.env['UPDATE'] === '1') await writeFile(file, generated);
    expect(await readFile(file, 'utf8')).toBe(generated);
  },
);
