/*
 * What is counted of imported commits. Invariants:
 * - It follows the log as a durable consumer: each record of recorded versions is counted once, in the transaction that
 *   moves the consumer past it, whoever is killed when.
 * - Nobody else writes these entities, and one worker at a time does: what it reads is what it wrote last.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { MAX_READ_IDS, type EntityRow, type RelationRow } from '@inner-universe/module/wire';
import {
  ALL_ENTITIES,
  ALL_RELATIONS,
  pages,
  type Consumer,
  type ConsumerTransaction,
  type InnerUniverseClient,
  type Universe,
} from 'inner-universe';
import { GIT_STORE } from './commit-ops.ts';

/** The consumer that counts. */
export const STATISTICS_CONSUMER = 'git-statistics';
/** Type of the entity that holds the sums of a repository, `git:<repository>:statistics`. */
export const STATISTICS_TYPE = 'git.statistics';
/** Type of the entities that hold those of an author in a repository. */
export const AUTHOR_STATISTICS_TYPE = 'git.author.statistics';

/** The module's own record of the versions of one transaction: one for each request of an import. */
const RECORD_TYPE = 'STATE_VERSION_COMMITTED';
const POLL_MS = 20;

/** Sums of a repository. */
export interface RepositoryStatistics {
  readonly repository: string;
  readonly commits: number;
  readonly authors: number;
  /** When the newest commit was authored, ISO 8601. */
  readonly lastAuthoredAt: string;
}

/** A consumer that counts what imports bring. The caller closes it. */
export class StatisticsFollower {
  readonly #consumer: Consumer;
  /** Rejects with what ends counting; resolves when it is closed. */
  readonly ended: Promise<void>;
  #failure: { readonly error: unknown } | undefined;

