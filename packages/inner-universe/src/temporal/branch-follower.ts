/*
 * What is checked out of a store, and how it moves. Invariants:
 * - the confirmed head is where the branch stands, as far as it was followed, with its verified state;
 * - it moves through every move of the branch, once, in the order of the log; moves that one transaction made count as
 *   one, and so do those that came while nobody here could be told;
 * - a move made here has been shown when its writer is told that it is done;
 * - a version that is not what its hash names never becomes the head: it is reported, and the head stays.
 */
import { NervError } from '@inner-universe/nerv';
import type { StateChange, StateTree } from '@inner-universe/nerv/temporal';
import type { LiveEvent } from '../client/change-source.ts';
import type { ModuleClient } from '../client/client.ts';
import { OnceDenied } from '../client/once-denied.ts';
import { ALL_EVENTS, ALL_VERSIONS } from '../client/reads.ts';
import { RefusedError } from '../errors.ts';
import type { StatePair } from '../encryption/state-sealer.ts';
import { readMoves, movesOf, type Move } from './branch-moves.ts';
import type { SealedStates } from './sealed-states.ts';
import { SeenState, type Head } from './seen-state.ts';
import type { BranchHead, VersionLog } from './version-log.ts';
import type { VersionReader } from './version-reader.ts';

/** What a follower works with. */
export interface FollowerParts {
  readonly client: ModuleClient;
  readonly reader: VersionReader;
  readonly log: VersionLog;
  readonly name: string;
  readonly sealed: SealedStates;
  readonly onError: (error: unknown) => void;
  /** Told of each confirmed head. */
  readonly onHead: (head: Head) => void;
}

/** A version that is being recorded here. */
interface Making extends StatePair {
  readonly parents: readonly string[];
  /** Whether it was recorded, when that is known. */
  readonly done: Promise<boolean>;
}

/** Moves are remembered until the log and the writer have both told of them. */
const MOVES_REMEMBERED = 1_000;

/** Follows one branch of a store and tells observers. */
export class BranchFollower<S> {
  readonly seen: SeenState<S>;
  readonly #parts: FollowerParts;
  readonly #stops: readonly (() => void)[];
  readonly #making = new Map<string, Making>();
  /** Versions that the log told of a move to, since a writer here last asked. */
  readonly #told = new Set<string>();
  /** Versions that were shown before the log told of them. */
  readonly #shown = new Set<string>();
  #line: Promise<unknown> = Promise.resolve();
  /** Moves that are known and not shown yet. */
  #lag = 0;
  /** While this is above 0, another branch may be checked out soon: moves of all branches count. */
  #switching = 0;
  /** Whether the records of the module are for this reader; undefined until that was asked. */
  #isTold: boolean | undefined;
  #isLooking = false;
  /** Whether the right to read this store may have been taken back, or given. */
  #isInDoubt = false;
  readonly #denied: OnceDenied;
  #isBehind = false;
  #closed = false;

  /** Starts without a head: `checkOut` gives it one. */
  constructor(parts: FollowerParts, branch: string, tree: StateTree) {
    this.#parts = parts;
    this.seen = new SeenState<S>({ branch, versionId: '', seq: -1n, tree, open: tree }, parts.onError);
    const { client } = parts;
    this.#denied = new OnceDenied(parts.onError);
    this.#stops = [
      client.listen(
        (events) => this.#accept(events),
        () => this.#refreshInBackground(),
        (areRightsInDoubt) => {
          this.#look(areRightsInDoubt);
        },
      ),
      client.telemetry.observe('state.sync_lag_versions', () => this.#lag, { store: parts.name }),
      client.onState(({ state }) => {
        if (state === 'connected') this.#catchUpInBackground();
      }),
    ];
  }

  /** Where the branch stands, confirmed. */
  get head(): Head {
    return this.seen.head;
  }

  /** Whether there may be moves that nobody here was told of: there is no connection, or not since the head was kept. */
  get isStale(): boolean {
    return this.#isBehind || this.#parts.client.state !== 'connected';
  }

