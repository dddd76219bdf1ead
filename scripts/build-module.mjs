/**
 * Bundles the Inner Universe module into the one file that a host or SpacetimeDB is given:
 * packages/module/src/module.ts -> packages/module/dist/bundle.js. Run after `tsc -b`.
 *
 * The bundle depends on the sources alone, so it is the same bytes on every machine, and is left as it is when none
 * of its inputs is newer.
 */
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const entry = path.join(root, 'packages/module/src/module.ts');
const bundle = path.join(root, 'packages/module/dist/bundle.js');
const inputsFile = path.join(root, 'packages/module/dist/bundle.inputs.json');

/** Builds the bundle if any of its inputs changed, and gives its path. */
export async function buildModule() {
  if (await isUpToDate()) return bundle;
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'inline',
    conditions: ['source', 'production', 'import', 'default'],
    external: ['spacetime:*'],
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error('esbuild wrote no bundle');
  await mkdir(path.dirname(bundle), { recursive: true });
  await replace(bundle, output.contents);
  const inputs = Object.keys(result.metafile.inputs).sort();
  await replace(inputsFile, `${JSON.stringify(inputs, undefined, 2)}\n`);
  return bundle;
}

/** Writes a file in one step, because others may be reading it or building too. */
async function replace(file, contents) {
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, contents);
  await rename(temporary, file);
}

async function isUpToDate() {
  const built = await modifiedAt(bundle);
  const listed = await modifiedAt(inputsFile);
  if (built === undefined || listed === undefined) return false;
  const inputs = JSON.parse(await readFile(inputsFile, 'utf8'));
  const times = await Promise.all(
    [...inputs, 'scripts/build-module.mjs'].map((input) => modifiedAt(path.join(root, input))),
  );
  return times.every((time) => time !== undefined && time <= built);
}

/** When a file was last written, in milliseconds; undefined if there is none. */
async function modifiedAt(file) {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if (error?.code === 'ENOENT') return undefined;
    throw error;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await buildModule();
