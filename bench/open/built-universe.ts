import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openUniverse, type Universe } from 'inner-universe';

/** How much lies in the universe that is opened. */
export interface UniverseShape {
  readonly events: number;
  readonly versions: number;
}

/** The store whose head is read. */
export const STORE = 'ledger';

/** To be raised when what is built changes, so that nothing older is taken for it. */
const CONTENTS = 1;
/** Keys of the store's state; each version changes one of them. */
const KEYS = 100;
/** What is on its way at a time: ten requests of a thousand ops, or the queue would hold it all. */
const AT_ONCE = 10_000;
const VERSIONS_AT_ONCE = 5_000;

/**
 * The directory of a universe of that shape on disk, closed. It is built through the real client and kept in the
 * system's folder for temporary files, for as long as the module is the same.
 */
export async function findBuiltUniverse(shape: UniverseShape): Promise<string> {
  const { events, versions } = shape;
  const directory = join(tmpdir(), `bench-open-${CONTENTS}-${moduleDigest()}-${events}-${versions}`);
  if (statSync(directory, { throwIfNoEntry: false }) !== undefined) return directory;
  // Under its name only when it is whole: a run that was interrupted leaves nothing to be mistaken for it.
  const unfinished = `${directory}.${process.pid}`;
  rmSync(unfinished, { recursive: true, force: true });
  try {
    await using universe = await openUniverse({ data: unfinished });
    await publishEvents(universe, events);
    await commitVersions(universe, versions);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  }
  renameSync(unfinished, directory);
  return directory;
}

/** All files below a directory. */
export function listFiles(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? listFiles(path) : entry.isFile() ? [path] : [];
  });
}

/** Bytes of all files below a directory. */
export function sizeOf(directory: string): number {
  return listFiles(directory).reduce((sum, path) => sum + statSync(path).size, 0);
}

async function publishEvents({ events }: Universe, count: number): Promise<void> {
  for (let first = 0; first < count; first += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - first);
    await Promise.all(
      Array.from({ length }, (_, index) =>
        events.publish('account.credited', { n: first + index, account: `account-${index % 997}`, cents: 100 + index }),
      ),
    );
  }
}

async function commitVersions({ states }: Universe, count: number): Promise<void> {
  const initial = Object.fromEntries(Array.from({ length: KEYS }, (_, key) => [`key${key}`, 0]));
  // The first version is the initial state.
  const store = await states.open(STORE, initial);
  for (let first = 1; first < count; first += VERSIONS_AT_ONCE) {
    const length = Math.min(VERSIONS_AT_ONCE, count - first);
    await Promise.all(
      Array.from({ length }, (_, index) =>
        store.commit(
          (draft) => {
            draft[`key${(first + index) % KEYS}`] = first + index;
          },
          `version ${first + index}`,
        ),
      ),
    );
  }
}

/** Tells modules apart: another one takes over the data when the directory is opened, which is not what is measured. */
function moduleDigest(): string {
  const root = dirname(createRequire(import.meta.url).resolve('@inner-universe/module/package.json'));
  const bundle = readFileSync(join(root, 'dist', 'bundle.js'));
  return createHash('sha256').update(bundle).digest('hex').slice(0, 12);
}
