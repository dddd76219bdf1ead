import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../errors.ts';
import type { TransformCache } from './program-loader.ts';

/** Files kept; a directory's databases rarely run more different programs. */
const FILES_MAX = 8;

/**
 * Prepared bundles in a directory, one file each: the SHA-256 of the text in hex, a line feed, the text. What is damaged
 * or cannot be read is as good as absent; what cannot be written is told to `warn`, and nothing else happens.
 */
export class FileTransformCache implements TransformCache {
  readonly #directory: string;
  readonly #warn: (message: string) => void;

  constructor(directory: string, warn: (message: string) => void) {
    this.#directory = directory;
    this.#warn = warn;
  }

  async read(key: string): Promise<string | undefined> {
    let content: string;
    try {
      content = await readFile(this.#path(key), 'utf8');
    } catch {
      // Absent, the usual case, or unreadable: the bundle is prepared again either way, and writing it tells.
      return undefined;
    }
    const lineEnd = content.indexOf('\n');
    const text = content.slice(lineEnd + 1);
    return content.slice(0, Math.max(0, lineEnd)) === digestOf(text) ? text : undefined;
  }

  async write(key: string, text: string): Promise<void> {
    const path = this.#path(key);
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await writeFile(`${path}.${process.pid}.new`, `${digestOf(text)}\n${text}`, { mode: 0o600 });
      await rename(`${path}.${process.pid}.new`, path);
      await this.#removeOldest();
    } catch (error) {
      this.#warn(`a prepared bundle could not be kept in ${this.#directory}: ${errorMessage(error)}`);
    }
  }

  #path(key: string): string {
    return join(this.#directory, key);
  }

  async #removeOldest(): Promise<void> {
    const names = await readdir(this.#directory);
    if (names.length <= FILES_MAX) return;
    const files = await Promise.all(
      names.map(async (name) => ({ name, modifiedMs: (await stat(this.#path(name))).mtimeMs })),
    );
    files.sort((a, b) => b.modifiedMs - a.modifiedMs);
    for (const { name } of files.slice(FILES_MAX)) await rm(this.#path(name), { force: true });
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
