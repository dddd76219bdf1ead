import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleModule, describeModule } from '@inner-universe/host';
import { generateBindings } from '@inner-universe/host/codegen';
import { expect, test } from 'vitest';

test('the generated bindings are those of the module as it is; scripts/generate-bindings.mjs writes them', async () => {
  const root = dirname(createRequire(import.meta.url).resolve('@inner-universe/module/package.json'));
  const definition = await describeModule(await bundleModule(join(root, 'src', 'module.ts')));
  const file = fileURLToPath(new URL('../src/generated/module-bindings.ts', import.meta.url));
  expect(await readFile(file, 'utf8')).toBe(generateBindings(definition, { includePrivate: true }));
});
