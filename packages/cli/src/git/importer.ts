import type { Universe } from 'inner-universe';
import { CliError } from '../errors.ts';
import { CommitOpsMaker, GIT_STORE, type CommitOps, type RecordedVersion } from './commit-ops.ts';
import { CommitTree } from './commit-tree.ts';
import type { Commit } from './log-parser.ts';
import type { GitRepository } from './repository.ts';
import { readRecorded, type RecordedHistory } from './recorded-history.ts';
import { RequestPlanner, type ImportRequest } from './request-plan.ts';
import { SourceIds } from './source-ids.ts';

/** Requests on their way at a time: enough to keep the other side busy while the next are made. */
const REQUESTS_IN_FLIGHT = 4;

/** Where an import stands. */
export interface ImportProgress {
  /** Commits that are durable, of this run. */
  readonly done: number;
  /** Commits this run will write. */
  readonly total: number;
}

export interface ImportOptions {
  /** Default `HEAD`. */
  readonly ref?: string | undefined;
  /** The most commits to write in this run; a later run goes on from there. */
  readonly limit?: number | undefined;
  /** The repository's name inside ids; default: its recorded one, else its folder's. */
  readonly name?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
  /** Told how long each part took, in milliseconds; for the benchmark. */
  readonly onTiming?: ((part: ImportPart, elapsedMs: number) => void) | undefined;
  readonly nowMs?: (() => number) | undefined;
}

/** Parts of an import whose time the benchmark tells apart. */
export type ImportPart = 'git' | 'nerv' | 'write';

/** What an import did. */
export interface ImportResult {
  readonly repository: string;
  readonly ref: string;
  /** The commit the ref names; undefined for a repository without commits. */
  readonly head: string | undefined;
  /** Commits written in this run. */
  readonly imported: number;
  /** Commits that were there already. */
  readonly present: number;
  /** True when `limit` left some for a later run. */
  readonly incomplete: boolean;
}

/**
 * Imports the history of a git repository: for each commit, oldest first, an event, entities and relations, and a
 * version of its tree. Interrupted anywhere and run again, it ends with the same universe.
 * @throws {CliError} `git/history-changed` when commits that were imported have other parents now.
 */
export async function importGit(universe: Universe, repository: GitRepository, options: ImportOptions = {}): Promise<ImportResult> {
  const head = await repository.resolveRef(options.ref ?? 'HEAD', options.signal);
  const recorded = await readRecorded(universe, repository, options);
  const ids = new SourceIds(recorded.repositoryName);
  if (head === undefined) {
    return { repository: ids.repositoryName, ref: options.ref ?? 'HEAD', head: undefined, imported: 0, present: 0, incomplete: false };
  }
  const run = new ImportRun({ universe, repository, recorded, ids, options });
  return run.execute(head);
}

interface RunParts {
  readonly universe: Universe;
  readonly repository: GitRepository;
  readonly recorded: RecordedHistory;
  readonly ids: SourceIds;
  readonly options: ImportOptions;
}

