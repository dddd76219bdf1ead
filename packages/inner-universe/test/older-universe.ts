import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/**
 * Unpacks a universe that the release of that schema left into an empty directory: 40 events of a shop, the entities ada,
 * bob and code, a relation, the store cart with the branch gift, the tag first, and the consumer billing. In schema 1
 * code is a secret without history and the store has 13 versions; in schema 2 the store is compacted, and the consumer has
 * two partitions, has handled 30 of the events, made an invoice of order 8 and parked order 7.
 */
export async function unpackOlderUniverse(directory: string, schema: 1 | 2 = 1): Promise<void> {
  const fixture = fileURLToPath(new URL(`fixtures/universe-schema-${schema}`, import.meta.url));
  const names = await readdir(fixture, { recursive: true, withFileTypes: true });
  for (const entry of names) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(directory, from.slice(fixture.length + 1).replace(/\.gz$/, ''));
    await mkdir(dirname(to), { recursive: true });
    if (entry.name.endsWith('.gz')) await writeFile(to, gunzipSync(await readFile(from)), { mode: 0o600 });
    else await cp(from, to);
  }
  // It had none yet, and what keeps this fixture keeps no empty folders.
  await mkdir(join(directory, 'databases', 'universe', 'snapshots'), { recursive: true });
}

/** The bundle of the module as it was built. */
export async function readModuleBundle(): Promise<string> {
  const root = dirname(createRequire(import.meta.url).resolve('@inner-universe/module/package.json'));
  return readFile(join(root, 'dist', 'bundle.js'), 'utf8');
}

/**
 * The bundle of a schema 4 that does not exist: its migration renames the source of events, `rowsAStep` a step, and
 * blocks publishing meanwhile. With 0 rows a step it never ends.
 */
export async function makeNewerBundle(rowsAStep: number): Promise<string> {
  return replace(await readModuleBundle(), [
    ['var CODE_VERSION = 3;', 'var CODE_VERSION = 4;'],
    [
      'var MIGRATIONS = [historyGaps, orderedRequests];',
      `var MIGRATIONS = [historyGaps, orderedRequests, { to: 4, name: 'rename-sources', description: 'Sources get a prefix.',
        blocks: ['publishEvent'], step(ctx, cursor) {
          let seq = cursor === '' ? 0n : BigInt(cursor), processed = 0;
          const last = readLogHead(ctx).nextSeq - 1n;
          for (; seq < last && processed < ${rowsAStep}; processed += 1) {
            seq += 1n;
            const [row] = ctx.db.eventLog.seq.filter(seq);
            if (row.kind === 'application') ctx.db.eventLog.eventId.update({ ...row, source: 'new:' + row.source });
          }
          return { cursor: seq.toString(), done: seq >= last, processed };
        } }];`,
    ],
  ]);
}

function replace(bundle: string, changes: readonly (readonly [string, string])[]): string {
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the bundle does not contain ${from}`);
    return text.replace(from, () => to);
  }, bundle);
}
