import { readFile } from 'node:fs/promises';
import { HostError } from '../errors.ts';
import { nodeFileSystem } from '../storage/disk/node-file-system.ts';
import { publishFile } from '../storage/disk/publish-file.ts';
import { assertName, type DatabaseEntry, type NameStore } from './name-registry.ts';

const VERSION = 1;

/**
 * Keeps names and locks of databases in a JSON file, which is replaced whole and durably:
 *
 *     {"version":1,"databases":{"<key>":{"names":["shop","store"],"isLocked":false}}}
 *
 * A database whose entry says nothing beyond its key is not in it; without one that says more there may be no file.
 */
export function makeNameFile(path: string): NameStore {
  return {
    read: () => readEntries(path),
    write: (entries) => {
      const text = JSON.stringify({ version: VERSION, databases: Object.fromEntries(entries) }, undefined, 2);
      return publishFile(nodeFileSystem, path, new TextEncoder().encode(`${text}\n`));
    },
  };
}

async function readEntries(path: string): Promise<ReadonlyMap<string, DatabaseEntry>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw error;
  }
  try {
    return parseEntries(JSON.parse(text));
  } catch (error) {
    throw new HostError({
      code: 'host/names-damaged',
      message: `${path} is not what a host wrote there. Restore it from the backup of this data directory; without the file each database has the name of its folder and is not locked. Nothing was changed.`,
      details: { path },
      cause: error,
    });
  }
}

function parseEntries(parsed: unknown): ReadonlyMap<string, DatabaseEntry> {
  const { version, databases } = asObject(parsed);
  if (version !== VERSION) throw new TypeError(`version ${VERSION} is expected`);
  return new Map(Object.entries(asObject(databases)).map(([key, entry]) => [key, parseEntry(entry)]));
}

function parseEntry(parsed: unknown): DatabaseEntry {
  const { names, isLocked } = asObject(parsed);
  if (!Array.isArray(names) || typeof isLocked !== 'boolean') throw new TypeError('names and isLocked are expected');
  return { names: names.map(parseName), isLocked };
}

function parseName(parsed: unknown): string {
  if (typeof parsed !== 'string') throw new TypeError('a name is text');
  assertName(parsed);
  return parsed;
}

function asObject(parsed: unknown): Readonly<Record<string, unknown>> {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new TypeError('no object');
  // A non-null object that is no array: its properties are unknown until each is checked.
  return parsed as Readonly<Record<string, unknown>>;
}
