import type { Op } from '@inner-universe/module/wire';
import type { Universe } from 'inner-universe';
import { CliError } from '../errors.ts';
import { CommitOpsMaker, GIT_STORE, type CommitOps, type RecordedVersion } from './commit-ops.ts';
import { CommitTree } from './commit-tree.ts';
import type { Commit } from './log-parser.ts';
import type { GitRepository } from './repository.ts';
import { readRecorded, type RecordedHistory } from './recorded-history.ts';
import { RequestPlanner, type ImportRequest } from './request-plan.ts';
import { SourceIds } from './source-ids.ts';

/** Where an import stands. */
export interface ImportProgress {
  /** Commits that are durable, of this run. */
  readonly done: number;
  /** Commits this run will write. */
  readonly total: number;
  /** The next commit is too large for one request: how many of its requests are durable. */
  readonly part?: { readonly done: number; readonly total: number } | undefined;
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
}

/** What an import did. */
export interface ImportResult {
  readonly repository: string;
  readonly ref: string;
  /** The commit the ref names; undefined for a repository without commits. */
  readonly head: string | undefined;
  /** Commits written in this run. */
  readonly imported: number;
  /** Commits of this history that were there already. */
  readonly present: number;
  /** True when `limit` left some for a later run. */
  readonly incomplete: boolean;
}

/**
 * Imports the history of a git repository: for each commit, oldest first, an event, entities and relations, and a
 * version of its tree. Interrupted anywhere and run again, it ends with the same universe.
 * @throws {CliError} `git/history-changed` when commits that were imported have other parents now, `git/unknown-ref`,
 * and `cli/interrupted` when the signal aborts: what was acknowledged is there, and the next run goes on after it.
 */
