/*
 * A state store over the module. Invariants:
 * - `state` is the verified state of the checked-out branch's head, as far as the log was followed; it moves through
 *   every move of the branch, once, in order.
 * - Writes of one store are sent in the order they were made, each against the head the one before it made.
 * - A version that was made here is known here: it is never fetched back.
 */
import { makeWireTimestamp, type Op } from '@inner-universe/module/wire';
import { MergeConflictError, NervError, VersionConflictError } from '@inner-universe/nerv';
import { chainHash } from '@inner-universe/nerv/hash';
import {
  mergeStates,
  StateTree,
  StoreObservers,
  stringifyPatch,
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
import type { LiveEvent } from '../client/change-feed.ts';
import type { ModuleClient } from '../client/client.ts';
import { ALL_REFERENCES, pages } from '../client/reads.ts';
import { makeStoredText } from '../client/value-text.ts';
import { findBlame, matchesFilter, verifyHistory } from './history-questions.ts';
import { VersionLog, versionNotFound } from './version-log.ts';
import type { VersionReader } from './version-reader.ts';

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
}

interface Head {
  readonly branch: string;
  readonly versionId: string;
  readonly tree: StateTree;
}

interface Recording {
  readonly branch: string;
  readonly expectedHead: string | undefined;
  readonly parents: readonly Version[];
  readonly before: StateTree | undefined;
  readonly after: StateTree;
  readonly options: CommitOptions;
}

/** Take a snapshot when the deltas since the last one outweigh the state, but not for what is small anyway. */
const SNAPSHOT_BYTES_MIN = 4_096;
/** How long a move is remembered so that the write that made it does not show it again. */
const MOVES_REMEMBERED = 1_000;
const ID_BYTES_MAX = 128;

/** A `TemporalStore` whose versions live in the module, shared live with every process that has it open. */
export class SpacetimeTemporalStore<S> implements TemporalStore<S> {
  readonly name: string;
  readonly #parts: TemporalStoreParts;
  readonly #options: TemporalStoreOptions;
  readonly #log: VersionLog;
  readonly #observers: StoreObservers<S>;
  readonly #stopListening: () => void;
  /** Moves that were made here and shown before the log told of them. */
  readonly #shown = new Set<string>();
  /** Moves that the log told of lately. */
  readonly #told = new Set<string>();
  #head: Head;
  #writing: Promise<unknown> = Promise.resolve();
  #following: Promise<unknown> = Promise.resolve();
  /** Bytes of deltas written here since the last snapshot written here. */
  #deltaBytes = 0;

  private constructor(parts: TemporalStoreParts, options: TemporalStoreOptions, head: Head) {
    this.name = parts.name;
    this.#parts = parts;
    this.#options = options;
    this.#head = head;
    this.#log = new VersionLog(parts.client, parts.name);
    this.#observers = new StoreObservers<S>(parts.onError);
    this.#stopListening = parts.client.listen((events) => this.#accept(events));
  }

  /** @throws `state/branch-not-found` when the store has versions but not that branch */
  static async open<S>(parts: TemporalStoreParts, initial: S, options: TemporalStoreOptions): Promise<SpacetimeTemporalStore<S>> {
    const branch = options.branch ?? 'main';
    const head = { branch, versionId: '', tree: StateTree.from<unknown>(initial) };
    // Listening starts here, so that no move between reading the head and following it is lost.
    const store = new SpacetimeTemporalStore<S>(parts, options, head);
    try {
      await store.#checkOutFirst(branch, head.tree);
    } catch (error) {
      store.close();
      throw error;
    }
    return store;
  }

  get state(): DeepReadonly<S> {
    return show<S>(this.#head.tree);
  }

  get versionId(): string {
    return this.#head.versionId;
  }

  get branch(): string {
    return this.#head.branch;
  }

  async commit(change: Change<S>, options: string | CommitOptions = {}): Promise<string> {
    return this.#commitWith(options, (tree) =>
      // What is no function is a state: functions cannot be stored.
      typeof change === 'function'
        ? tree.edit((draft) => (change as (draft: Drafted<S>) => unknown)(draft as Drafted<S>))
        : StateTree.from<unknown>(change),
    );
  }

  async commitPatch(patch: JsonPatch, options: string | CommitOptions = {}): Promise<string> {
    return this.#commitWith(options, (tree) => tree.apply(patch));
  }

