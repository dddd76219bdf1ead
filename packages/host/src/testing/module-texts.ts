import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type ModuleFiles, type ModuleSource, readModuleFiles } from '../module/bundle-module.ts';
import { Recent } from './recent.ts';

/** Bundles that are kept; a test process rarely has more modules under test. */
const BUNDLES_MAX = 32;

interface KeptBundle {
  readonly bundle: string;
  /** Each file that it was made from, with the mark of the version that was read. */
  readonly marks: ReadonlyMap<string, string>;
}

/** Bundles of source files, made once for all test hosts of the process and anew when one of their files changed. */
const kept: Recent<string, KeptBundle> = new Recent(BUNDLES_MAX);

/** The bundle of a module under test. @throws {HostError} as `bundleModule` */
export async function readTestModule(module: string | ModuleSource): Promise<string> {
  if (typeof module === 'string') return module;
  if ('bundle' in module) return module.bundle;
  const key = 'path' in module ? resolve(module.path) : `${resolve(module.directory)}\n${module.source}`;
  const known = kept.get(key);
  if (known !== undefined && (await isCurrent(known))) return known.bundle;
  const made = await readModuleFiles(module);
  kept.set(key, { bundle: made.bundle, marks: await markAll(made) });
  return made.bundle;
}

async function isCurrent({ marks }: KeptBundle): Promise<boolean> {
  const present = await Promise.all([...marks].map(async ([file, mark]) => (await markOf(file)) === mark));
  return present.every(Boolean);
}

async function markAll({ files }: ModuleFiles): Promise<ReadonlyMap<string, string>> {
  return new Map(await Promise.all(files.map(async (file) => [file, await markOf(file)] as const)));
}

/** What changes when a file is written: its time and size. Empty when it is not there. */
async function markOf(file: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(file, { bigint: true });
    return `${mtimeNs} ${size} ${ino}`;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
