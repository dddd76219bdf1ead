/*
 * A state store over the module. Invariants:
 * - Writes of one store are sent in the order they were made, each against the head the one before it made.
 * - A write that was refused has changed nothing, here or there; after a conflict the head here is the real one, so
 *   that trying again may succeed.
 * - A version that was made here is known here: it is not fetched back.
 */
import type { Op } from '@inner-universe/module/wire';
import { MergeConflictError, NervError, VersionConflictError } from '@inner-universe/nerv';
import {
  decides,
  isPlan,
  mergeStates,
  planMergeSteps,
  StateTree,
  type AtOptions,
  type BranchInfo,
  type Change,
  type CommitOptions,
  type DeepReadonly,
  type Drafted,
  type JsonPatch,
  type LogFilter,
  type MergeOptions,
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
import { compareKeys } from '@inner-universe/nerv/values';
import type { ModuleClient } from '../client/client.ts';
import { ALL_REFERENCES, pages } from '../client/reads.ts';
import { BranchFollower, show } from './branch-follower.ts';
import { findBlame, findVersions, verifyHistory, type HistorySource } from './history-questions.ts';
import { asStateError, makeBranchExists, makeCheckedOut, makeNotFastForward } from './state-refusals.ts';
import type { Encryption } from '../encryption/encryption.ts';
import type { StatePair } from '../encryption/state-sealer.ts';
import { SealedStates } from './sealed-states.ts';
import { VersionLog, type BranchHead, type VersionLink } from './version-log.ts';
import type { VersionReader } from './version-reader.ts';
import { prepareVersion, type Recording } from './version-recorder.ts';

/** How a store is opened. */
export interface TemporalStoreOptions {
  /** The branch to check out; default `main`. */
  readonly branch?: string | undefined;
  /** The author of commits that name none; a label, never trusted. */
  readonly author?: string | undefined;
  /** Where its versions may be read from; default `main`. Fixed by the first version. */
  readonly scope?: string | undefined;
}

/** What a store is built on. */
export interface TemporalStoreParts {
  readonly client: ModuleClient;
  readonly reader: VersionReader;
  readonly name: string;
  readonly onError: (error: unknown) => void;
  /** Seals and opens fields of the state. */
  readonly encryption?: Encryption | undefined;
  /** Called once, when the store is closed. */
  readonly onClose?: (() => void) | undefined;
}

/** What a commit starts from. */
interface Base extends StatePair {
  readonly branch: string;
  readonly versionId: string;
}

/** A `TemporalStore` whose versions live in the module, shared live with every process that has it open. */
export class SpacetimeTemporalStore<S> implements TemporalStore<S> {
  readonly name: string;
  readonly #parts: TemporalStoreParts;
  readonly #options: TemporalStoreOptions;
  readonly #log: VersionLog;
  readonly #sealed: SealedStates;
  readonly #follower: BranchFollower<S>;
  #writing: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(parts: TemporalStoreParts, options: TemporalStoreOptions, initial: StateTree) {
    const { client, reader, name, onError, encryption } = parts;
    this.name = name;
    this.#parts = parts;
    this.#options = options;
    this.#log = new VersionLog(client, name);
    this.#sealed = new SealedStates(encryption, name, () => this.#follower.reopen());
    this.#follower = new BranchFollower(
      { client, reader, log: this.#log, name, onError, sealed: this.#sealed },
      options.branch ?? 'main',
      initial,
    );
  }

  /** @throws `state/branch-not-found` when the store has versions but not that branch */
  static async open<S>(
    parts: TemporalStoreParts,
    initial: S | undefined,
    options: TemporalStoreOptions,
  ): Promise<SpacetimeTemporalStore<S>> {
    const tree = StateTree.from<unknown>(initial ?? null);
    const store = new SpacetimeTemporalStore<S>(parts, options, tree);
    const { branch } = store;
    try {
      await store.#follower.checkOut(
        branch,
        async () =>
          (await store.#log.tryHead(branch)) ?? store.#createRoot(branch, initial === undefined ? undefined : tree),
      );
    } catch (error) {
      store.close();
      throw error;
    }
    return store;
  }

  get state(): DeepReadonly<S> {
    return show<S>(this.#follower.head.open);
  }

  get versionId(): string {
    return this.#follower.head.versionId;
  }

  get branch(): string {
    return this.#follower.head.branch;
  }

  async commit(change: Change<S>, options: string | CommitOptions = {}): Promise<string> {
    return this.#commitWith(options, (open) =>
      // What is no function is a state: functions cannot be stored.
      typeof change === 'function'
        ? open.edit((draft) => (change as (draft: Drafted<S>) => unknown)(draft as Drafted<S>))
        : open.adopt(StateTree.from<unknown>(change)),
    );
  }

  async commitPatch(patch: JsonPatch, options: string | CommitOptions = {}): Promise<string> {
    return this.#commitWith(options, (open) => open.apply(patch));
  }

  async at(reference: VersionReference, options: AtOptions = {}): Promise<DeepReadonly<S>> {
    return show<S>(await this.#open(await this.#resolve(reference, options)));
  }

  async version(reference: VersionReference, options: AtOptions = {}): Promise<Version> {
    return this.#log.get(await this.#resolve(reference, options));
  }

  async diff(from: VersionReference, to: VersionReference = 0): Promise<JsonPatch> {
    const before = await this.#open(await this.#resolve(from));
    return before.diff(await this.#open(await this.#resolve(to)));
  }

  async log(filter: LogFilter = {}): Promise<Version[]> {
    const from = await this.#resolve(filter.from ?? 0, { branch: filter.branch });
    return findVersions(this.#source, from, filter);
  }

  async blame(path: StatePath, reference: VersionReference = 0): Promise<Version> {
    return findBlame(this.#source, await this.#resolve(reference), path);
  }

  async branches(): Promise<BranchInfo[]> {
    const found: BranchInfo[] = [];
    const read = (cursor: string) =>
      this.#parts.client.read('readBranches', { ...ALL_REFERENCES, store: this.name, cursor });
    for await (const page of pages(read)) found.push(...page.branches.map(({ name, head }) => ({ name, head })));
    return found.sort((a, b) => compareKeys(a.name, b.name));
  }

  async createBranch(name: string, at: VersionReference = 0): Promise<void> {
    return this.#inOrder(async () => {
      const head = await this.#resolve(at);
      try {
        await this.#write([{ tag: 'moveBranch', value: { store: this.name, name, expectedHead: undefined, head } }]);
      } catch (cause) {
        if (!(cause instanceof VersionConflictError)) throw cause;
        throw makeBranchExists(this.name, name, cause);
      }
    });
  }

  async switchBranch(name: string): Promise<void> {
    return this.#inOrder(() => this.#follower.checkOut(name, () => this.#log.head(name)));
  }

  async deleteBranch(name: string): Promise<void> {
    return this.#inOrder(async () => {
      const { versionId: expectedHead } = await this.#log.head(name);
      if (name === this.branch) throw makeCheckedOut(name);
      await this.#write([{ tag: 'deleteBranch', value: { store: this.name, name, expectedHead } }]);
    });
  }

  async fastForward(to: VersionReference): Promise<string> {
    return this.#inOrder(async () => {
      const target = await this.#resolve(to);
      const { branch, versionId: head } = this.#follower.head;
      await this.#fastForward(branch, head, target);
      return target;
    });
  }

  async planMerge(source: VersionReference, options: MergeOptions = {}): Promise<MergePlan> {
    const theirs = await this.#resolve(source);
    const isName = typeof source === 'string' && source !== theirs;
    // What is neither a version's id nor a tag's name is a branch's.
    const isBranch = isName && (await this.#log.tagged(source)) === undefined;
    return this.#plan(
      { branch: options.branch ?? this.branch, theirs, source: isBranch ? source : undefined },
      options,
    );
  }

  async merge(source: VersionReference | MergePlan, options: MergeOptions = {}): Promise<MergeResult> {
    return this.#inOrder(async () => {
      let plan = isPlan(source) ? source : await this.planMerge(source, options);
      await this.#checkHead(plan.branch, plan.ours, plan.ours);
      if (plan.source !== undefined) await this.#checkHead(plan.source, plan.theirs);
      if (options.expectedHead !== undefined) await this.#checkHead(plan.branch, options.expectedHead, plan.ours);
      if (plan === source && plan.conflicts.length > 0 && decides(options)) {
        plan = await this.#plan(plan, { ...options, fastForward: false });
      }
      const { type, branch, ours, theirs } = plan;
      if (type === 'up-to-date') return { type, versionId: ours };
      if (type === 'fast-forward') {
        await this.#fastForward(branch, ours, theirs);
        return { type, versionId: theirs };
      }
      return { type, versionId: await this.#mergeByPlan(plan, options) };
    });
  }

  async revert(reference: VersionReference, options: MergeOptions = {}): Promise<string> {
    return this.#inOrder(async () => {
      const reverted = await this.#log.get(await this.#resolve(reference));
      const [parent] = reverted.parents;
      if (parent === undefined) {
        throw new NervError(
          'state/invalid-argument',
          `Version '${reverted.id}' is a root: there is nothing before it to go back to.`,
          {
            details: { versionId: reverted.id },
          },
        );
      }
      const sides = { base: await this.#tree(reverted.id), theirs: await this.#tree(parent) };
      const described = { description: `Revert "${reverted.description}"`, ...options };
      return this.#commitNow(described, ({ tree: ours, versionId }) => {
        const { tree, conflicts } = mergeStates({ ...sides, ours }, options);
        if (conflicts.length > 0)
          throw new MergeConflictError({ ours: versionId, theirs: parent, base: reverted.id, conflicts });
        return this.#sealed.sealMerged(ours, tree);
      });
    });
  }

  async tag(name: string, reference: VersionReference = 0): Promise<void> {
    return this.#inOrder(async () => {
      const versionId = await this.#resolve(reference);
      const author = this.#options.author ?? '';
      await this.#write([
        { tag: 'createTag', value: { store: this.name, name, versionId, description: '', author, replace: false } },
      ]);
    });
  }

  async deleteTag(name: string): Promise<void> {
    return this.#inOrder(() => this.#write([{ tag: 'deleteTag', value: { store: this.name, name } }]));
  }

  async tags(): Promise<Tag[]> {
    const found: Tag[] = [];
    const read = (cursor: string) =>
      this.#parts.client.read('readTags', { ...ALL_REFERENCES, store: this.name, cursor });
    for await (const page of pages(read)) found.push(...page.tags.map(({ name, versionId }) => ({ name, versionId })));
    return found.sort((a, b) => compareKeys(a.name, b.name));
  }

  async verify(): Promise<VerifyResult> {
    return verifyHistory(await this.#log.graph(), (id) => this.#tree(id));
  }

  subscribe(listener: (change: StateChange<S>) => void): StoreSubscription {
    return this.#follower.observers.add(listener);
  }

  select<T>(
    selector: (state: DeepReadonly<S>) => T,
    listener: (selected: T, previous: T, change: StateChange<S>) => void,
    equals?: (a: T, b: T) => boolean,
  ): StoreSubscription {
    return this.#follower.observers.select(this.state, { selector, listener, equals });
  }

  /** Ends following and subscriptions; the store itself stays where it is, and can be opened again. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#follower.close();
    this.#sealed.close();
    this.#parts.onClose?.();
  }

  /** Records the initial state; when somebody else was faster, theirs is the store's. */
  async #createRoot(branch: string, initial: StateTree | undefined): Promise<BranchHead> {
    const names = (await this.branches()).map(({ name }) => name);
    // Somebody else has made it since it was looked for.
    if (names.includes(branch)) return this.#log.head(branch);
    if (names.length > 0 || initial === undefined) throw this.#log.noBranch(branch, names);
    const options = { description: 'initial state' };
    try {
      const after = await this.#sealed.seal(undefined, initial);
      const parents: readonly VersionLink[] = [];
      await this.#send(
        { branch, expectedHead: undefined, parents, before: undefined, after: after.tree, options },
        after.open,
      );
    } catch (error) {
      if (!(error instanceof VersionConflictError)) throw error;
    }
    return this.#log.head(branch);
  }

  async #plan(
    { branch, theirs, source }: Pick<MergePlan, 'branch' | 'theirs' | 'source'>,
    options: MergeOptions,
  ): Promise<MergePlan> {
    const { versionId: ours } = await this.#base(branch);
    const steps = planMergeSteps({ graph: await this.#log.graph(), branch, ours, theirs, source }, options);
    let step = steps.next();
    while (step.done !== true) step = steps.next(await this.#tree(step.value));
    return step.value;
  }

  async #mergeByPlan(plan: MergePlan, options: MergeOptions): Promise<string> {
    const { branch, ours, theirs, base, conflicts, patch } = plan;
    if (conflicts.length > 0) throw new MergeConflictError({ ours, theirs, base, conflicts });
    const before = await this.#tree(ours);
    const parents = [await this.#log.link(ours), await this.#log.link(theirs)];
    const described = { description: `Merge ${theirs} into ${branch}`, ...options };
    const { tree: after, open } = await this.#sealed.sealMerged(before, before.apply(patch));
    return this.#record({ branch, expectedHead: ours, parents, before, after, options: described }, open);
  }

  async #fastForward(branch: string, head: string, target: string): Promise<void> {
    if (!(await this.#log.graph()).isAncestor(head, target)) {
      throw makeNotFastForward({ branch, head, target });
    }
    await this.#move(branch, head, target);
  }

  #commitWith(options: string | CommitOptions, change: (open: StateTree) => StateTree): Promise<string> {
    const described = typeof options === 'string' ? { description: options } : options;
    return this.#inOrder(() => this.#commitNow(described, async (base) => this.#sealed.seal(base, change(base.open))));
  }

  async #commitNow(options: CommitOptions, change: (base: Base) => Promise<StatePair>): Promise<string> {
    const { branch = this.branch, expectedHead } = options;
    if (expectedHead !== undefined) await this.#checkHead(branch, expectedHead);
    const base = await this.#base(branch);
    const { versionId, tree } = base;
    const { tree: after, open } = await change(base);
    const parents = [await this.#log.link(versionId)];
    return this.#record({ branch, expectedHead: versionId, parents, before: tree, after, options }, open);
  }

  /** Refuses unless the branch is where it is expected, as far as known here; asks again before it refuses. */
  async #checkHead(branch: string, expectedHead: string, ours?: string): Promise<void> {
    if (branch === this.branch && this.versionId === expectedHead) return;
    const { versionId: actualHead } = await this.#log.head(branch);
    if (branch === this.branch && this.versionId !== actualHead) await this.#follower.refresh();
    const stands = ours ?? expectedHead;
    if (actualHead === expectedHead && actualHead === stands) return;
    throw new VersionConflictError({ branch, expectedHead, actualHead });
  }

  /** Sends a version with its branch's move; resolves when it is durable and shown. */
  async #record(recording: Recording, open: StateTree): Promise<string> {
    const { branch } = recording;
    const versionId = await this.#followed(branch, () => this.#send(recording, open));
    await this.#follower.settle(branch, versionId);
    return versionId;
  }

  /** `open` is how the recorded state is seen. */
  async #send(recording: Recording, open: StateTree): Promise<string> {
    const { client, reader } = this.#parts;
    const { scope = 'main', author = '' } = this.#options;
    const { link, op, chunks } = prepareVersion(recording, { client, store: this.name, scope, author });
    const sent = this.#write([op], chunks);
    const done = sent.then(
      () => true,
      () => false,
    );
    this.#follower.announce(link.id, { parents: link.parents, tree: recording.after, open, done });
    await sent;
    reader.adopt({ versionId: link.id, store: this.name, tree: recording.after });
    this.#log.keepLink(link);
    return link.id;
  }

  async #move(branch: string, expectedHead: string, head: string): Promise<void> {
    await this.#followed(branch, () => {
      this.#follower.announceMove(head);
      return this.#write([{ tag: 'moveBranch', value: { store: this.name, name: branch, expectedHead, head } }]);
    });
    await this.#follower.settle(branch, head);
  }

  /** Runs a write of a branch; when it loses a race, the head here is brought up to date before it says so. */
  async #followed<T>(branch: string, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (error instanceof VersionConflictError && branch === this.branch) await this.#follower.refresh();
      throw error;
    }
  }

  get #source(): HistorySource {
    return { log: this.#log, read: this.#parts.client.readPage, treeOf: (id) => this.#tree(id) };
  }

  #resolve(reference: VersionReference, options: AtOptions = {}): Promise<string> {
    return this.#log.resolve(reference, this.#follower.head, options);
  }

  async #tree(versionId: string): Promise<StateTree> {
    const { head } = this.#follower;
    return versionId === head.versionId ? head.tree : (await this.#parts.reader.load(versionId)).tree;
  }

  /** How a version is seen. */
  async #open(versionId: string): Promise<StateTree> {
    const { head } = this.#follower;
    if (versionId === head.versionId) return head.open;
    return this.#sealed.open(await this.#tree(versionId));
  }

  async #base(branch: string = this.branch): Promise<Base> {
    if (branch === this.branch) return this.#follower.head;
    const { versionId } = await this.#log.head(branch);
    return { branch, versionId, tree: await this.#tree(versionId), open: await this.#open(versionId) };
  }

  async #write(ops: readonly Op[], chunks: readonly Op[] = []): Promise<void> {
    try {
      await this.#parts.client.writeWithChunks(chunks, ops);
    } catch (error) {
      throw asStateError(error, this.name);
    }
  }

  /** Runs writes one after another; a failed one does not stop the next. */
  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#writing.then(work, work);
    this.#writing = result.catch(() => undefined);
    return result;
  }
}
