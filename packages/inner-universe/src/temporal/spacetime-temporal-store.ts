/*
 * A state store over the module. Invariants:
 * - Writes of one store are sent in the order they were made, each against the head the one before it made.
 * - A write that was refused has changed nothing, here or there; after a conflict the head here is the real one, so
 *   that trying again may succeed.
 * - A version that was made here is known here: it is not fetched back.
 * - What is called off while it waits for its turn is not begun; later, its caller alone is let go, and it goes on.
 */
import type { Op } from '@inner-universe/module/wire';
import { NervError, VersionConflictError } from '@inner-universe/nerv';
import {
  StateTree,
  type AtOptions,
  type BranchInfo,
  type Change,
  type CompactionOptions,
  type CompactionReport,
  type DeepReadonly,
  type Drafted,
  type JsonPatch,
  type LogFilter,
  type MergePlan,
  type MergeResult,
  type StateChange,
  type StatePath,
  type StoreSubscription,
  type Tag,
  type TemporalStore,
  type VerifyResult,
  type Version,
  type VersionReference,
} from '@inner-universe/nerv/temporal';
import type { WriteOptions } from '../client/request-queue.ts';
import type { CallOptions } from '../connection/connection.ts';
import { makeCallRunner, type CallRunner } from '../connection/run-within.ts';
import { refusalOf } from '../errors.ts';
import { BranchFollower } from './branch-follower.ts';
import { CommitLine, type ParentState, type ReadyVersion } from './commit-line.ts';
import { findBlame } from './blame.ts';
import { findVersions, type HistorySource } from './history-questions.ts';
import { HeadCopy } from './head-copy.ts';
import { SealedStates } from './sealed-states.ts';
import { show } from './seen-state.ts';
import { SnapshotRule } from './snapshot-rule.ts';
import { StateCommit, type SharedCommitOptions } from './state-commit.ts';
import { asStateError } from './state-refusals.ts';
import { StoreCompaction } from './store-compaction.ts';
import { StoreMerging } from './store-merging.ts';
import { StoreOpening } from './store-opening.ts';
import type { PendingCommit, SharedMergeOptions, TemporalStoreOptions, TemporalStoreParts } from './store-options.ts';
import { checkCommitOptions } from './store-options.ts';
import { StoreReferences } from './store-references.ts';
import { verifyStore } from './verify-history.ts';
import { VersionLog, type BranchHead } from './version-log.ts';
import { checkId, prepareVersion, type Recording } from './version-recorder.ts';

/** Work whose signal aborts when nobody waits for it any more. */
type Work<T> = (signal: AbortSignal | undefined) => Promise<T>;

/** What is checked out of a store before its head is known. */
const NOTHING: StateTree = StateTree.from<unknown>(null);

/** A `TemporalStore` whose versions live in the module, shared live with every process that has it open. */
export class SpacetimeTemporalStore<S> implements TemporalStore<S> {
  readonly name: string;
  readonly #parts: TemporalStoreParts;
  readonly #within: CallRunner;
  readonly #options: TemporalStoreOptions;
  readonly #log: VersionLog;
  readonly #sealed: SealedStates;
  readonly #snapshots: SnapshotRule;
  readonly #follower: BranchFollower<S>;
  readonly #line: CommitLine<S>;
  readonly #references: StoreReferences;
  readonly #merging: StoreMerging;
  readonly #copy: HeadCopy | undefined;
  readonly #opening: StoreOpening<S>;
  #closed = false;

