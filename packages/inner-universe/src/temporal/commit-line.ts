/*
 * The commits of one store on their way to the module. Invariants:
 * - they are sent in the order they were made, each on top of the one before it, without waiting for its answer;
 * - when one is refused, all behind it are refused as well (their parent is not there); then no more is sent until all
 *   have their answer, the head is read anew, and those that may be tried again are sent again, in the same order;
 * - a commit is settled once: recorded and shown, or refused and taken back.
 */
import { NervError, systemTimers, VersionConflictError } from '@inner-universe/nerv';
import type { StateTree } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import type { WriteOptions } from '../client/request-queue.ts';
import type { StatePair } from '../encryption/state-sealer.ts';
import { NervPersistenceError, refusalOf } from '../errors.ts';
import type { BranchFollower } from './branch-follower.ts';
import type { Answer } from './recovered-commits.ts';
import { pauseBefore, REBASES_MAX } from './rebase-pause.ts';
import type { CommitBase, StateCommit } from './state-commit.ts';
import type { VersionLink } from './version-log.ts';
import type { PreparedVersion } from './version-recorder.ts';

/** A commit that an earlier process sent. */
export interface ResumedCommit {
  readonly answer: Promise<Answer>;
  readonly onEnd: (failure: Answer) => void;
}

/** A state that a version can be made on. */
export interface ParentState extends StatePair {
  readonly versionId: string;
  readonly link: VersionLink;
}

/** What a line of commits works with. */
export interface CommitLineParts<S> {
  readonly client: ModuleClient;
  readonly store: string;
  readonly follower: BranchFollower<S>;
  /** Where a branch that is not checked out stands. */
  readonly headOf: (branch: string) => Promise<ParentState>;
  /** Seals a state and works out the version that is to be sent. */
  readonly prepare: (commit: StateCommit, parent: ParentState, open: StateTree) => Promise<ReadyVersion>;
  /** Resolves when a version is durable. */
  readonly send: (version: PreparedVersion, options: WriteOptions) => Promise<void>;
  /** Called when a version is durable. */
  readonly onRecorded: (version: ReadyVersion) => void;
}

/** A version ready to be sent, with its state. */
export interface ReadyVersion extends StatePair {
  readonly prepared: PreparedVersion;
}

/** One commit in the line. */
interface Entry {
  /** Those made earlier have a lower one. */
  readonly number: number;
  readonly commit: StateCommit;
  /** Called when it is in the queue of writes, or never will be. */
  readonly noteQueued: () => void;
  /** Resolves when it is recorded or refused. */
  readonly settled: Promise<void>;
  readonly resolve: (versionId: string) => void;
  readonly reject: (error: unknown) => void;
}

type EntryEnds = Pick<Entry, 'noteQueued' | 'resolve' | 'reject'>;

/** One that was sent. */
interface SentEntry extends Entry {
  readonly version: ReadyVersion;
  /** Whether it was sent by an earlier process: nobody knows when. */
  readonly isResumed: boolean;
  /** Resolves when it is settled, or will be sent again. */
  readonly done: Promise<void>;
}

/** So many wait for their turn or their answer. */
const COMMITS_MAX = 10_000;
/** So many are on their way at a time. */
const SENT_MAX = 1_000;

/** Sends commits, and sends them again where others came first. */
export class CommitLine<S> {
  readonly #parts: CommitLineParts<S>;
  /** In the order in which they were made. */
  readonly #commits = new Map<string, Entry>();
  #sent: SentEntry[] = [];
  /** Refused, and not dealt with yet; in order. */
  #refused: { readonly entry: SentEntry; readonly error: unknown }[] = [];
  #turns: Promise<unknown> = Promise.resolve();
  #made = 0;

  constructor(parts: CommitLineParts<S>) {
    this.#parts = parts;
  }

