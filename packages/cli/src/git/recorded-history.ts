import { ALL_ENTITIES, ALL_REFERENCES, ALL_VERSIONS, pages, type Universe } from 'inner-universe';
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
  const versions = new Map<string, RecordedVersion>();
  const parents = new Map<string, readonly string[]>();
  let completeSeq = 0n;
  const { client } = universe;
  for await (const page of pages((cursor) => client.read('readVersions', { ...ALL_VERSIONS, store: GIT_STORE, cursor }, options))) {
    for (const entry of page.versions) {
      const objectId = ids.tryObjectId(entry.version.versionId);
      if (objectId === undefined) continue;
      versions.set(objectId, {
        chainHash: entry.version.chainHash,
        dataHash: entry.version.dataHash,
        bytesSinceSnapshot: Number(entry.version.bytesSinceSnapshot),
      });
      if (entry.version.seq > completeSeq) completeSeq = entry.version.seq;
      parents.set(objectId, entry.parents.map((parent) => ids.tryObjectId(parent) ?? parent));
    }
  }
  const entityIds = new Set<string>();
  const branchHeads = new Map<string, string>();
  if (versions.size > 0) {
    for (const entityType of ['git.repository', 'git.author', 'git.file']) {
      for await (const page of pages((cursor) => client.read('readEntities', { ...ALL_ENTITIES, entityType, cursor }, options))) {
        for (const entity of page.entities) {
          // What came after the last complete commit belongs to one that was cut off: it is sent again, as it was.
          if (entity.createdSeq <= completeSeq && isOf(entity.id, ids)) entityIds.add(entity.id);
        }
      }
    }
    for await (const page of pages((cursor) => client.read('readBranches', { ...ALL_REFERENCES, store: GIT_STORE, cursor }, options))) {
      for (const branch of page.branches) {
        const head = ids.tryObjectId(branch.head);
        if (head !== undefined) branchHeads.set(branch.name, head);
      }
    }
  }
  return { repositoryName, versions, parents, entityIds, branchHeads };
}

function isOf(entityId: string, ids: SourceIds): boolean {
  return entityId === ids.repository() || entityId.startsWith(ids.prefix);
}

/**
 * The name under which this very repository was imported before, whatever its folder is called now: it has the commit
 * that the import began with. Undefined when it is none or more than one.
 */
async function findName(universe: Universe, repository: GitRepository, signal: AbortSignal | undefined): Promise<string | undefined> {
  const firstCommits = new Map<string, string>();
  const { client } = universe;
  for await (const page of pages((cursor) => client.read('readEntities', { ...ALL_ENTITIES, entityType: 'git.repository', cursor }, { signal }))) {
    for (const entity of page.entities) {
      const { firstCommit } = JSON.parse(entity.properties) as { firstCommit?: unknown };
      if (typeof firstCommit === 'string') firstCommits.set(entity.name, firstCommit);
    }
  }
  const here = await repository.present([...firstCommits.values()], signal);
  const names = [...firstCommits].filter(([, commit]) => here.has(commit)).map(([name]) => name);
  if (names.includes(repository.name)) return repository.name;
  return names.length === 1 ? names[0] : undefined;
}
