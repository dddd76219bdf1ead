import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BuildOptions, BuildResult } from 'esbuild';

const sourceEntries: Map<string, URL> = new Map();

/**
 * The entry of a worker for a host that runs from this package's sources, as its tests do: a worker inherits no loader of
 * TypeScript on every version of Node, so its code is bundled in memory, once per entry and process.
 */
export function makeSourceEntry(entry: URL): URL {
  let bundled = sourceEntries.get(entry.href);
  if (bundled === undefined) sourceEntries.set(entry.href, (bundled = bundleEntry(fileURLToPath(entry))));
  return bundled;
}

function bundleEntry(path: string): URL {
  const require = createRequire(import.meta.url);
  // Loaded here alone: a built package has no use for it.
  const bundler = require('esbuild') as { buildSync(options: BuildOptions): BuildResult };
  // A module without a file of its own imports by whole addresses only.
  const esbuild = pathToFileURL(require.resolve('esbuild')).href;
  const { outputFiles = [] } = bundler.buildSync({
    entryPoints: [path],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    alias: { esbuild },
    external: [esbuild],
    logLevel: 'silent',
  });
  const code = outputFiles.map(({ text }) => text).join('');
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