  private constructor(parts: TemporalStoreParts, options: TemporalStoreOptions, initial: StateTree | undefined) {
    const { client, reader, name, onError, encryption } = parts;
    this.name = name;
    this.#parts = parts;
    this.#within = makeCallRunner('state', client.timers);
    this.#options = options;
    this.#log = new VersionLog(client, name);
    this.#sealed = new SealedStates(encryption, name, () => this.#follower.reopen());
    this.#snapshots = new SnapshotRule(options.snapshots);
    this.#follower = new BranchFollower(
      { client, reader, log: this.#log, name, onError, sealed: this.#sealed, onHead: (head) => this.#copy?.note(head) },
      options.branch ?? 'main',
      initial ?? NOTHING,
    );
    const { localCopies: copies, timers } = client;
    if (copies !== undefined) this.#copy = new HeadCopy({ copies, store: name, log: this.#log, timers, onError });
    this.#line = new CommitLine({
      client,
      store: name,
      follower: this.#follower,
      headOf: (branch) => this.#head(branch),
      prepare: (commit, parent, open) => this.#prepare(commit, parent, open),
      // What is refused is made anew here, or told to whoever made it.
      send: ({ op, link, chunks }, sending) => {
        parts.recovered?.noteRemade(link.id).catch(onError);
        return this.#write([op], chunks, sending);
      },
      onRecorded: (version) => this.#adopt(version),
    });
    const treeOf = (id: string): Promise<StateTree> => this.#tree(id);
    this.#opening = new StoreOpening({
      ...{ client, reader, store: name, log: this.#log, sealed: this.#sealed, follower: this.#follower },
      ...{ line: this.#line, copy: this.#copy, recovered: parts.recovered, onError, treeOf },
      isRecorded: async (id) => (await this.#log.tryGet(id)) !== undefined,
      createRoot: (branch) => this.#createRoot(branch, initial),
    });
    const write = (ops: readonly Op[]): Promise<void> => this.#write(ops);
    this.#references = new StoreReferences({ client, store: name, log: this.#log, write });
    this.#merging = new StoreMerging({
      ...{ store: name, log: this.#log, follower: this.#follower, sealed: this.#sealed, treeOf, write },
      headOf: (branch) => this.#head(branch),
      record: (recording, open) => this.#record(recording, open),
    });
  }

  /** @throws `state/branch-not-found` when the store has versions but not that branch */
  static async open<S>(
    parts: TemporalStoreParts,
    initial: S | undefined,
    options: TemporalStoreOptions,
  ): Promise<SpacetimeTemporalStore<S>> {
    const tree = initial === undefined ? undefined : StateTree.from<unknown>(initial);
    const store = new SpacetimeTemporalStore<S>(parts, options, tree);
    try {
      await store.#opening.checkOut(store.branch);
      await store.#opening.resume(store.branch);
    } catch (error) {
      store.close();
      throw error;
    }
    return store;
  }

  get state(): DeepReadonly<S> {
    return show<S>(this.#follower.seen.shown.open);
  }

  /** The version that `state` is: the head, or the last commit of one's own that is shown before it is recorded. */
  get versionId(): string {
    return this.#follower.seen.shown.versionId;
  }

  get branch(): string {
    return this.#follower.head.branch;
  }

  /** Whether `state` holds commits that are not recorded yet. */
  get status(): 'pending' | 'confirmed' {
    return this.#follower.seen.status;
  }

  /** Whether others may have committed what is not known here: there is no connection, or not yet since it was opened. */
  get isStale(): boolean {
    return this.#follower.isStale;
  }

  /** The own commits that are not recorded yet, in the order they were made. */
  get pending(): readonly PendingCommit[] {
    const shown = new Set(this.#follower.seen.applied);
    return this.#line.commits.map(({ id, losses, parts: { branch, options } }) => ({
      versionId: id,
      branch,
      description: options.description ?? '',
      isShown: shown.has(id),
      losses,
    }));
  }

  /**
   * As every store's `commit`. A version that somebody else's came before is rebased onto it where the two changed
   * different places, and sent again under the same id; see `SharedCommitOptions`. A function that changes a draft may
   * run more than once, so it should do nothing else. Called off, it may be recorded all the same, unless it had to wait for
   * its turn: ask for its `id`.
   * @throws `VersionConflictError` with `CommitConflictDetails`; `config/invalid` for an option that is none
   */
  async commit(change: Change<S>, options: string | SharedCommitOptions = {}): Promise<string> {
    return this.#commit(options, (open) =>
      // What is no function is a state: functions cannot be stored.
      typeof change === 'function'
        ? open.edit((draft) => (change as (draft: Drafted<S>) => unknown)(draft as Drafted<S>))
        : open.adopt(StateTree.from<unknown>(change)),
    );
  }

  async commitPatch(patch: JsonPatch, options: string | SharedCommitOptions = {}): Promise<string> {
    return this.#commit(options, (open) => open.apply(patch));
  }

  async at(reference: VersionReference, options: AtOptions = {}, call?: CallOptions): Promise<DeepReadonly<S>> {
    const read = async (id: string): Promise<DeepReadonly<S>> => show<S>(await this.#open(id));
    return this.#within('at', call, () => this.#existing(reference, options, read));
  }

  async version(reference: VersionReference, options: AtOptions = {}, call?: CallOptions): Promise<Version> {
    return this.#within('version', call, () => this.#existing(reference, options, (id) => this.#log.get(id)));
  }

  async diff(from: VersionReference, to: VersionReference = 0, call?: CallOptions): Promise<JsonPatch> {
    return this.#within('diff', call, async () => {
      const before = await this.#open(await this.#resolve(from));
      return before.diff(await this.#open(await this.#resolve(to)));
    });
  }

  async log(filter: LogFilter = {}, call?: CallOptions): Promise<Version[]> {
    return this.#within('log', call, async () => {
      const from = await this.#resolve(filter.from ?? 0, { branch: filter.branch });
      return findVersions(this.#source, from, filter);
    });
  }

  async blame(path: StatePath, reference: VersionReference = 0, call?: CallOptions): Promise<Version> {
    return this.#within('blame', call, async () => findBlame(this.#source, await this.#resolve(reference), path));
  }

  async branches(call?: CallOptions): Promise<BranchInfo[]> {
    return this.#within('branches', call, () => this.#references.branches());
  }

  async createBranch(name: string, at: VersionReference = 0, call?: CallOptions): Promise<void> {
    const create = async (): Promise<void> => this.#references.createBranch(name, await this.#resolve(at));
    return this.#alone('createBranch', call, create);
  }

  async switchBranch(name: string, call?: CallOptions): Promise<void> {
    return this.#alone('switchBranch', call, async () => {
      await this.#follower.checkOut(name, () => this.#log.head(name));
      await this.#opening.resume(name);
    });
  }

  async deleteBranch(name: string, call?: CallOptions): Promise<void> {
    return this.#alone('deleteBranch', call, () => this.#references.deleteBranch(name, this.branch));
  }

  async fastForward(to: VersionReference, call?: CallOptions): Promise<string> {
    return this.#alone('fastForward', call, async () => {
      const target = await this.#resolve(to);
      const { branch, versionId } = this.#follower.head;
      await this.#merging.fastForward(branch, versionId, target);
      return target;
    });
  }

  async planMerge(source: VersionReference, options: SharedMergeOptions = {}): Promise<MergePlan> {
    const plan = async (): Promise<MergePlan> =>
      this.#merging.planReference(source, await this.#resolve(source), options);
    return this.#within('planMerge', options, plan);
  }

  async merge(source: VersionReference | MergePlan, options: SharedMergeOptions = {}): Promise<MergeResult> {
    const resolve = (reference: VersionReference): Promise<string> => this.#resolve(reference);
    return this.#alone('merge', options, () => this.#merging.merge(source, options, resolve));
  }

  async revert(reference: VersionReference, options: SharedMergeOptions = {}): Promise<string> {
    const revert = async (): Promise<string> => this.#merging.revert(await this.#resolve(reference), options);
    return this.#alone('revert', options, revert);
  }

  async tag(name: string, reference: VersionReference = 0, call?: CallOptions): Promise<void> {
    const { author = '' } = this.#options;
    const tag = async (): Promise<void> => this.#references.tag(name, await this.#resolve(reference), author);
    return this.#alone('tag', call, tag);
  }

  async deleteTag(name: string, call?: CallOptions): Promise<void> {
    return this.#alone('deleteTag', call, () => this.#references.deleteTag(name));
  }

  async tags(call?: CallOptions): Promise<Tag[]> {
    return this.#within('tags', call, () => this.#references.tags());
  }

  async verify(call?: CallOptions): Promise<VerifyResult> {
    return this.#within('verify', call, () => verifyStore(this.#parts.client, this.name, this.#log));
  }

  /**
   * Leaves out versions for good, on the server, for everybody: as NERV's `compact`, with the same rules. Versions that
   * no branch and no tag leads to go too, once they are a day old: an import may still be on its way to them. Only the
   * owner may. It goes in steps: called off, what was done stays, and no further step is taken.
   * @throws `permission/denied`; `state/in-use` when somebody names a version meanwhile: what was done stays, do it again;
   * `config/invalid` for an option that is none, before anything is done
   */
  async compact(options: CompactionOptions = {}, call?: CallOptions): Promise<CompactionReport> {
    const { client, reader } = this.#parts;
    const own = { store: this.name, log: this.#log, references: this.#references, snapshots: this.#snapshots };
    return this.#alone('compact', call, (signal) => {
      const write = (ops: readonly Op[], chunks: readonly Op[]): Promise<void> => this.#write(ops, chunks, { signal });
      return new StoreCompaction({ client, reader, ...own, write, signal }).run(options);
    });
  }

  subscribe(listener: (change: StateChange<S>) => void): StoreSubscription {
    return this.#follower.seen.observers.add(listener);
  }

  select<T>(
    selector: (state: DeepReadonly<S>) => T,
    listener: (selected: T, previous: T, change: StateChange<S>) => void,
    equals?: (a: T, b: T) => boolean,
  ): StoreSubscription {
    return this.#follower.seen.observers.select(this.state, { selector, listener, equals });
  }

  /** Ends following and subscriptions; the store itself stays where it is, and can be opened again. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#copy?.flush();
    for (const part of [this.#opening, this.#follower, this.#sealed]) part.close();
    this.#parts.onClose?.();
  }

  /** As `#within`, for what must not happen while commits are on their way. */
  #alone<T>(name: string, call: CallOptions | undefined, work: Work<T>): Promise<T> {
    return this.#within(name, call, (ending) =>
      this.#line.alone(async () => {
        ending?.throwIfAborted();
        return work(ending);
      }),
    );
  }

  async #commit(options: string | SharedCommitOptions, change: (open: StateTree) => StateTree): Promise<string> {
    const given: SharedCommitOptions = typeof options === 'string' ? { description: options } : options;
    checkCommitOptions(given);
    const { signal, timeoutMs, ...described } = given;
    return this.#within('commit', { signal, timeoutMs }, (ending) => this.#addCommit(described, change, ending));
  }

  #addCommit(
    described: SharedCommitOptions,
    change: (open: StateTree) => StateTree,
    ending: AbortSignal | undefined,
  ): Promise<string> {
    const { branch = this.branch, expectedHead } = described;
    const { client } = this.#parts;
    const commit = new StateCommit({
      store: this.name,
      branch,
      options: {
        ...described,
        id: checkId(described.id ?? client.ids.nextId()),
        authoredAtMicros: described.authoredAtMicros ?? client.clock.nowMicros(),
      },
      onConflict: expectedHead === undefined ? (described.onConflict ?? this.#options.onConflict ?? 'rebase') : 'fail',
      isOptimistic: (described.optimistic ?? this.#options.optimistic ?? false) && branch === this.branch,
      change,
    });
    const { recovered, onError } = this.#parts;
    // Its caller hears how it ends: nothing that was refused on the way has to stay in the outbox.
    const tidy = (): Promise<void> | undefined => recovered?.forget(commit.id).catch(onError);
    return client.telemetry.span('state.commit', { store: this.name }, () =>
      this.#line.add(commit, ending).finally(tidy),
    );
  }

  async #prepare(commit: StateCommit, parent: ParentState, open: StateTree): Promise<ReadyVersion> {
    const { branch, options } = commit.parts;
    const pair = await this.#sealed.seal(parent, open);
    const recording = { branch, expectedHead: parent.versionId, parents: [parent.link], before: parent.tree, options };
    return { ...pair, prepared: this.#work({ ...recording, after: pair.tree }) };
  }

  /** Records the initial state; when somebody else was faster, theirs is the store's. */
  async #createRoot(branch: string, initial: StateTree | undefined): Promise<BranchHead> {
    const names = (await this.branches()).map(({ name }) => name);
    // Somebody else has made it since it was looked for.
    if (names.includes(branch)) return this.#log.head(branch);
    if (names.length > 0 || initial === undefined) throw this.#log.noBranch(branch, names);
    const options = { description: 'initial state' };
    try {
      const pair = await this.#sealed.seal(undefined, initial);
      const recording = { branch, expectedHead: undefined, parents: [], before: undefined, after: pair.tree, options };
      const prepared = this.#work(recording);
      await this.#write([prepared.op], prepared.chunks);
      this.#adopt({ ...pair, prepared });
    } catch (error) {
      if (!(error instanceof VersionConflictError)) throw error;
    }
    return this.#log.head(branch);
  }

  /** Records a version that is not one of the line of commits; resolves when it is durable and shown. */
  async #record(recording: Recording, open: StateTree): Promise<string> {
    const { branch } = recording;
    const prepared = this.#work(recording);
    const { id, parents } = prepared.link;
    const sent = this.#write([prepared.op], prepared.chunks);
    const done = sent.then(
      () => true,
      () => false,
    );
    this.#follower.announce(id, { parents, tree: recording.after, open, done });
    try {
      await sent;
    } catch (error) {
      this.#follower.forget(id);
      if (error instanceof VersionConflictError && branch === this.branch) await this.#follower.refresh();
      throw error;
    }
    this.#adopt({ tree: recording.after, open, prepared });
    await this.#follower.settle(branch, id);
    this.#parts.client.telemetry.count('state.commits', 1, { store: this.name, outcome: 'recorded' });
    return id;
  }

  #work(recording: Recording): ReturnType<typeof prepareVersion> {
    const { scope = 'main', author = '' } = this.#options;
    const context = { client: this.#parts.client, store: this.name, scope, author, snapshots: this.#snapshots };
    return prepareVersion(recording, context);
  }

  /** What was made here need not be read back. */
  #adopt({ tree, prepared: { link } }: ReadyVersion): void {
    this.#parts.reader.adopt({ versionId: link.id, store: this.name, tree });
    this.#log.keepLink(link);
  }

  get #source(): HistorySource {
    return { log: this.#log, read: this.#parts.client.readPage, treeOf: (id) => this.#tree(id) };
  }

  /** Reads the version that is meant. Where a branch was once, there was one, whatever became of it. */
  async #existing<T>(
    reference: VersionReference,
    options: AtOptions,
    read: (versionId: string) => Promise<T>,
  ): Promise<T> {
    const versionId = await this.#resolve(reference, options);
    try {
      return await read(versionId);
    } catch (error) {
      const isGone = error instanceof NervError && error.code === 'state/version-not-found';
      throw isGone && reference instanceof Date ? this.#log.leftOut(versionId) : error;
    }
  }

  #resolve(reference: VersionReference, options: AtOptions = {}): Promise<string> {
    return this.#log.resolve(reference, this.#follower.head, options);
  }

  async #tree(versionId: string): Promise<StateTree> {
    const { head } = this.#follower;
    if (versionId === head.versionId) return head.tree;
    try {
      return (await this.#parts.reader.load(versionId)).tree;
    } catch (error) {
      if (refusalOf(error)?.code !== 'state/unknown-version') throw error;
      throw await this.#log.missing(versionId);
    }
  }

  /** How a version is seen. */
  async #open(versionId: string): Promise<StateTree> {
    const { head } = this.#follower;
    if (versionId === head.versionId) return head.open;
    return this.#sealed.open(await this.#tree(versionId));
  }

  /** Where a branch stands, and what a version on top of it is made with. */
  async #head(branch: string): Promise<ParentState> {
    const { head } = this.#follower;
    const versionId = branch === head.branch ? head.versionId : (await this.#log.head(branch)).versionId;
    const link = await this.#log.link(versionId);
    if (branch === head.branch) return { versionId, tree: head.tree, open: head.open, link };
    return { versionId, tree: await this.#tree(versionId), open: await this.#open(versionId), link };
  }

  async #write(ops: readonly Op[], chunks: readonly Op[] = [], options: WriteOptions = {}): Promise<void> {
    try {
      await this.#parts.client.writeWithChunks(chunks, ops, options);
    } catch (error) {
      throw asStateError(error, this.name);
    }
  }
}
