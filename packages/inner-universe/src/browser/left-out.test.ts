import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import * as leftOut from './left-out.ts';

const root = new URL('../../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  readonly browser: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, { readonly source: string }>>;
};
const sources = Object.keys(manifest.browser).filter((path) => path.startsWith('./src/'));

test('what is left out of browsers is left out of the sources and of what is built alike', () => {
  const built = sources.map((path) => path.replace('./src/', './dist/').replace(/\.ts$/, '.js'));
  expect(Object.keys(manifest.browser)).toEqual([...sources, ...built]);
  for (const path of sources) expect(existsSync(new URL(path, root)), path).toBe(true);
});

test.each(sources)('everything of %s has something in its place', async (path) => {
  // By a variable: no bundler is to look for it.
  const original = (await import(new URL(path, root).href)) as object;
  for (const name of Object.keys(original)) expect(leftOut).toHaveProperty(name);
});

test.each(Object.entries(leftOut))('%s says what to do instead', async (_, part) => {
  const use = async (): Promise<unknown> => (isClass(part) ? new part() : (part as (given: string) => unknown)('x'));
  await expect(use()).rejects.toMatchObject({ code: 'config/invalid', message: expect.stringContaining('needs Node') });
});

test.each(['.', './react', './typed'])('%s can be bundled for browsers', async (entry) => {
  const source = manifest.exports[entry]?.source ?? '';
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export * from ${JSON.stringify(source)};`,
      resolveDir: fileURLToPath(root),
    },
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['source'],
    logLevel: 'silent',
  });
  expect(outputFiles).toHaveLength(1);
  const parts = Object.keys(metafile.inputs);
  expect(parts.filter((part) => /packages\/host\/|node_modules\/(undici|ws)\//.test(part))).toEqual([]);
});

function isClass(part: unknown): part is new () => unknown {
  return String(part).startsWith('class ');
}
