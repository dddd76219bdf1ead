/*
 * What is checked out of a store, and how it moves. Invariants:
 * - `head` is where the branch stands, as far as the log was followed, with its verified state;
 * - it moves through every move of the branch, once, in the order of the log; moves that one transaction made count as
 *   one;
 * - a move made here has been shown when its writer is told that it is done.
 */
import { NervError } from '@inner-universe/nerv';
import { StoreObservers, type DeepReadonly, type StateChange, type StateTree } from '@inner-universe/nerv/temporal';
import type { LiveEvent } from '../client/change-source.ts';
import type { ModuleClient } from '../client/client.ts';
import type { StatePair } from '../encryption/state-sealer.ts';
import type { SealedStates } from './sealed-states.ts';
import type { VersionLog, BranchHead } from './version-log.ts';
import type { VersionReader } from './version-reader.ts';

/** What is checked out: as it is recorded and as it is seen. */
export interface Head extends BranchHead, StatePair {
  readonly branch: string;
}

/** What a follower works with. */
export interface FollowerParts {
  readonly client: ModuleClient;
  readonly reader: VersionReader;
  readonly log: VersionLog;
  readonly name: string;
  readonly sealed: SealedStates;
  readonly onError: (error: unknown) => void;
}

/** A version that is being recorded here. */
interface Making extends StatePair {
  readonly parents: readonly string[];
  /** Whether it was recorded, when that is known. */
  readonly done: Promise<boolean>;
}

interface Move extends BranchHead {
  readonly branch: string;
}

interface MoveItem {
  readonly store: string;
  readonly name: string;
  readonly to: string;
}

/** Moves are remembered until the log and the writer have both told of them. */
const MOVES_REMEMBERED = 1_000;

/** Follows one branch of a store and tells observers. */
export class BranchFollower<S> {
  readonly observers: StoreObservers<S>;
  readonly #parts: FollowerParts;
  readonly #stopListening: () => void;
  readonly #making = new Map<string, Making>();
  /** Versions that the log told of a move to, since a writer here last asked. */
  readonly #told = new Set<string>();
  /** Versions that were shown before the log told of them. */
  readonly #shown = new Set<string>();
  #line: Promise<unknown> = Promise.resolve();
  /** While this is above 0, another branch may be checked out soon: moves of all branches count. */
  #switching = 0;
  #head: Head;
  #closed = false;

