import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { bundleOf } from '../../test/module-database.ts';
import { describeModule } from '../module/describe-module.ts';
import { generateBindings } from './generate-bindings.ts';

/** The text without what a formatter may change. */
function tokens(text: string): string {
  return text.replace(/\s+/g, '').replace(/,([)\]}])/g, '$1');
}

describe('generated bindings', () => {
  // The files are type-checked with the tests and used with the real SDK by other tests.
  test.each(['people', 'shapes'])('of %s are those that are kept beside it', async (name) => {
    const generated = generateBindings(await describeModule(await bundleOf(`${name}.ts`)));
    const kept = await readFile(new URL(`../../test/fixtures/${name}-bindings.ts`, import.meta.url), 'utf8');
    expect(tokens(generated)).toBe(tokens(kept));
  });

  test('are the same text each time', async () => {
    const def = await describeModule(await bundleOf('shapes.ts'));
    expect(generateBindings(def)).toBe(generateBindings(structuredClone(def)));
  });

  test('leave out what only the owner may see, unless asked for it', async () => {
    const def = await describeModule(await bundleOf('people.ts'));
    const open = generateBindings(def);
    const whole = generateBindings(def, { includePrivate: true });
    expect(open).not.toMatch(/name: 'note'|name: 'tick'|'on_tick'|'run_job'/);
    for (const name of [`name: 'note'`, `name: 'tick'`, `'on_tick'`, `'run_job'`]) expect(whole).toContain(name);
    for (const text of [open, whole]) expect(text).not.toMatch(/'on_connect'|'init'|st_client/);
  });
});