  /** Checks out a branch that is where `find` says when it is asked; nothing that happens since is missed. */
  async checkOut(branch: string, find: () => Promise<BranchHead>): Promise<void> {
    this.#switching += 1;
    try {
      await this.#inLine(async () => {
        const found = await find();
        const { pending } = this.seen;
        this.#show('switch', { branch, ...found, ...(await this.#states(found.versionId)) }, pending);
      });
    } finally {
      this.#switching -= 1;
    }
  }

  /** Checks out what was kept of a branch; it is stale until it was compared with where the branch is. */
  adopt(head: Head): void {
    this.#isBehind = true;
    this.#show('switch', head);
    this.#catchUpInBackground();
  }

  /** Announces a version that is about to be recorded: its state need not be read back. */
  announce(versionId: string, making: Making): void {
    this.#told.delete(versionId);
    this.#making.set(versionId, making);
  }

  /** Forgets a version that was announced and not recorded. */
  forget(versionId: string): void {
    this.#making.delete(versionId);
  }

  /** Announces a move to a version that exists. */
  announceMove(versionId: string): void {
    this.#told.delete(versionId);
  }

  /**
   * Resolves when a move that was made here is shown, and the version is pending no more. `isPassed`: it is known that
   * the head has it.
   */
  async settle(branch: string, versionId: string, isPassed: boolean = false): Promise<void> {
    try {
      if (isPassed || branch !== this.head.branch) return;
      if (!this.#told.has(versionId)) await this.#wait(() => this.#parts.client.settle());
      await this.#inLine(() => this.#showOwn(branch, versionId));
    } finally {
      this.#making.delete(versionId);
      if (this.seen.pending.includes(versionId)) this.seen.confirm('commit', this.head, [versionId]);
    }
  }

  /** Resolves when the head is where the branch is now; for a writer who lost a race. `lost` are not recorded. */
  async refresh(lost: readonly string[] = []): Promise<void> {
    await this.#wait(() => this.#parts.client.catchUp());
    await this.#inLine(() => this.#jump(lost));
  }

  /** Shows the head as it is seen with the keys there are now. */
  reopen(): void {
    this.#inBackground(
      this.#inLine(async () => {
        const { head } = this;
        if (head.versionId === '') return;
        this.#show('move', { ...head, open: await this.#parts.sealed.open(head.tree) });
      }),
    );
  }

  close(): void {
    this.#closed = true;
    this.seen.close();
    for (const stop of this.#stops) stop();
  }

  /** What cannot be read now is told by the log when it can. */
  async #wait(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof NervError)) throw error;
    }
  }

  #inBackground(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!this.#closed) this.#denied.report(error);
    });
  }

  #refreshInBackground(): void {
    this.#inBackground(this.refresh());
  }

  /** After a head that was kept: compares it with the branch as soon as there is a connection, however often that fails. */
  #catchUpInBackground(): void {
    this.#isTold = undefined;
    if (!this.#isBehind || this.#parts.client.state !== 'connected') return;
    this.#inBackground(
      this.#inLine(async () => {
        if (!this.#isBehind) return;
        await this.#jump();
        this.#isBehind = false;
      }),
    );
  }

  /** Somebody wrote in a scope that may be this store's. Who is not told of the store's moves looks for them. */
  #look(areRightsInDoubt: boolean): void {
    if (areRightsInDoubt) {
      this.#isInDoubt = true;
      this.#isTold = undefined;
    }
    if (this.#isTold === true || this.#isLooking || this.#closed || this.head.versionId === '') return;
    this.#isLooking = true;
    this.#inBackground(
      this.#inLine(async () => {
        this.#isLooking = false;
        if (this.#isInDoubt) await this.#checkRight();
        if ((this.#isTold ??= await this.#isToldOf(this.head))) return;
        const { branch, seq } = this.head;
        const { client, name } = this.#parts;
        for await (const move of readMoves(client.readPage, { store: name, branch, afterSeq: seq })) {
          for (const id of move.passes) remember(this.#told, id);
          await this.#takeIn(move);
        }
      }),
    );
  }

  /** What may not be read is left out of pages: that the head is not found says that its right is gone. */
  async #checkRight(): Promise<void> {
    this.#isInDoubt = false;
    const { client, name } = this.#parts;
    const { versions } = await client.read('readVersions', { ...ALL_VERSIONS, ids: [this.head.versionId] });
    if (versions.length === 0) throw makeDenied(name, this.head.versionId);
    this.#denied.noteAllowed();
  }

  /** Whether records of the module can be read: the one of the move to the head can. */
  async #isToldOf({ seq }: Head): Promise<boolean> {
    try {
      const page = await this.#parts.client.read('readEvents', { ...ALL_EVENTS, ids: [`system:${seq}`], limit: 1 });
      return page.events.length > 0;
    } catch (error) {
      if (error instanceof NervError && error.code === 'permission/denied') return false;
      throw error;
    }
  }

  #accept(events: readonly LiveEvent[]): void {
    for (const event of events) {
      if (event.kind !== 'system') continue;
      if (event.eventType === 'VERSIONS_COMPACTED' || event.eventType === 'VERSIONS_PRUNED') {
        this.#parts.log.forget();
        this.#parts.reader.forget();
      }
      if (event.eventType !== 'BRANCH_MOVED') continue;
      const isWanted = (name: string): boolean => name === this.head.branch || this.#switching > 0;
      for (const move of movesOf(event, this.#parts.name)) {
        if (!isWanted(move.branch)) continue;
        for (const id of move.passes) remember(this.#told, id);
        this.#lag += 1;
        const taken = this.#inLine(() => this.#takeIn(move)).finally(() => (this.#lag -= 1));
        this.#inBackground(taken);
      }
    }
  }

  async #showOwn(branch: string, versionId: string): Promise<void> {
    const { head } = this;
    if (this.#told.has(versionId) || branch !== head.branch || versionId === head.versionId) return;
    // Its record is not for this reader, or not to be had now: the move is shown on the writer's word.
    remember(this.#shown, versionId);
    await this.#moveTo({ branch, versionId, seq: head.seq, passes: [versionId] });
  }

  async #takeIn(move: Move): Promise<void> {
    const { head } = this;
    // A move from before the branch was read here is in what was read.
    if (this.#shown.delete(move.versionId) || move.branch !== head.branch || move.seq <= head.seq) return;
    if (move.versionId === head.versionId) this.#show('move', { ...head, seq: move.seq });
    else await this.#moveTo(move);
  }

  /** Goes to where the branch is now, whatever lies in between. */
  async #jump(lost: readonly string[] = []): Promise<void> {
    const { branch, seq } = this.head;
    const { log } = this.#parts;
    const open = new Set([...this.#making.keys(), ...this.seen.pending]);
    for (const id of lost) open.delete(id);
    // What was recorded before the head is read is part of it, or of what it came from.
    const passes = await log.recorded([...open]);
    const found = await log.tryHead(branch);
    if (found === undefined || found.seq <= seq) return;
    for (const id of passes) remember(this.#told, id);
    await this.#moveTo({ branch, ...found, passes });
  }

  async #moveTo(move: Move): Promise<void> {
    const making = this.#making.get(move.versionId);
    const isOurs = making !== undefined && (await making.done.catch(() => false));
    const { parents } = isOurs ? making : await this.#parts.log.link(move.versionId);
    const { tree, open } = isOurs ? making : await this.#states(move.versionId);
    const isNext = this.#followsHead(parents[0]);
    const type = isNext ? (parents.length > 1 ? 'merge' : 'commit') : 'move';
    const { branch, versionId, seq, passes } = move;
    this.#show(type, { branch, versionId, seq, tree, open }, passes);
  }

  /** Whether a first parent is the head, or came from it by commits made here that moved the branch with it. */
  #followsHead(parent: string | undefined): boolean {
    const { versionId } = this.head;
    let next = parent;
    while (next !== undefined && next !== versionId) next = this.#making.get(next)?.parents[0];
    return next === versionId;
  }

  #show(type: StateChange<S>['type'], head: Head, passed: readonly string[] = []): void {
    this.seen.confirm(type, head, [...passed, ...this.#upTo(head.versionId)]);
    if (!this.#closed) this.#parts.onHead(head);
  }

  /** A version that arrives and the commits it was made on, as far as they were made here. */
  #upTo(versionId: string): readonly string[] {
    const { pending } = this.seen;
    const ids: string[] = [];
    for (let next: string | undefined = versionId; next !== undefined; next = this.#making.get(next)?.parents[0]) {
      if (pending.includes(next)) ids.push(next);
    }
    return ids;
  }

  async #states(versionId: string): Promise<StatePair> {
    if (versionId === this.head.versionId) return { tree: this.head.tree, open: this.head.open };
    const { tree } = await this.#parts.reader.load(versionId);
    return { tree, open: await this.#parts.sealed.open(tree) };
  }

  #inLine<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#line.then(work, work);
    this.#line = result.catch(() => undefined);
    return result;
  }
}

function makeDenied(store: string, versionId: string): RefusedError {
  return new RefusedError({
    code: 'permission/denied',
    op: null,
    ids: [store, versionId],
    details: { action: 'read', resource: `store:${store}` },
    message: `The store '${store}' may not be read any more: what is held of it stays as it was. Ask its owner for a grant.`,
  });
}

function remember(ids: Set<string>, id: string): void {
  ids.delete(id);
  ids.add(id);
  for (const oldest of ids) {
    if (ids.size <= MOVES_REMEMBERED) return;
    ids.delete(oldest);
  }
}