  async at(reference: VersionReference, options: AtOptions = {}): Promise<DeepReadonly<S>> {
    return show<S>(await this.#tree(await this.#resolve(reference, options)));
  }

  async version(reference: VersionReference, options: AtOptions = {}): Promise<Version> {
    return this.#log.get(await this.#resolve(reference, options));
  }

  async diff(from: VersionReference, to: VersionReference = 0): Promise<JsonPatch> {
    const before = await this.#tree(await this.#resolve(from));
    return before.diff(await this.#tree(await this.#resolve(to)));
  }

  async log(filter: LogFilter = {}): Promise<Version[]> {
    const from = await this.#resolve(filter.from ?? 0, { branch: filter.branch });
    const tagged = filter.tag === undefined ? undefined : ((await this.#log.tagged(filter.tag)) ?? '');
    const found: Version[] = [];
    const candidates = filter.firstParent === true ? this.#log.line(from) : (await this.#log.graph()).ancestry(from);
    for await (const version of candidates) {
      if (found.length >= (filter.limit ?? Number.POSITIVE_INFINITY)) break;
      if (tagged !== undefined && version.id !== tagged) continue;
      if (await matchesFilter(version, filter, this.#parts.client.readPage)) found.push(version);
    }
    return found;
  }

  async blame(path: StatePath, reference: VersionReference = 0): Promise<Version> {
    return findBlame(this.#log.line(await this.#resolve(reference)), path, (id) => this.#tree(id));
  }

  async branches(): Promise<BranchInfo[]> {
    const found: BranchInfo[] = [];
    const read = (cursor: string) => this.#parts.client.read('readBranches', { ...ALL_REFERENCES, store: this.name, cursor });
    for await (const page of pages(read)) found.push(...page.branches.map(({ name, head }) => ({ name, head })));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async createBranch(name: string, at: VersionReference = 0): Promise<void> {
    const head = await this.#resolve(at);
    try {
      await this.#write([{ tag: 'moveBranch', value: { store: this.name, name, expectedHead: undefined, head } }]);
    } catch (cause) {
      if (!(cause instanceof VersionConflictError)) throw cause;
      throw new NervError('state/branch-exists', `Store '${this.name}' has a branch '${name}' already. Choose another name.`, {
        details: { branch: name },
        cause,
      });
    }
  }

  async switchBranch(name: string): Promise<void> {
    const versionId = await this.#requireHead(name);
    await this.#follow(async () => this.#show('switch', { branch: name, versionId, tree: await this.#tree(versionId) }));
  }

  async deleteBranch(name: string): Promise<void> {
    if (name === this.branch) {
      throw new NervError('state/invalid-argument', `Branch '${name}' is checked out. Switch to another before deleting it.`, {
        details: { branch: name },
      });
    }
    const expectedHead = await this.#requireHead(name);
    await this.#write([{ tag: 'deleteBranch', value: { store: this.name, name, expectedHead } }]);
  }

  async fastForward(to: VersionReference): Promise<string> {
    return this.#inOrder(async () => {
      const target = await this.#resolve(to);
      const head = await this.#requireHead(this.branch);
      if (!(await this.#log.graph()).isAncestor(head, target)) {
        throw new NervError(
          'state/not-fast-forward',
          `Version '${target}' does not descend from '${head}', the head of '${this.branch}'. Merge it instead.`,
          { details: { branch: this.branch, head, target } },
        );
      }
      await this.#move(this.branch, head, target);
      return target;
    });
  }

  async planMerge(source: VersionReference, options: MergeOptions = {}): Promise<MergePlan> {
    const branch = options.branch ?? this.branch;
    const ours = await this.#requireHead(branch);
    const theirs = await this.#resolve(source);
    const base = (await this.#log.graph()).mergeBase(ours, theirs);
    const plan = { branch, ours, theirs, base, conflicts: [] };
    if (base === theirs) return { ...plan, type: 'up-to-date', patch: [] };
    const ourTree = await this.#tree(ours);
    const theirTree = await this.#tree(theirs);
    if (base === ours && options.fastForward !== false) return { ...plan, type: 'fast-forward', patch: ourTree.diff(theirTree) };
    const baseTree = base === undefined ? undefined : await this.#tree(base);
    const merged = mergeStates({ base: baseTree, ours: ourTree, theirs: theirTree }, options);
    return { ...plan, type: 'merge', patch: ourTree.diff(merged.tree), conflicts: merged.conflicts };
  }

  async merge(source: VersionReference | MergePlan, options: MergeOptions = {}): Promise<MergeResult> {
    return this.#inOrder(async () => {
      const plan = isPlan(source) ? source : await this.planMerge(source, options);
      const { type, branch, ours, theirs, base, conflicts } = plan;
      if (options.expectedHead !== undefined && options.expectedHead !== ours) {
        throw new VersionConflictError({ branch, expectedHead: options.expectedHead, actualHead: ours });
      }
      if (type === 'up-to-date') return { type, versionId: ours };
      if (type === 'fast-forward') {
        await this.#move(branch, ours, theirs);
        return { type, versionId: theirs };
      }
      if (conflicts.length > 0) throw new MergeConflictError({ ours, theirs, base, conflicts });
      const before = await this.#tree(ours);
      const parents = [await this.#log.get(ours), await this.#log.get(theirs)];
      const described = { description: `Merge ${theirs} into ${branch}`, ...options };
      const versionId = await this.#record({
        branch,
        expectedHead: ours,
        parents,
        before,
        after: before.apply(plan.patch),
        options: described,
      });
      return { type, versionId };
    });
  }

  async revert(reference: VersionReference, options: MergeOptions = {}): Promise<string> {
    const reverted = await this.#log.get(await this.#resolve(reference));
    const [parent] = reverted.parents;
    if (parent === undefined) {
      throw new NervError('state/invalid-argument', `Version '${reverted.id}' is a root: there is nothing before it to go back to.`, {
        details: { versionId: reverted.id },
      });
    }
    const base = await this.#tree(reverted.id);
    const theirs = await this.#tree(parent);
    const described = { description: `Revert "${reverted.description}"`, ...options };
    return this.#commitWith(described, (ours, head) => {
      const { tree, conflicts } = mergeStates({ base, ours, theirs }, options);
      if (conflicts.length > 0) throw new MergeConflictError({ ours: head, theirs: parent, base: reverted.id, conflicts });
      return tree;
    });
  }

  async tag(name: string, reference: VersionReference = 0): Promise<void> {
    const versionId = await this.#resolve(reference);
    const author = this.#options.author ?? '';
    await this.#write([{ tag: 'createTag', value: { store: this.name, name, versionId, description: '', author, replace: false } }]);
  }

  async deleteTag(name: string): Promise<void> {
    await this.#write([{ tag: 'deleteTag', value: { store: this.name, name } }]);
  }

  async tags(): Promise<Tag[]> {
    const found: Tag[] = [];
    const read = (cursor: string) => this.#parts.client.read('readTags', { ...ALL_REFERENCES, store: this.name, cursor });
    for await (const page of pages(read)) found.push(...page.tags.map(({ name, versionId }) => ({ name, versionId })));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async verify(): Promise<VerifyResult> {
    return verifyHistory(await this.#log.graph(), (id) => this.#tree(id));
  }

  subscribe(listener: (change: StateChange<S>) => void): StoreSubscription {
    return this.#observers.add(listener);
  }

  select<T>(
    selector: (state: DeepReadonly<S>) => T,
    listener: (selected: T, previous: T, change: StateChange<S>) => void,
    equals: (a: T, b: T) => boolean = Object.is,
  ): StoreSubscription {
    let selected = selector(this.state);
    return this.#observers.add((change) => {
      const previous = selected;
      const next = selector(change.state);
      if (equals(previous, next)) return;
      selected = next;
      listener(next, previous, change);
    });
  }

  /** Ends subscriptions; the store itself stays where it is. */
  close(): void {
    this.#stopListening();
  }

  async #checkOutFirst(branch: string, initial: StateTree): Promise<void> {
    const versionId = (await this.#log.head(branch)) ?? (await this.#createRoot(branch, initial));
    await this.#follow(async () => {
      if (this.#head.versionId === '') this.#head = { branch, versionId, tree: await this.#tree(versionId) };
    });
  }

  /** Records the initial state; when somebody else was faster, theirs is the store's. */
  async #createRoot(branch: string, initial: StateTree): Promise<string> {
    if ((await this.branches()).length > 0) throw this.#noBranch(branch);
    const recording = { branch, expectedHead: undefined, parents: [], before: undefined, after: initial };
    try {
      return await this.#record({ ...recording, options: { description: 'initial state' } });
    } catch (error) {
      const head = error instanceof VersionConflictError ? await this.#log.head(branch) : undefined;
      if (head === undefined) throw error;
      return head;
    }
  }

  #commitWith(options: string | CommitOptions, change: (tree: StateTree, head: string) => StateTree): Promise<string> {
    const described = typeof options === 'string' ? { description: options } : options;
    return this.#inOrder(async () => {
      const branch = described.branch ?? this.branch;
      const head = branch === this.branch ? this.#head : await this.#headOf(branch);
      const { versionId, tree } = head;
      if (described.expectedHead !== undefined && described.expectedHead !== versionId) {
        throw new VersionConflictError({ branch, expectedHead: described.expectedHead, actualHead: versionId });
      }
      const after = change(tree, versionId);
      const parents = [await this.#log.get(versionId)];
      return this.#record({ branch, expectedHead: versionId, parents, before: tree, after, options: described });
    });
  }

  /** Sends a version with its branch's move, and shows it once it is durable. */
  async #record(recording: Recording): Promise<string> {
    const { branch, expectedHead, parents, before, after, options } = recording;
    const { client, reader } = this.#parts;
    const scope = this.#options.scope ?? 'main';
    const id = checkId(options.id ?? client.ids.nextId());
    const author = options.author ?? this.#options.author ?? '';
    const description = options.description ?? '';
    const authoredAtMicros = options.authoredAtMicros ?? client.clock.nowMicros();
    const dataHash = after.hash;
    const chain = chainHash({ parents: parents.map((parent) => parent.chainHash), dataHash, author, authoredAtMicros, description });
    // A root's delta replaces the whole document, so that it applies to whatever there is before the first state.
    const patch: JsonPatch = before === undefined ? [{ op: 'replace', path: '', value: after.toJson() }] : before.diff(after);
    const delta = makeStoredText(stringifyPatch(patch), scope, `The changes of version ${id}`);
    const snapshot = this.#takeSnapshot(after, delta.text.length, scope, id);
    const version = { id, parents: parents.map((parent) => parent.id), dataHash, chainHash: chain, author, authoredAtMicros, description };
    reader.adopt({ versionId: id, store: this.name, tree: after });
    const op: Op = {
      tag: 'recordVersion',
      value: {
        versionId: id,
        store: this.name,
        scope,
        parents: version.parents,
        dataHash,
        chainHash: chain,
        author,
        authoredAt: makeWireTimestamp(authoredAtMicros),
        description,
        metadata: '',
        metadataEncoding: '',
        delta: delta.text,
        deltaEncoding: delta.encoding,
        snapshot: snapshot === undefined ? undefined : { state: snapshot.text, stateEncoding: snapshot.encoding },
        move: { branch, expectedHead },
      },
    };
    await this.#write([op], [...delta.chunks, ...(snapshot?.chunks ?? [])]);
    this.#log.keep({ ...version, recordedAtMicros: client.clock.nowMicros() });
    if (branch === this.branch) await this.#showOwn(id, after);
    return id;
  }

  #takeSnapshot(after: StateTree, deltaBytes: number, scope: string, id: string): ReturnType<typeof makeStoredText> | undefined {
    this.#deltaBytes += deltaBytes;
    if (this.#deltaBytes < SNAPSHOT_BYTES_MIN) return undefined;
    // `weight` is cheap and about the size of the text; the text itself costs by the size of the state.
    if (this.#deltaBytes < after.weight) return undefined;
    this.#deltaBytes = 0;
    return makeStoredText(after.stringify(), scope, `The state of version ${id}`);
  }

  async #move(branch: string, expectedHead: string, head: string): Promise<void> {
    await this.#write([{ tag: 'moveBranch', value: { store: this.name, name: branch, expectedHead, head } }]);
    if (branch === this.branch) await this.#showOwn(head, await this.#tree(head));
  }

  /** Shows a move made here, unless the log has told of it already. */
  async #showOwn(versionId: string, tree: StateTree): Promise<void> {
    await this.#follow(async () => {
      if (this.#head.versionId === versionId || this.#told.has(versionId)) return;
      this.#shown.add(versionId);
      await this.#showMove({ branch: this.branch, versionId, tree });
    });
  }

  #accept(events: readonly LiveEvent[]): void {
    for (const event of events) {
      if (event.eventType !== 'BRANCH_MOVED' || event.kind !== 'system') continue;
      const { items = [] } = JSON.parse(event.data) as { items?: readonly { store?: string; name?: string; to?: string }[] };
      for (const { store, name, to } of items) {
        if (store === this.name && to !== undefined && name === this.branch) this.#followTo(name, to);
      }
    }
  }

  #followTo(branch: string, versionId: string): void {
    this.#told.add(versionId);
    for (const oldest of this.#told) {
      if (this.#told.size <= MOVES_REMEMBERED) break;
      this.#told.delete(oldest);
    }
    this.#follow(async () => {
      if (this.#shown.delete(versionId) || branch !== this.branch || this.#head.versionId === '') return;
      if (this.#head.versionId === versionId) return;
      await this.#showMove({ branch, versionId, tree: await this.#tree(versionId) });
    }).catch(this.#parts.onError);
  }

  async #showMove(head: Head): Promise<void> {
    const version = await this.#log.get(head.versionId);
    const isNext = version.parents[0] === this.#head.versionId;
    this.#show(isNext ? (version.parents.length > 1 ? 'merge' : 'commit') : 'move', head);
  }

  #show(type: StateChange<S>['type'], head: Head): void {
    const previous = this.#head;
    this.#head = head;
    if (this.#observers.isEmpty) return;
    this.#observers.tell({
      type,
      branch: head.branch,
      versionId: head.versionId,
      previousVersionId: previous.versionId,
      patch: previous.tree.diff(head.tree),
      state: show<S>(head.tree),
      previousState: show<S>(previous.tree),
      status: 'confirmed',
    });
  }

  async #resolve(reference: VersionReference, options: AtOptions = {}): Promise<string> {
    const branch = options.branch ?? this.branch;
    if (reference instanceof Date) return this.#log.at(branch, reference, options.by ?? 'recorded');
    if (typeof reference === 'string') {
      const known = await this.#log.tryGet(reference);
      const found = known?.id ?? (await this.#log.tagged(reference)) ?? (await this.#log.head(reference));
      if (found === undefined) throw versionNotFound(reference, this.name);
      return found;
    }
    const head = branch === this.branch ? this.versionId : await this.#requireHead(branch);
    if (reference === 0) return head;
    let left = reference;
    for await (const version of this.#log.line(head)) {
      if (left === 0) return version.id;
      left -= 1;
    }
    throw versionNotFound(`${reference} back from ${branch}`, this.name);
  }

  async #tree(versionId: string): Promise<StateTree> {
    return versionId === this.#head.versionId ? this.#head.tree : (await this.#parts.reader.load(versionId)).tree;
  }

  async #headOf(branch: string): Promise<Head> {
    const versionId = await this.#requireHead(branch);
    return { branch, versionId, tree: await this.#tree(versionId) };
  }

  async #requireHead(branch: string): Promise<string> {
    const head = await this.#log.head(branch);
    if (head === undefined) throw this.#noBranch(branch);
    return head;
  }

  #noBranch(branch: string): NervError {
    return new NervError('state/branch-not-found', `Store '${this.name}' has no branch '${branch}'. See branches().`, {
      details: { store: this.name, branch },
    });
  }

  #write(ops: readonly Op[], chunks: readonly Op[] = []): Promise<void> {
    return this.#parts.client.writeWithChunks(chunks, ops);
  }

  /** Runs writes one after another; a failed one does not stop the next. */
  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#writing.then(work, work);
    this.#writing = result.catch(() => undefined);
    return result;
  }

  /** Runs moves of what is shown one after another. */
  #follow<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#following.then(work, work);
    this.#following = result.catch(() => undefined);
    return result;
  }
}

function show<S>(tree: StateTree): DeepReadonly<S> {
  // Every state of this store was put in as an S, and a view cannot be written to.
  return tree.view() as DeepReadonly<S>;
}

function isPlan(source: VersionReference | MergePlan): source is MergePlan {
  return typeof source === 'object' && 'patch' in source;
}

function checkId(id: string): string {
  if (id !== '' && id.length <= ID_BYTES_MAX) return id;
  throw new NervError('state/invalid-argument', `'${id}' is no version id: it takes 1 to ${ID_BYTES_MAX} characters.`, { details: { id } });
}
