import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ModuleSource, readModule } from '@inner-universe/host';
import { findModule } from 'inner-universe';
import { CliError } from './errors.ts';

/** Where the entry file of a module is looked for in a folder; `spacetime` puts it into the first. */
const ENTRY_FILES = ['src/index.ts', 'src/module.ts', 'index.ts', 'module.ts', 'spacetimedb/src/index.ts'];

/** The module that `--module` names: a bundle, a source file, or the folder of one. @throws {CliError} `cli/not-found` */
export async function locateModule(path: string): Promise<string> {
  const absolute = resolve(path);
  if ((await kindOf(absolute)) === 'file') return absolute;
  if ((await kindOf(absolute)) === undefined) {
    throw new CliError(
      'cli/not-found',
      `There is no module at '${path}'. Give its entry file, its folder, or a bundle.`,
      {
        details: { path: absolute },
      },
    );
  }
  for (const entry of ENTRY_FILES) {
    const candidate = join(absolute, entry);
    if ((await kindOf(candidate)) === 'file') return candidate;
  }
  throw new CliError(
    'cli/not-found',
    `The folder '${path}' has no module: none of ${ENTRY_FILES.join(', ')} is in it. Give the entry file itself.`,
    { details: { path: absolute } },
  );
}

/** The bundle of the module that `--module` names; without one, that of Inner Universe itself. */
export async function readModuleOption(path: string | undefined): Promise<string> {
  const source: ModuleSource = path === undefined ? findModule() : { path: await locateModule(path) };
  return readModule(source);
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