  /** The commits on their way, in the order they were made. */
  get commits(): readonly StateCommit[] {
    return [...this.#commits.values()].map(({ commit }) => commit);
  }

  /**
   * Takes a commit into the line, and shows it at once if it is optimistic; resolves with the version's id when it is
   * recorded and shown. Called off before its turn, it is taken out.
   * @throws `VersionConflictError`; what the change throws; what the module refuses; `client/queue-full`
   */
  add(commit: StateCommit, ending?: AbortSignal): Promise<string> {
    if (this.#commits.size >= COMMITS_MAX) return Promise.reject(makeFull(this.#parts.store));
    if (this.#commits.has(commit.id)) return Promise.reject(makeTwice(commit.id));
    return new Promise((resolve, reject) => {
      if (commit.parts.isOptimistic) this.#show(commit);
      const queued = makeSignal();
      this.#parts.client.holdSecured(queued.promise);
      const entry = this.#enter(commit, { noteQueued: queued.resolve, resolve, reject });
      const send = async (): Promise<void> => {
        ending?.throwIfAborted();
        await this.#send(entry);
      };
      this.#inTurn(send).catch((error: unknown) => this.#fail(entry, error));
    });
  }

  /**
   * Takes in a commit that was sent by an earlier process; it is shown at once. `onEnd` is told of the error that it
   * failed with, or of nothing.
   */
  resume(commit: StateCommit, version: ReadyVersion, { answer, onEnd }: ResumedCommit): void {
    const reject = (error: unknown): void => onEnd({ error });
    const entry = this.#enter(commit, { noteQueued: () => undefined, resolve: () => onEnd(undefined), reject });
    this.#parts.follower.seen.put(commit);
    this.#follow(entry, version, { answer, isResumed: true });
  }

  /** Runs what must not happen while commits are on their way: after those made before, before those made later. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#drain();
      return work();
    });
  }

  #enter(commit: StateCommit, { noteQueued, resolve, reject }: EntryEnds): Entry {
    this.#made += 1;
    const settled = makeSignal();
    const end = (): void => {
      noteQueued();
      settled.resolve();
    };
    const entry: Entry = {
      number: this.#made,
      commit,
      noteQueued,
      settled: settled.promise,
      resolve: (versionId) => {
        end();
        resolve(versionId);
      },
      reject: (error) => {
        end();
        reject(error);
      },
    };
    this.#commits.set(commit.id, entry);
    return entry;
  }

  /** Resolves when a commit is settled, and those are, too, that may have been made on a form of it that was refused. */
  async #ended({ settled }: Entry): Promise<void> {
    await settled;
    await Promise.all([...this.#commits.values()].map((other) => other.settled));
  }

  /** Makes a commit on what is shown; on a guess, if something of one's own is on its way that is not shown. */
  #show(commit: StateCommit): void {
    const { seen } = this.#parts.follower;
    const applied = new Set(seen.applied);
    const isGuess = [...this.#commits.keys()].some((id) => !applied.has(id));
    commit.make(seen.shown, isGuess);
    seen.put(commit);
  }

  async #send(entry: Entry): Promise<void> {
    const { branch, options } = entry.commit.parts;
    const last = this.#sent.at(-1);
    const isElsewhere = last !== undefined && last.commit.parts.branch !== branch;
    const isUnexpected = options.expectedHead !== undefined && options.expectedHead !== last?.commit.id;
    if (isElsewhere || isUnexpected || this.#sent.length >= SENT_MAX) await this.#drain();
    else if (this.#refused.length > 0) await this.#recover();
    await this.#dispatch(entry);
  }

  /** Waits until nothing is on its way. */
  async #drain(): Promise<void> {
    while (this.#sent.length > 0 || this.#refused.length > 0) {
      if (this.#refused.length > 0) await this.#recover();
      else await Promise.all(this.#sent.map(({ done }) => done));
    }
  }

  /** Sends one commit on top of the last one. What cannot be sent fails alone. */
  async #dispatch(entry: Entry): Promise<void> {
    const { commit } = entry;
    try {
      const parent = await this.#expectedParent(commit.parts.branch, commit.parts.options.expectedHead);
      const open = commit.fit(parent, this.#confirmed(parent));
      this.#start(entry, await this.#parts.prepare(commit, parent, open));
    } catch (error) {
      this.#fail(entry, error);
    }
  }

  #start(entry: Entry, version: ReadyVersion): void {
    const answer = this.#parts.send(version.prepared, { remaking: () => this.#ended(entry) }).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    entry.noteQueued();
    this.#follow(entry, version, { answer, isResumed: false });
  }

  #follow(
    entry: Entry,
    version: ReadyVersion,
    { answer, isResumed }: { readonly answer: Promise<Answer>; readonly isResumed: boolean },
  ): void {
    const { link } = version.prepared;
    const done = answer.then((failure) => this.#settle(sent, failure));
    const sent: SentEntry = { ...entry, version, isResumed, done };
    this.#sent.push(sent);
    this.#parts.follower.announce(link.id, {
      parents: link.parents,
      tree: version.tree,
      open: version.open,
      done: answer.then((failure) => failure === undefined),
    });
  }

  async #settle(sent: SentEntry, failure: Answer): Promise<void> {
    const { commit, version } = sent;
    const { follower, onRecorded } = this.#parts;
    if (failure !== undefined) {
      follower.forget(commit.id);
      this.#remove(sent);
      this.#refused.push({ entry: sent, error: failure.error });
      // Whoever has the next turn deals with it, if nobody is at it already.
      this.#inTurn(() => this.#recover()).catch((error: unknown) => this.#fail(sent, error));
      return;
    }
    onRecorded(version);
    try {
      if (sent.isResumed) await follower.refresh();
      await follower.settle(commit.parts.branch, commit.id, sent.isResumed);
    } catch (error) {
      // It is recorded, but what it stands on cannot be shown.
      this.#remove(sent);
      this.#fail(sent, error);
      return;
    }
    this.#remove(sent);
    this.#commits.delete(commit.id);
    this.#count('recorded');
    sent.resolve(commit.id);
  }

  /** Deals with what was refused: gives up, or sends again on the head there is now. */
  async #recover(): Promise<void> {
    while (this.#refused.length > 0) {
      // Those behind a refused one are refused as well; those before it are to be shown first.
      await Promise.all(this.#sent.map(({ done }) => done));
      const refused = this.#refused.sort((a, b) => a.entry.number - b.entry.number);
      this.#refused = [];
      const again: Entry[] = [];
      for (const { entry, error } of refused) {
        if (isLost(error, entry.isResumed)) again.push(entry);
        else this.#fail(entry, error);
      }
      if (again.length > 0) await this.#sendAgain(again, refused[0]?.error);
    }
  }

  async #sendAgain(entries: readonly Entry[], cause: unknown): Promise<void> {
    const { client, follower } = this.#parts;
    let losses = 0;
    for (const { commit } of entries) {
      commit.losses += 1;
      losses = Math.max(losses, commit.losses);
    }
    const ids = entries.map(({ commit }) => commit.id);
    client.telemetry.count('state.rebases', entries.length, { store: this.#parts.store });
    await pauseBefore(losses, ids[0] ?? '', client.timers ?? systemTimers);
    try {
      await follower.refresh(ids);
    } catch (error) {
      // Without the head there is nothing to build on: that is what every one of them is told.
      for (const entry of entries) this.#fail(entry, error);
      return;
    }
    for (const entry of entries) {
      const { commit } = entry;
      const parent = await this.#parent(commit.parts.branch);
      const mayGoOn = commit.parts.onConflict !== 'fail' && commit.losses <= REBASES_MAX;
      if (mayGoOn) await this.#dispatch(entry);
      else this.#fail(entry, commit.makeConflict(parent, this.#confirmed(parent), cause));
    }
  }

  /** As `#parent`, if it is the one that is expected; a head that was not followed so far is asked for. */
  async #expectedParent(branch: string, expectedHead: string | undefined): Promise<ParentState> {
    const parent = await this.#parent(branch);
    if (expectedHead === undefined || parent.versionId === expectedHead) return parent;
    await this.#parts.follower.refresh();
    const actual = await this.#parent(branch);
    if (actual.versionId === expectedHead) return actual;
    throw new VersionConflictError({ branch, expectedHead, actualHead: actual.versionId });
  }

  async #parent(branch: string): Promise<ParentState> {
    const last = this.#sent.at(-1);
    if (last !== undefined && last.commit.parts.branch === branch) {
      const { tree, open, prepared } = last.version;
      return { versionId: last.commit.id, tree, open, link: prepared.link };
    }
    return this.#parts.headOf(branch);
  }

  /** The last version of a branch that is known to be recorded. */
  #confirmed(parent: CommitBase): string {
    const isSent = this.#sent.some(({ commit }) => commit.id === parent.versionId);
    return isSent ? this.#parts.follower.head.versionId : parent.versionId;
  }

