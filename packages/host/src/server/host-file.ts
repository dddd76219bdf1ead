import { chmod, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

const FILE_NAME = 'host.json';
const FILE_MODE = 0o644;

/** What `host.json` in a data directory tells: where the host that has the directory open can be reached. */
export interface HostFile {
  /** Base address for clients on this machine, such as `http://127.0.0.1:3000`. */
  readonly address: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** Writes the file whole: a reader sees the old one or the new one. */
export async function writeHostFile(dataDirectory: string, content: HostFile): Promise<void> {
  const path = join(dataDirectory, FILE_NAME);
  const temporary = `${path}.${content.pid}.new`;
  try {
    const file = await open(temporary, 'w', FILE_MODE);
    try {
      await file.writeFile(`${JSON.stringify(content, undefined, 2)}\n`);
    } finally {
      await file.close();
    }
    await chmod(temporary, FILE_MODE);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes the file if it is still the one of this process. */
export async function removeHostFile(dataDirectory: string): Promise<void> {
  const current = await tryReadHostFile(dataDirectory);
  if (current?.pid === process.pid) await rm(join(dataDirectory, FILE_NAME), { force: true });
}

/**
 * Reads the file; undefined when there is none or it is not one of ours. That it is there does not mean that the host
 * still lives: who connects finds out.
 */
export async function tryReadHostFile(dataDirectory: string): Promise<HostFile | undefined> {
  let text: string;
  try {
    text = await readFile(join(dataDirectory, FILE_NAME), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  return tryParseHostFile(text);
}

function tryParseHostFile(text: string): HostFile | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Not written by us; the caller is told by the absence.
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { address, pid, startedAt } = parsed as Record<string, unknown>;
  if (typeof address !== 'string' || typeof pid !== 'number' || typeof startedAt !== 'string') return undefined;
  return { address, pid, startedAt };
}
