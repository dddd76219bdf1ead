import type { BranchesPage, EntitiesPage, VersionsPage } from '@inner-universe/module/wire';
import { ALL_ENTITIES, ALL_REFERENCES, ALL_VERSIONS, pages, type Universe } from 'inner-universe';
import { CliError } from '../errors.ts';
import { GIT_STORE, type RecordedVersion } from './commit-ops.ts';
import type { GitRepository } from './repository.ts';
import { SourceIds } from './source-ids.ts';

/** What a universe already holds of a repository. Object ids, not version ids, are the keys. */
export interface RecordedHistory {
  readonly repositoryName: string;
  readonly versions: ReadonlyMap<string, RecordedVersion>;
  readonly parents: ReadonlyMap<string, readonly string[]>;
  /** Ids of the authors and files that complete commits brought. */
  readonly entityIds: ReadonlySet<string>;
  /** Branch name to the object id of its head. */
  readonly branchHeads: ReadonlyMap<string, string>;
}

/** Reads what was imported before. For a repository that never was, everything is empty. */
export async function readRecorded(
  universe: Universe,
  repository: GitRepository,
  options: { readonly name?: string | undefined; readonly signal?: AbortSignal | undefined },
): Promise<RecordedHistory> {
  const repositoryName = options.name ?? (await findName(universe, repository, options.signal)) ?? repository.name;
  const ids = new SourceIds(repositoryName);
  const { versions, parents, completeSeq } = await readVersions(universe, ids, options.signal);
  if (versions.size === 0) return { repositoryName, versions, parents, entityIds: new Set(), branchHeads: new Map() };
  const entityIds = await readEntityIds(universe, { ids, completeSeq, signal: options.signal });
  const branchHeads = await readBranchHeads(universe, ids, options.signal);
  return { repositoryName, versions, parents, entityIds, branchHeads };
}

async function readVersions(
  { client }: Universe,
  ids: SourceIds,
  signal: AbortSignal | undefined,
): Promise<Pick<RecordedHistory, 'versions' | 'parents'> & { readonly completeSeq: bigint }> {
  const versions = new Map<string, RecordedVersion>();
  const parents = new Map<string, readonly string[]>();
  let completeSeq = 0n;
  const read = (cursor: string): Promise<VersionsPage> =>
    client.read('readVersions', { ...ALL_VERSIONS, store: GIT_STORE, cursor }, { signal });
  for await (const page of pages(read)) {
    for (const entry of page.versions) {
      const { versionId, chainHash, dataHash, bytesSinceSnapshot, seq } = entry.version;
      const objectId = ids.tryObjectId(versionId);
      if (objectId === undefined) continue;
      versions.set(objectId, { chainHash, dataHash, bytesSinceSnapshot: Number(bytesSinceSnapshot) });
      parents.set(
        objectId,
        entry.parents.map((parent) => ids.tryObjectId(parent) ?? parent),
      );
      if (seq > completeSeq) completeSeq = seq;
    }
  }
  return { versions, parents, completeSeq };
}

/**
 * The authors and files that complete commits brought. All rows of a transaction carry one `seq`, and a version is in
 * the last request of its commits: what came after the last version belongs to a large commit that was cut off. That
 * is sent again as it was, so that it is cut as it was.
 */
async function readEntityIds(
  { client }: Universe,
  { ids, completeSeq, signal }: { ids: SourceIds; completeSeq: bigint; signal: AbortSignal | undefined },
): Promise<ReadonlySet<string>> {
  const entityIds = new Set<string>();
  for (const entityType of ['git.repository', 'git.author', 'git.file']) {
    const read = (cursor: string): Promise<EntitiesPage> =>
      client.read('readEntities', { ...ALL_ENTITIES, entityType, cursor }, { signal });
    for await (const page of pages(read)) {
      for (const entity of page.entities) {
        if (entity.createdSeq <= completeSeq && isOf(entity.id, ids)) entityIds.add(entity.id);
      }
    }
  }
  return entityIds;
}

async function readBranchHeads(
  { client }: Universe,
  ids: SourceIds,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string>> {
  const branchHeads = new Map<string, string>();
  const read = (cursor: string): Promise<BranchesPage> =>
    client.read('readBranches', { ...ALL_REFERENCES, store: GIT_STORE, cursor }, { signal });
  for await (const page of pages(read)) {
    for (const branch of page.branches) {
      const head = ids.tryObjectId(branch.head);
      if (head !== undefined) branchHeads.set(branch.name, head);
    }
  }
  return branchHeads;
}

function isOf(entityId: string, ids: SourceIds): boolean {
  return entityId === ids.repository() || entityId.startsWith(ids.prefix);
}

/**
 * The name under which this very repository was imported before, whatever its folder is called now: it has the commit
 * that the import began with. Undefined when it never was.
 * @throws {CliError} `cli/usage` when it was imported under several names, none of them its folder's.
 */
async function findName(
  universe: Universe,
  repository: GitRepository,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const firstCommits = await readFirstCommits(universe, signal);
  const here = await repository.present([...firstCommits.values()], signal);
  const names = [...firstCommits].filter(([, commit]) => here.has(commit)).map(([name]) => name);
  if (names.includes(repository.name)) return repository.name;
  if (names.length > 1) {
    throw new CliError(
      'cli/usage',
      `'${repository.path}' was imported under several names: ${names.join(', ')}. Say which with --name.`,
      {
        details: { repository: repository.path, names },
      },
    );
  }
  return names[0];
}

/** The names of all imported repositories, each with the first commit of its import. */
async function readFirstCommits(
  { client }: Universe,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, string>> {
  const firstCommits = new Map<string, string>();
  const read = (cursor: string): Promise<EntitiesPage> =>
    client.read('readEntities', { ...ALL_ENTITIES, entityType: 'git.repository', cursor }, { signal });
  for await (const page of pages(read)) {
    for (const entity of page.entities) {
      const firstCommit = tryReadFirstCommit(entity.properties);
      if (firstCommit !== undefined && entity.id === `git:${entity.name}`) firstCommits.set(entity.name, firstCommit);
    }
  }
  return firstCommits;
}

/** Anybody may make an entity of this type; only the text that an import wrote says which commit came first. */
function tryReadFirstCommit(properties: string): string | undefined {
  return /"firstCommit":"([0-9a-f]+)"/.exec(properties)?.[1];
}