  private constructor(consumer: Consumer, running: Promise<void>) {
    this.#consumer = consumer;
    this.ended = running;
    running.catch((error: unknown) => void (this.#failure = { error }));
  }

  /** Begins to count; undefined where this identity may not consume the records of imports: then the owner does. */
  static async start({ consumers, client }: Universe): Promise<StatisticsFollower | undefined> {
    let consumer: Consumer;
    try {
      consumer = await consumers.open(STATISTICS_CONSUMER, {
        pattern: RECORD_TYPE,
        kind: 'system',
        startAt: 'beginning',
        holder: 'inner-universe',
        // What was trimmed is counted no more; it was there to be counted before.
        onTrimmed: 'skip',
      });
    } catch (error) {
      if ((error as { code?: unknown }).code === 'permission/denied') return undefined;
      throw error;
    }
    const running = consumer.run((event, transaction) => count(client, idsOf(event.data), transaction));
    return new StatisticsFollower(consumer, running);
  }

  /** Resolves when all that is in the log now is counted. @throws what ended counting; the signal's reason */
  async caughtUp(signal?: AbortSignal): Promise<void> {
    while (this.#failure === undefined && (await this.#consumer.lag()) > 0) await pause(POLL_MS, undefined, { signal });
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Finishes what is being counted, and ends. */
  async close(): Promise<void> {
    await this.#consumer.close();
  }
}

/** The sums of all imported repositories. */
export async function readStatistics({ client }: Universe): Promise<readonly RepositoryStatistics[]> {
  const found: RepositoryStatistics[] = [];
  const query = { ...ALL_ENTITIES, entityType: STATISTICS_TYPE };
  for await (const page of pages((cursor) => client.read('readEntities', { ...query, cursor }))) {
    for (const row of page.entities) found.push({ repository: row.name, ...sumsOf(row) });
  }
  return found;
}

/** Adds the commits of one record to the sums of their repositories and authors. */
async function count(
  client: InnerUniverseClient,
  versionIds: readonly string[],
  { graph }: ConsumerTransaction,
): Promise<void> {
  const authored = await readAuthored(client, versionIds);
  const perAuthor = new Map<string, RelationRow[]>();
  for (const relation of authored) {
    const { fromId } = relation;
    perAuthor.set(fromId, [...(perAuthor.get(fromId) ?? []), relation]);
  }
  const authors = [...perAuthor].map(([authorId, commits]) => ({ authorId, commits, ...placeOf(authorId) }));
  const known = await readKnown(client, [
    ...authors.flatMap(({ id, repositoryId }) => [id, repositoryId]),
    ...perAuthor.keys(),
  ]);
  const perRepository = new Map<string, { name: string; commits: number; authors: number; last: string }>();
  for (const { authorId, id, repositoryId, repository, commits } of authors) {
    const before = known.get(id);
    const last = latest(commits.map((relation) => timeOf(relation.createdAt)));
    const sums = perRepository.get(repositoryId) ?? { name: repository, commits: 0, authors: 0, last: '' };
    perRepository.set(repositoryId, {
      name: repository,
      commits: sums.commits + commits.length,
      authors: sums.authors + (before === undefined ? 1 : 0),
      last: latest([sums.last, last]),
    });
    const own = sumsOf(before);
    graph.upsertEntity(AUTHOR_STATISTICS_TYPE, {
      id,
      name: known.get(authorId)?.name ?? '',
      properties: {
        author: authorId,
        repository,
        commits: own.commits + commits.length,
        lastAuthoredAt: latest([own.lastAuthoredAt, last]),
      },
    });
  }
  for (const [id, { name, commits, authors: newAuthors, last }] of perRepository) {
    const own = sumsOf(known.get(id));
    graph.upsertEntity(STATISTICS_TYPE, {
      id,
      name,
      properties: {
        commits: own.commits + commits,
        authors: own.authors + newAuthors,
        lastAuthoredAt: latest([own.lastAuthoredAt, last]),
      },
    });
  }
}

/** Who authored the commits among the versions: small rows, whatever the size of the commits. */
async function readAuthored(
  client: InnerUniverseClient,
  versionIds: readonly string[],
): Promise<readonly RelationRow[]> {
  const ids = versionIds.flatMap((id) => {
    const [, prefix, objectId] = COMMIT_ID.exec(id) ?? [];
    return prefix === undefined || objectId === undefined ? [] : [`${prefix}authored:${objectId}`];
  });
  const found: RelationRow[] = [];
  for (const part of cutIds(ids)) {
    const query = { ...ALL_RELATIONS, ids: part };
    for await (const page of pages((cursor) => client.read('readRelations', { ...query, cursor })))
      found.push(...page.relations);
  }
  return found;
}

async function readKnown(client: InnerUniverseClient, ids: readonly string[]): Promise<ReadonlyMap<string, EntityRow>> {
  const known = new Map<string, EntityRow>();
  for (const part of cutIds([...new Set(ids)])) {
    const query = { ...ALL_ENTITIES, ids: part };
    for await (const page of pages((cursor) => client.read('readEntities', { ...query, cursor })))
      for (const row of page.entities) known.set(row.id, row);
  }
  return known;
}

const COMMIT_ID = /^(git:[^:]+:)([0-9a-f]{40}|[0-9a-f]{64})$/;

/** Where an author's sums are kept, and those of the repository. An id may be as long as ids can be: its digest is not. */
function placeOf(authorId: string): {
  readonly id: string;
  readonly repositoryId: string;
  readonly repository: string;
} {
  const [, repository = ''] = /^git:([^:]+):/.exec(authorId) ?? [];
  const repositoryId = `git:${repository}:statistics`;
  const digest = createHash('sha256').update(authorId).digest('hex').slice(0, 32);
  return { id: `${repositoryId}:${digest}`, repositoryId, repository };
}

/** What an entity of statistics says; zeros where it is not there yet. */
function sumsOf(row: EntityRow | undefined): Omit<RepositoryStatistics, 'repository'> {
  const { commits, authors, lastAuthoredAt } = JSON.parse(row?.properties ?? '{}') as Readonly<Record<string, unknown>>; // an object, by its column
  return {
    commits: typeof commits === 'number' ? commits : 0,
    authors: typeof authors === 'number' ? authors : 0,
    lastAuthoredAt: typeof lastAuthoredAt === 'string' ? lastAuthoredAt : '',
  };
}

/** The ids that a record lists, of versions of the store of imports; no others are named as these are. */
function idsOf(data: unknown): readonly string[] {
  const { ids, items } = { ...(data as { ids?: unknown; items?: unknown } | null) };
  if (!Array.isArray(ids)) return [];
  const stores = Array.isArray(items) ? (items as readonly { readonly store?: unknown }[]) : [];
  return ids.filter((id, index): id is string => typeof id === 'string' && stores[index]?.store === GIT_STORE);
}

function latest(times: readonly string[]): string {
  // Years beyond 9999 do not sort as text.
  return times.reduce((left, right) => (right === '' || Date.parse(left) > Date.parse(right) ? left : right), '');
}

/** ISO 8601 in UTC; the calendar's last moment for what is beyond it. */
function timeOf({ __timestamp_micros_since_unix_epoch__: micros }: RelationRow['createdAt']): string {
  return new Date(Number(micros / 1_000n)).toISOString();
}

function* cutIds(ids: readonly string[]): Generator<readonly string[], void> {
  for (let start = 0; start < ids.length; start += MAX_READ_IDS) yield ids.slice(start, start + MAX_READ_IDS);
}
