import { NervError } from '@inner-universe/nerv';
import type { StateTree } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import { ConnectionError } from '../errors.ts';
import type { BranchFollower } from './branch-follower.ts';
import type { CommitLine, ReadyVersion } from './commit-line.ts';
import type { HeadCopy } from './head-copy.ts';
import type { Answer, RecoveredCommits } from './recovered-commits.ts';
import { resumeCommits, type ResumableCommit } from './resumed-commits.ts';
import type { StateCommit } from './state-commit.ts';
import type { SealedStates } from './sealed-states.ts';
import type { BranchHead, VersionLog } from './version-log.ts';
import type { VersionReader } from './version-reader.ts';

/** What a store is checked out with. */
export interface StoreOpeningParts<S> {
  readonly client: ModuleClient;
  readonly store: string;
  readonly reader: VersionReader;
  readonly log: VersionLog;
  readonly sealed: SealedStates;
  readonly follower: BranchFollower<S>;
  readonly line: CommitLine<S>;
  readonly copy: HeadCopy | undefined;
  readonly recovered: RecoveredCommits | undefined;
  readonly onError: (error: unknown) => void;
  readonly treeOf: (versionId: string) => Promise<StateTree>;
  readonly isRecorded: (versionId: string) => Promise<boolean>;
  /** Makes the branch where the store has no version at all. */
  readonly createRoot: (branch: string) => Promise<BranchHead>;
}

/** Gives a store what it shows first: a head, and the commits of an earlier process over it. */
export class StoreOpening<S> {
  readonly #parts: StoreOpeningParts<S>;
  /** States that commits of an earlier process leave: others of them were made on these. */
  readonly #made = new Map<string, ReadyVersion>();
  #stopWaiting: (() => void) | undefined;

  constructor(parts: StoreOpeningParts<S>) {
    this.#parts = parts;
  }

  /** Checks out the head there is; while the server is away, the one that was kept here. */
  async checkOut(branch: string): Promise<void> {
    const { client, follower, log, copy, createRoot } = this.#parts;
    if (client.state !== 'connected' && (await this.#adoptKept(branch))) return;
    try {
      await follower.checkOut(branch, async () => (await log.tryHead(branch)) ?? createRoot(branch));
      // A head is kept with what its children are made with, so that they can be made without the server.
      if (copy !== undefined) await log.link(follower.head.versionId);
    } catch (error) {
      if (!(error instanceof ConnectionError) || !(await this.#adoptKept(branch))) throw error;
    }
  }

  /**
   * Shows the commits of an earlier process that are not recorded yet, and goes on with them; with those that were made
   * on what is not known here, when the server is there.
   */
  async resume(branch: string): Promise<void> {
    const { client, store, recovered, follower, sealed, log, line, onError, treeOf } = this.#parts;
    if (recovered === undefined) return;
    const source = {
      head: () => follower.head,
      open: (tree: StateTree) => sealed.open(tree),
      treeOf: (id: string) => (client.state === 'connected' ? ifThere(treeOf(id)) : undefined),
      linkOf: (id: string) => log.tryKeptLink(id),
    };
    const taken = recovered.take(store, branch);
    const { commits, later } = await resumeCommits(taken, source, this.#made).catch((error: unknown) => {
      // The server went away meanwhile.
      if (error instanceof ConnectionError) return { commits: new Map<string, ResumableCommit>(), later: taken };
      throw error;
    });
    // All at once: one that has its answer already is dealt with only when those behind it are known.
    for (const { commit, version, answer } of commits.values()) {
      const onEnd = (failure: Answer): void => void this.#endResumed(commit, failure).catch(onError);
      line.resume(commit, version, { answer, onEnd });
    }
    if (later.length === 0) return;
    for (const { putBack } of later) putBack();
    this.#resumeWhenConnected(branch);
  }

  /** Waits for the server no more. */
  close(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
  }

  #resumeWhenConnected(branch: string): void {
    const { client, follower, onError } = this.#parts;
    this.close();
    const look = (): void => {
      if (client.state !== 'connected') return;
      this.close();
      // Those of a branch that is not checked out any more are resumed when it is again.
      if (follower.head.branch === branch) this.resume(branch).catch(onError);
    };
    this.#stopWaiting = client.onState(look);
    look();
  }

  /** What was made anew may have been recorded by the earlier process, which was killed before it heard of it. */
  async #endResumed({ id }: StateCommit, failure: Answer): Promise<void> {
    const { recovered, onError, isRecorded } = this.#parts;
    if (failure === undefined || (await isRecorded(id))) {
      await recovered?.forget(id);
      return;
    }
    await recovered?.giveUp(id, failure.error);
    onError(failure.error);
  }

  async #adoptKept(branch: string): Promise<boolean> {
    const { copy, log, reader, follower, sealed, store } = this.#parts;
    const kept = await copy?.tryRead(branch);
    if (kept === undefined) return false;
    const { versionId, seq, tree, link } = kept;
    log.keepLink(link);
    reader.adopt({ versionId, store, tree });
    follower.adopt({ branch, versionId, seq, tree, open: await sealed.open(tree) });
    return true;
  }
}

/** Undefined for a version that is not there. */
async function ifThere(reading: Promise<StateTree>): Promise<StateTree | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof NervError && NOT_THERE.has(error.code)) return undefined;
    throw error;
  }
}

const NOT_THERE: ReadonlySet<string> = new Set(['state/version-not-found', 'state/version-compacted']);
