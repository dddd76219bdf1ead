import path from 'node:path';
import type { FileSystem } from './file-system.ts';
import { writing } from './io-error.ts';

/** How the name of a file ends that is not finished yet. */
export const TEMPORARY_SUFFIX = '.tmp';

/** Makes a small file with these contents appear durably, in one step. */
export async function publishFile(fileSystem: FileSystem, file: string, contents: Uint8Array): Promise<void> {
  await writing(file, async () => {
    const temporary = temporaryName(file);
    const handle = await fileSystem.open(temporary, 'create');
    try {
      await handle.write(contents, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fileSystem.rename(temporary, file);
    await fileSystem.syncDirectory(path.dirname(file));
  });
}

/** The name under which a file is made before it has its own. */
export function temporaryName(file: string): string {
  return file + TEMPORARY_SUFFIX;
}