export async function importGit(
  universe: Universe,
  repository: GitRepository,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const head = await repository.resolveRef(options.ref ?? 'HEAD', options.signal);
  const recorded = await readRecorded(universe, repository, options);
  const ids = new SourceIds(recorded.repositoryName);
  if (head === undefined) {
    return {
      repository: ids.repositoryName,
      ref: options.ref ?? 'HEAD',
      head: undefined,
      imported: 0,
      present: 0,
      incomplete: false,
    };
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

/**
 * One run: reads the log, makes ops, sends requests in order.
 * - One request is on its way at a time, while the next is being made: after one that is refused, nothing is sent, so
 *   what is there is always the beginning of what an uninterrupted run makes.
 * - A request goes through the client's queue as one write, alone and under its id; with an outbox it waits there for a
 *   server that is away, and is sent after a restart before anything is read.
 * - The tree of a commit is kept as long as commits are to come whose first parent it is.
 */
class ImportRun {
  readonly #parts: RunParts;
  readonly #maker: CommitOpsMaker;
  readonly #planner: RequestPlanner;
  readonly #versions: Map<string, RecordedVersion>;
  readonly #trees = new Map<string, CommitTree>();
  /** How many commits still to be made have a commit as their first parent. */
  readonly #treeUses = new Map<string, number>();
  /** The request on its way; never rejects. */
  #inFlight: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #done = 0;
  #total = 0;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#maker = new CommitOpsMaker(parts.ids);
    this.#planner = new RequestPlanner(parts.ids);
    for (const id of parts.recorded.entityIds) this.#maker.know(id);
    this.#versions = new Map(parts.recorded.versions);
  }

  async execute(head: { name: string; commit: string }): Promise<ImportResult> {
    const { options, ids } = this.#parts;
    try {
      const { missing, present } = await this.#survey(head.commit);
      this.#total = Math.min(missing, options.limit ?? missing);
      options.onProgress?.({ done: 0, total: this.#total });
      await this.#writeCommits(head.commit);
      const incomplete = this.#total < missing;
      if (!incomplete) await this.#moveBranch(head);
      return {
        repository: ids.repositoryName,
        ref: head.name,
        head: head.commit,
        imported: this.#done,
        present,
        incomplete,
      };
    } catch (error) {
      throw options.signal?.aborted === true ? this.#makeInterrupted(options.signal.reason) : error;
    }
  }

  async #writeCommits(head: string): Promise<void> {
    if (this.#total === 0) return;
    const { repository, options } = this.#parts;
    const except = await this.#presentHeads();
    let made = 0;
    for await (const commit of repository.log(head, except, options.signal)) {
      if (this.#versions.has(commit.id)) continue;
      for (const request of this.#planner.add(await this.#make(commit))) await this.#send(request);
      made += 1;
      if (made >= this.#total) break;
    }
    for (const request of this.#planner.finish()) await this.#send(request);
    await this.#settle();
  }

  /** Walks over all ids once: counts what is missing, and refuses a history that is not the one that was imported. */
  async #survey(head: string): Promise<{ missing: number; present: number }> {
    const { repository, recorded, options } = this.#parts;
    let missing = 0;
    let present = 0;
    for await (const { id, parents } of repository.parents(head, options.signal)) {
      const stored = recorded.parents.get(id);
      if (stored === undefined) {
        missing += 1;
        const [first] = parents;
        if (first !== undefined) this.#treeUses.set(first, (this.#treeUses.get(first) ?? 0) + 1);
      } else {
        present += 1;
        // A shallow clone of what was imported whole shows its boundary without parents: nothing has changed.
        const isBoundary = parents.length === 0;
        if (isBoundary || parents.join() === stored.join()) continue;
        throw makeHistoryChanged({ id, parents, stored, ids: this.#parts.ids, path: repository.path });
      }
    }
    return { missing, present };
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
    if (uses > 0) {
      this.#treeUses.set(commitId, uses);
    } else {
      this.#treeUses.delete(commitId);
      this.#trees.delete(commitId);
    }
  }

  #versionOf(commitId: string): RecordedVersion {
    const version = this.#versions.get(commitId);
    if (version === undefined)
      throw new CliError('git/unreadable-output', `git listed a child of ${commitId} before it.`);
    return version;
  }

  /** Sends a request once the one before it is durable; does not wait for its own answer. */
  async #send(request: ImportRequest): Promise<void> {
    await this.#settle();
    this.#inFlight = this.#apply(request.ops, request.requestId).then(
      () => this.#noteDurable(request),
      (error: unknown) => {
        this.#failure = { error };
      },
    );
  }

  /** Waits for the request that is on its way, and throws when it was refused. */
  async #settle(): Promise<void> {
    await this.#inFlight;
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#parts.options.signal?.throwIfAborted();
  }

  #noteDurable({ completes, part }: ImportRequest): void {
    this.#done += completes.length;
    const inside = part === undefined || completes.length > 0 ? undefined : { done: part.number, total: part.of };
    this.#parts.options.onProgress?.({ done: this.#done, total: this.#total, part: inside });
  }

  #apply(ops: readonly Op[], requestId: string | undefined): Promise<void> {
    const { universe, options } = this.#parts;
    return untilAborted(universe.client.write(ops, { requestId, signal: options.signal }), options.signal);
  }

  #makeInterrupted(cause: unknown): CliError {
    const done = `${this.#done} of ${this.#total} commits are imported`;
    return new CliError(
      'cli/interrupted',
      `Interrupted: ${this.#total === 0 ? 'nothing was imported yet' : done}. Run it again to go on.`,
      {
        details: { done: this.#done, total: this.#total },
        cause,
      },
    );
  }

  async #moveBranch(head: { name: string; commit: string }): Promise<void> {
    const { recorded, ids } = this.#parts;
    const name = ids.branch(head.name);
    const current = recorded.branchHeads.get(name);
    if (current === head.commit) return;
    await this.#apply(
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
      undefined,
    );
  }
}

/** The promise's outcome, or the signal's reason if that comes first: a lost server must not hold up Ctrl-C. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
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
    {
      details: { commit: found.id, recorded: found.stored, found: found.parents, repository: found.ids.repositoryName },
    },
  );
}