  #remove(sent: SentEntry): void {
    const index = this.#sent.findIndex(({ commit }) => commit === sent.commit);
    if (index >= 0) this.#sent.splice(index, 1);
  }

  #fail({ commit, reject }: Entry, error: unknown): void {
    if (!this.#commits.delete(commit.id)) return;
    this.#parts.follower.seen.takeBack(commit.id);
    this.#count(error instanceof VersionConflictError ? 'conflict' : 'refused');
    reject(error);
  }

  #count(outcome: string): void {
    this.#parts.client.telemetry.count('state.commits', 1, { store: this.#parts.store, outcome });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turns.then(work, work);
    this.#turns = result.catch(() => undefined);
    return result;
  }
}

function makeSignal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/**
 * Whether a version was refused because its parent is not the head, or was refused itself. One of an earlier process may
 * come after its parent was made anew: then it does not fit to that.
 */
function isLost(error: unknown, isResumed: boolean): boolean {
  if (error instanceof VersionConflictError) return true;
  const code = refusalOf(error)?.code;
  return code === 'state/unknown-parent' || (isResumed && code === 'state/bad-chain-hash');
}

function makeFull(store: string): NervPersistenceError {
  return new NervPersistenceError(
    'client/queue-full',
    `${COMMITS_MAX} commits to store '${store}' wait for their answer. Await what you commit before committing more.`,
    { details: { store, commits: COMMITS_MAX }, retryable: true },
  );
}

function makeTwice(versionId: string): NervError {
  return new NervError(
    'state/id-taken',
    `A version '${versionId}' is being committed already. Give each version its own id.`,
    { details: { versionId } },
  );
}
