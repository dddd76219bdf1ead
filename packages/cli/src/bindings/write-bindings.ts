import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The one file of generated bindings: it imports nothing but the SDK, so that it works under every setting. */
export const BINDINGS_FILE = 'index.ts';

/** Whether the bindings in a folder are this text already. */
export async function areBindingsCurrent(folder: string, text: string): Promise<boolean> {
  try {
    return (await readFile(join(folder, BINDINGS_FILE), 'utf8')) === text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Writes bindings whole, and only where they change, so that nobody who watches them is woken for nothing. */
export async function writeBindings(folder: string, text: string): Promise<'written' | 'unchanged'> {
  if (await areBindingsCurrent(folder, text)) return 'unchanged';
  await mkdir(folder, { recursive: true });
  const path = join(folder, BINDINGS_FILE);
  const temporary = `${path}.${randomUUID()}.new`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return 'written';
}
