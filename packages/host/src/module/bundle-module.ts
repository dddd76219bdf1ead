import { readFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import type { BuildOptions } from 'esbuild';
import { HostError } from '../errors.ts';
import { describeBuildFailure } from './build-failure.ts';

const SOURCE_EXTENSIONS = new Set(['.ts', '.tsx', '.mts', '.jsx']);

/** Where a module comes from: a file (source or bundle, told by its ending and contents), or text. */
export type ModuleSource =
  | { readonly path: string }
  /** Text of a finished bundle. */
  | { readonly bundle: string }
  /** Text of a source file whose imports are looked up from `directory`. */
  | { readonly source: string; readonly directory: string };

/**
 * Bundles a module's entry file with all it imports into one ES module, as `spacetime build` does; the result can be
 * published to SpacetimeDB as it is. Types are not checked.
 * @throws {HostError} `module/bundle-failed` with the bundler's messages, `module/not-found`
 */
export async function bundleModule(entryPath: string): Promise<string> {
  return (await bundleFile(resolve(entryPath))).bundle;
}

/** Gives the bundle of a module, made where it is source. @throws {HostError} as `bundleModule` */
export async function readModule(source: ModuleSource): Promise<string> {
  return (await readModuleFiles(source)).bundle;
}

/** A module's bundle, and the files that it was made from: while they stay, so does it. */
export interface ModuleFiles {
  readonly bundle: string;
  /** Absolute paths. */
  readonly files: readonly string[];
}

/** As `readModule`, and says which files were read. @throws {HostError} as `bundleModule` */
export async function readModuleFiles(source: ModuleSource): Promise<ModuleFiles> {
  if ('bundle' in source) return { bundle: source.bundle, files: [] };
  if ('source' in source) {
    return runBundler({
      stdin: { contents: source.source, resolveDir: source.directory, loader: 'ts', sourcefile: 'module.ts' },
      absWorkingDir: resolve(source.directory),
    });
  }
  const path = resolve(source.path);
  if (SOURCE_EXTENSIONS.has(extname(path))) return bundleFile(path);
  const text = await readText(path);
  return isBundled(text) ? { bundle: text, files: [path] } : bundleFile(path);
}

async function bundleFile(path: string): Promise<ModuleFiles> {
  await readText(path);
  return runBundler({ entryPoints: [path], absWorkingDir: dirname(path) });
}

/** A finished bundle imports the system interface itself; a source file imports the library that does. */
function isBundled(text: string): boolean {
  return /['"]spacetime:sys@/.test(text);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new HostError({
      code: 'module/not-found',
      message: `the module ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}. Give the path of its entry file or of its bundle.`,
      details: { path },
      cause: error,
    });
  }
}

async function runBundler(entry: BuildOptions & { readonly absWorkingDir: string }): Promise<ModuleFiles> {
  const { build } = await import('esbuild');
  try {
    const result = await build({
      ...entry,
      bundle: true,
      metafile: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      conditions: ['production', 'import', 'default'],
      external: ['spacetime:*'],
      define: { 'process.env.NODE_ENV': '"production"' },
      legalComments: 'none',
      logLevel: 'silent',
    });
    const [file] = result.outputFiles ?? [];
    const names = Object.keys(result.metafile.inputs).filter((name) => name !== entry.stdin?.sourcefile);
    return { bundle: file?.text ?? '', files: names.map((name) => resolve(entry.absWorkingDir, name)) };
  } catch (error) {
    throw new HostError({
      code: 'module/bundle-failed',
      message: `the module could not be bundled:\n${await describeBuildFailure(error)}`,
      cause: error,
    });
  }
}