/** One run: reads the log, makes ops, sends requests in order. */
class ImportRun {
  readonly #parts: RunParts;
  readonly #maker: CommitOpsMaker;
  readonly #planner: RequestPlanner;
  readonly #versions = new Map<string, RecordedVersion>();
  readonly #trees = new Map<string, CommitTree>();
  /** How many commits still to be made have a commit as their first parent: its tree is kept that long. */
  readonly #treeUses = new Map<string, number>();
  readonly #inFlight: Promise<void>[] = [];
  #failure: unknown;
  #done = 0;
  #total = 0;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#maker = new CommitOpsMaker(parts.ids);
    this.#planner = new RequestPlanner(parts.ids);
    for (const id of parts.recorded.entityIds) this.#maker.know(id);
    for (const [objectId, version] of parts.recorded.versions) this.#versions.set(objectId, version);
  }

  async execute(head: { name: string; commit: string }): Promise<ImportResult> {
    const { repository, recorded, options, ids } = this.#parts;
    const missing = await this.#survey(head.commit);
    this.#total = Math.min(missing, options.limit ?? missing);
    options.onProgress?.({ done: 0, total: this.#total });
    const except = await this.#presentHeads();
    let made = 0;
    const present = recorded.versions.size;
    for await (const commit of this.#timed('git', repository.log(head.commit, except, options.signal))) {
      if (made >= this.#total) break;
      if (this.#versions.has(commit.id)) continue;
      for (const request of this.#planner.add(await this.#measure('nerv', () => this.#make(commit)))) await this.#submit(request);
      made += 1;
    }
    for (const request of this.#planner.finish()) await this.#submit(request);
    await this.#settle();
    const incomplete = made < missing;
    if (!incomplete) await this.#moveBranch(head);
    return { repository: ids.repositoryName, ref: head.name, head: head.commit, imported: made, present, incomplete };
  }

  /** Walks over all ids once: counts what is missing, and refuses a history that is not the one that was imported. */
  async #survey(head: string): Promise<number> {
    const { repository, recorded, options } = this.#parts;
    let missing = 0;
    for await (const { id, parents } of repository.parents(head, options.signal)) {
      const stored = recorded.parents.get(id);
      if (stored === undefined) {
        missing += 1;
        const [first] = parents;
        if (first !== undefined) this.#treeUses.set(first, (this.#treeUses.get(first) ?? 0) + 1);
      } else if (parents.length > 0 && parents.join() !== stored.join()) {
        throw makeHistoryChanged({ id, parents, stored, ids: this.#parts.ids, path: repository.path });
      }
    }
    return missing;
  }

  /** Imported branch heads that this repository has: everything behind them is imported, so git need not list it. */
  async #presentHeads(): Promise<readonly string[]> {
    const { repository, recorded, options } = this.#parts;
    return [...(await repository.present([...recorded.branchHeads.values()], options.signal))];
  }

  async #make(commit: Commit): Promise<CommitOps> {
    const [first] = commit.parents;
    const base = first === undefined ? CommitTree.empty() : await this.#treeOf(first);
    const { tree, delta } = base.apply(commit.files);
    const made = this.#maker.make({ commit, tree, delta, parents: commit.parents.map((id) => this.#versionOf(id)) });
    this.#versions.set(commit.id, made.version);
    if ((this.#treeUses.get(commit.id) ?? 0) > 0) this.#trees.set(commit.id, tree);
    if (first !== undefined) this.#releaseTree(first);
    return made;
  }

  async #treeOf(commitId: string): Promise<CommitTree> {
    const held = this.#trees.get(commitId);
    if (held !== undefined) return held;
    const { repository, options } = this.#parts;
    const tree = await CommitTree.read(repository.tree(commitId, options.signal));
    const expected = this.#versionOf(commitId).dataHash;
    if (tree.hash !== expected) {
      throw new CliError(
        'git/history-changed',
        `Commit ${commitId} was imported with the tree ${expected}, but git now shows ${tree.hash}. ` +
          'The universe or the repository is damaged; check both before importing more.',
        { details: { commit: commitId, recorded: expected, found: tree.hash } },
      );
    }
    this.#trees.set(commitId, tree);
    return tree;
  }

  #releaseTree(commitId: string): void {
    const uses = (this.#treeUses.get(commitId) ?? 1) - 1;
    this.#treeUses.set(commitId, uses);
    if (uses <= 0) this.#trees.delete(commitId);
  }

  #versionOf(commitId: string): RecordedVersion {
    const version = this.#versions.get(commitId);
    if (version === undefined) throw new CliError('git/unreadable-output', `git listed a child of ${commitId} before it.`);
    return version;
  }

  async #submit(request: ImportRequest): Promise<void> {
    if (this.#inFlight.length >= REQUESTS_IN_FLIGHT) await this.#measure('write', async () => this.#inFlight.shift());
    this.#throwIfFailed();
    const { universe, options } = this.#parts;
    const sent = universe.client.apply(request.ops, { requestId: request.requestId, signal: options.signal }).then(
      () => {
        this.#done += request.completes.length;
        options.onProgress?.({ done: this.#done, total: this.#total });
      },
      (error: unknown) => {
        this.#failure ??= error;
      },
    );
    this.#inFlight.push(sent);
  }

  async #settle(): Promise<void> {
    await this.#measure('write', () => Promise.all(this.#inFlight.splice(0)));
    this.#throwIfFailed();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #moveBranch(head: { name: string; commit: string }): Promise<void> {
    const { universe, recorded, ids, options } = this.#parts;
    const name = ids.branch(head.name);
    const current = recorded.branchHeads.get(name);
    if (current === head.commit) return;
    await universe.client.apply(
      [
        {
          tag: 'moveBranch',
          value: {
            store: GIT_STORE,
            name,
            expectedHead: current === undefined ? undefined : ids.commit(current),
            head: ids.commit(head.commit),
          },
        },
      ],
      { requestId: ids.refRequest(head.commit, head.name), signal: options.signal },
    );
  }

  async #measure<T>(part: ImportPart, work: () => Promise<T>): Promise<T> {
    const { onTiming, nowMs } = this.#parts.options;
    if (onTiming === undefined || nowMs === undefined) return work();
    const start = nowMs();
    try {
      return await work();
    } finally {
      onTiming(part, nowMs() - start);
    }
  }

  async *#timed<T>(part: ImportPart, items: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    const iterator = items[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#measure(part, () => iterator.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
}

function makeHistoryChanged(found: {
  readonly id: string;
  readonly parents: readonly string[];
  readonly stored: readonly string[];
  readonly ids: SourceIds;
  readonly path: string;
}): CliError {
  const deepened = found.stored.length === 0;
  return new CliError(
    'git/history-changed',
    deepened
      ? `'${found.path}' was a shallow clone when it was imported and has been deepened since: commit ${found.id} was recorded ` +
          `without parents and now has ${found.parents.length}. Versions never change, so nothing was written. Import the ` +
          `deeper history under a name of its own (--name ${found.ids.repositoryName}-full) or into a new data directory.`
      : `Commit ${found.id} was recorded with other parents than git shows now (a graft or replacement changed). ` +
          'Nothing was written. Undo the replacement, or import under another --name.',
    { details: { commit: found.id, recorded: found.stored, found: found.parents, repository: found.ids.repositoryName } },
  );
}
