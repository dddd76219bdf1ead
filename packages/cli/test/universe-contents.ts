import {
  ALL_ENTITIES,
  ALL_EVENTS,
  ALL_REFERENCES,
  ALL_RELATIONS,
  ALL_VERSIONS,
  openUniverse,
  pages,
  type Universe,
} from 'inner-universe';
import { expect } from 'vitest';
import { AUTHOR_STATISTICS_TYPE, STATISTICS_CONSUMER, STATISTICS_TYPE } from '../src/git/statistics.ts';

/** Columns that two runs of the same import may differ in: when the server took it, and who brought it. */
const ASIDE: readonly string[] = ['recordedAt', 'publisher'];
/** Tables that count connections, requests and the host's own work, not contents. */
const TABLES_ASIDE = new Set([
  'client_connection',
  'request',
  'event_feed',
  'job_cursor',
  'maintenance_timer',
  'rate_bucket',
]);

/** Everything a universe holds, by pages, without what may differ between two runs; every version's state verified. */
export async function readContents(universe: Universe): Promise<Record<string, unknown>> {
  const { client } = universe;
  const events: object[] = [];
  for (let afterSeq = 0n, more = true; more;) {
    const page = await client.read('readEvents', { ...ALL_EVENTS, afterSeq });
    // A system record is authored when it is recorded; the first names the owner.
    events.push(
      ...page.events.map((row) => comparable(row.kind === 'system' ? { ...row, authoredAt: undefined } : row)),
    );
    ({ lookedTo: afterSeq, more } = page);
  }
  const first = events[0] as { eventType: string; data?: string };
  if (first.eventType === 'SYSTEM_INITIALIZED') delete first.data;
  const counting = events.findIndex((event) => COUNTING.test(JSON.stringify(event)));
  const imported = counting === -1 ? events : events.slice(0, counting);
  const versions = await all(
    (cursor) => client.read('readVersions', { ...ALL_VERSIONS, cursor }),
    (page) => page.versions,
  );
  const states: Record<string, string> = {};
  for (const { version } of versions)
    states[version.versionId] = (await universe.states.load(version.versionId)).tree.hash;
  const history = { id: '', scope: '', throughSeq: 0n, limit: 0 };
  const branches = await all(
    (cursor) => client.read('readBranches', { ...ALL_REFERENCES, cursor }),
    (page) => page.branches,
  );
  const moves: unknown[] = [];
  for (const branch of branches) {
    const of = { store: branch.store, branch: branch.name, limit: 0 };
    moves.push(
      ...(await all(
        (cursor) => client.read('readBranchMoves', { ...of, cursor }),
        (page) => page.moves,
      )),
    );
  }
  const status = await client.read('readStatus', {});
  const read = {
    entities: await all(
      (cursor) => client.read('readEntities', { ...ALL_ENTITIES, cursor }),
      (page) => page.entities,
    ),
    relations: await all(
      (cursor) => client.read('readRelations', { ...ALL_RELATIONS, cursor }),
      (page) => page.relations,
    ),
    entityHistory: await all(
      (cursor) => client.read('readHistory', { ...history, of: 'entity', cursor }),
      (page) => page.entities,
    ),
    relationHistory: await all(
      (cursor) => client.read('readHistory', { ...history, of: 'relation', cursor }),
      (page) => page.relations,
    ),
    versions: versions.map(({ version, parents }) => ({ ...version, parents })),
    stores: await all(
      (cursor) => client.read('readStores', { scope: '', cursor, limit: 0 }),
      (page) => page.stores,
    ),
    tags: await all(
      (cursor) => client.read('readTags', { ...ALL_REFERENCES, cursor }),
      (page) => page.tags,
    ),
    branches,
    moves,
  };
  return {
    events: imported,
    states,
    ...Object.fromEntries(Object.entries(read).map(([name, rows]) => [name, rows.map(comparable).filter(isImported)])),
    statistics: read.entities
      .filter((row) => !isImported(row))
      .map(({ id, entityType, name, properties }) => ({ id, entityType, name, properties })),
    tables: status.tables.filter((table) => !TABLES_ASIDE.has(table.name)),
  };
}

/** What is counted is told in records of its own, which begin when the import is done; when, is not the import's. */
const COUNTING = new RegExp(`:statistics\\b|"${STATISTICS_CONSUMER}"`);

function isImported(row: object): boolean {
  const { entityType } = row as { entityType?: unknown };
  return entityType !== STATISTICS_TYPE && entityType !== AUTHOR_STATISTICS_TYPE;
}

/** Compares part by part and row by row, so that a failure shows the row. */
export function expectSameContents(found: Record<string, unknown>, expected: Record<string, unknown>): void {
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [part, value] of Object.entries(found)) {
    const [rows, wanted] = [value, expected[part]].map((each) => Object.entries(each as object));
    rows?.forEach((row, index) => expect(row, part).toEqual(wanted?.[index]));
    expect(rows?.length, part).toBe(wanted?.length);
  }
}

/** As `readContents`, of a data directory that nobody has open. */
export async function readDirectory(data: string): Promise<Record<string, unknown>> {
  const universe = await openUniverse({ data });
  try {
    return await readContents(universe);
  } finally {
    await universe.close();
  }
}

/** A row without the columns that may differ, its large integers as text. */
function comparable(row: unknown): object {
  const aside = isOfGraph(row) ? ASIDE : [...ASIDE, 'createdAt', 'updatedAt'];
  const text = JSON.stringify(row, (key, value: unknown) =>
    aside.includes(key) ? undefined : typeof value === 'bigint' ? `${value}n` : value,
  );
  return JSON.parse(text) as object;
}

/** Authors say when entities and relations were made and changed; of branches and stores the server does. */
function isOfGraph(row: unknown): boolean {
  return typeof row === 'object' && row !== null && ('entityType' in row || 'relationType' in row);
}

/** The rows of all pages. */
async function all<P extends { readonly cursor: string; readonly more: boolean }, R>(
  read: (cursor: string) => Promise<P>,
  rowsOf: (page: P) => readonly R[],
): Promise<R[]> {
  const found: R[] = [];
  for await (const page of pages(read)) found.push(...rowsOf(page));
  return found;
}