  /** Starts without a head: `checkOut` gives it one. */
  constructor(parts: FollowerParts, branch: string, tree: StateTree) {
    this.#parts = parts;
    this.#head = { branch, versionId: '', seq: -1n, tree, open: tree };
    this.observers = new StoreObservers<S>(parts.onError);
    this.#stopListening = parts.client.listen(
      (events) => this.#accept(events),
      () => this.#refreshInBackground(),
    );
  }

  get head(): Head {
    return this.#head;
  }

  /** Checks out a branch that is where `find` says when it is asked; nothing that happens since is missed. */
  async checkOut(branch: string, find: () => Promise<BranchHead>): Promise<void> {
    this.#switching += 1;
    try {
      await this.#inLine(async () => {
        const found = await find();
        const head = { branch, ...found, ...(await this.#states(found.versionId)) };
        if (this.#head.versionId === '') this.#head = head;
        else this.#show('switch', head);
      });
    } finally {
      this.#switching -= 1;
    }
  }

  /** Announces a version that is about to be recorded: its state need not be read back. */
  announce(versionId: string, making: Making): void {
    this.#told.delete(versionId);
    this.#making.set(versionId, making);
    const forget = (): void => void this.#making.delete(versionId);
    making.done.then(forget, forget);
  }

  /** Announces a move to a version that exists. */
  announceMove(versionId: string): void {
    this.#told.delete(versionId);
  }

  /** Resolves when a move that was made here is shown. */
  async settle(branch: string, versionId: string): Promise<void> {
    if (branch !== this.#head.branch) return;
    if (!this.#told.has(versionId)) await this.#wait(() => this.#parts.client.settle());
    await this.#inLine(async () => {
      if (this.#told.has(versionId) || branch !== this.#head.branch || versionId === this.#head.versionId) return;
      // Its record is not for this reader, or not to be had now: the move is shown on the writer's word.
      remember(this.#shown, versionId);
      await this.#moveTo({ branch, versionId, seq: this.#head.seq });
    });
  }

  /** Resolves when the head is where the branch is now; for a writer who lost a race. */
  async refresh(): Promise<void> {
    await this.#wait(() => this.#parts.client.catchUp());
    await this.#inLine(async () => {
      const { branch } = this.#head;
      const found = await this.#parts.log.tryHead(branch);
      if (found !== undefined && found.seq > this.#head.seq) await this.#moveTo({ branch, ...found });
    });
  }

  /** Shows the head as it is seen with the keys there are now. */
  reopen(): void {
    this.#inLine(async () => {
      const head = this.#head;
      if (head.versionId === '') return;
      const open = await this.#parts.sealed.open(head.tree);
      if (open.equals(head.open)) this.#head = { ...head, open };
      else this.#show('move', { ...head, open });
    }).catch((error: unknown) => {
      if (!this.#closed) this.#parts.onError(error);
    });
  }

  close(): void {
    this.#closed = true;
    this.#stopListening();
  }

  /** What cannot be read now is told by the log when it can. */
  async #wait(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof NervError)) throw error;
    }
  }

  #refreshInBackground(): void {
    this.refresh().catch((error: unknown) => {
      if (!this.#closed) this.#parts.onError(error);
    });
  }

  #accept(events: readonly LiveEvent[]): void {
    for (const event of events) {
      if (event.eventType !== 'BRANCH_MOVED' || event.kind !== 'system') continue;
      for (const move of this.#movesOf(event)) {
        remember(this.#told, move.versionId);
        this.#inLine(() => this.#takeIn(move)).catch((error: unknown) => {
          if (!this.#closed) this.#parts.onError(error);
        });
      }
    }
  }

  /** The last move of each branch that matters, which is where the transaction left it. */
  #movesOf(record: LiveEvent): readonly Move[] {
    const { items = [] } = JSON.parse(record.data) as { items?: readonly MoveItem[] }; // the module's own record
    const moves = new Map<string, Move>();
    for (const { store, name, to } of items) {
      if (store !== this.#parts.name || (name !== this.#head.branch && this.#switching === 0)) continue;
      moves.set(name, { branch: name, versionId: to, seq: record.seq });
    }
    return [...moves.values()];
  }

  async #takeIn(move: Move): Promise<void> {
    const head = this.#head;
    // A move from before the branch was read here is in what was read.
    if (this.#shown.delete(move.versionId) || move.branch !== head.branch || move.seq <= head.seq) return;
    if (move.versionId === head.versionId) this.#head = { ...head, seq: move.seq };
    else await this.#moveTo(move);
  }

  async #moveTo(move: Move): Promise<void> {
    const making = this.#making.get(move.versionId);
    const isOurs = making !== undefined && (await making.done.catch(() => false));
    const { parents } = isOurs ? making : await this.#parts.log.link(move.versionId);
    const { tree, open } = isOurs ? making : await this.#states(move.versionId);
    const isNext = parents[0] === this.#head.versionId;
    this.#show(isNext ? (parents.length > 1 ? 'merge' : 'commit') : 'move', { ...move, tree, open });
  }

  #show(type: StateChange<S>['type'], head: Head): void {
    const previous = this.#head;
    this.#head = head;
    if (this.observers.isEmpty || this.#closed) return;
    this.observers.tell({
      type,
      branch: head.branch,
      versionId: head.versionId,
      previousVersionId: previous.versionId,
      patch: previous.open.diff(head.open),
      state: show<S>(head.open),
      previousState: show<S>(previous.open),
      status: 'confirmed',
    });
  }

  async #states(versionId: string): Promise<StatePair> {
    if (versionId === this.#head.versionId) return { tree: this.#head.tree, open: this.#head.open };
    const { tree } = await this.#parts.reader.load(versionId);
    return { tree, open: await this.#parts.sealed.open(tree) };
  }

  #inLine<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#line.then(work, work);
    this.#line = result.catch(() => undefined);
    return result;
  }
}

/** A state as its readers see it. */
export function show<S>(tree: StateTree): DeepReadonly<S> {
  // Every state of a store was put in as an S, and a view cannot be written to.
  return tree.view() as DeepReadonly<S>;
}

function remember(ids: Set<string>, id: string): void {
  ids.delete(id);
  ids.add(id);
  for (const oldest of ids) {
    if (ids.size <= MOVES_REMEMBERED) return;
    ids.delete(oldest);
  }
}
