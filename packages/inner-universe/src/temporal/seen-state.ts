/*
 * What a store shows: the head as it is confirmed, and over it the store's own commits that are to be shown before they
 * are. Invariants:
 * - what is shown is the confirmed head with every pending commit that applies, in the order they were made;
 * - observers are told of each change once, with the net change; of a confirmation that changed nothing else, by a
 *   change without operations, and only when nothing is pending any more.
 */
import { PendingOverlay, StateTarget, type PendingNotice } from '@inner-universe/nerv/pending';
import { StoreObservers, type DeepReadonly, type StateChange, type StateTree } from '@inner-universe/nerv/temporal';
import type { StatePair } from '../encryption/state-sealer.ts';
import type { StateCommit } from './state-commit.ts';
import type { BranchHead } from './version-log.ts';

/** What is checked out and confirmed: as it is recorded and as it is seen. */
export interface Head extends BranchHead, StatePair {
  readonly branch: string;
}

/** What is shown. */
interface Shown {
  readonly open: StateTree;
  readonly versionId: string;
}

interface ShownChange {
  readonly before: Shown;
  readonly after: Shown;
}

type ChangeType = StateChange<unknown>['type'];

/** The state that readers of one store see. */
export class SeenState<S> {
  readonly observers: StoreObservers<S>;
  readonly #target: StateTarget<Shown, StateCommit, Shown, ShownChange>;
  readonly #overlay: PendingOverlay<StateCommit, Shown, ShownChange>;
  #head: Head;
  #status: 'pending' | 'confirmed' = 'confirmed';
  #closed = false;

  constructor(head: Head, onError: (error: unknown) => void) {
    this.#head = head;
    this.observers = new StoreObservers<S>(onError);
    this.#target = new StateTarget<Shown, StateCommit, Shown, ShownChange>(head, {
      apply: (shown, commit) => {
        const open = commit.tryOn(shown.open);
        if (open === undefined) return { type: 'conflict', reason: 'both changed the same place' };
        return { type: 'applied', state: { open, versionId: commit.id } };
      },
      confirm: (_, confirmed) => confirmed,
      difference: (before, after) =>
        before.versionId === after.versionId && before.open.equals(after.open) ? undefined : { before, after },
    });
    this.#overlay = new PendingOverlay(this.#target);
  }

  /** The confirmed head. */
  get head(): Head {
    return this.#head;
  }

  /** What is shown now. */
  get shown(): Shown {
    return this.#target.current;
  }

  /** Whether anything that is shown is not confirmed. */
  get status(): 'pending' | 'confirmed' {
    return this.applied.length > 0 ? 'pending' : 'confirmed';
  }

  /** The ids of the commits over the head that `shown` has, in order. */
  get applied(): readonly string[] {
    return this.#overlay.pending.filter(({ conflict }) => conflict === undefined).map(({ id }) => id);
  }

  /** The ids of the commits that wait over the head, in order. */
  get pending(): readonly string[] {
    return this.#overlay.pending.map(({ id }) => id);
  }

  /** Shows a commit before it is confirmed. @throws NervError `pending/limit` */
  put(commit: StateCommit): void {
    this.#tell('commit', this.#overlay.add(commit.id, commit));
  }

  /** Takes back what is shown of a commit that will not be recorded; nothing for one that is not shown. */
  takeBack(id: string): void {
    this.#tell('move', this.#overlay.refuse(id));
  }

  /** Takes in what is confirmed, and the pending commits that are part of it. */
  confirm(type: ChangeType, head: Head, settled: readonly string[]): void {
    this.#head = head;
    this.#tell(type, this.#overlay.confirm({ open: head.open, versionId: head.versionId }, settled));
  }

  /** Tells nobody any more. */
  close(): void {
    this.#closed = true;
  }

  #tell(type: ChangeType, notice: PendingNotice<StateCommit, ShownChange> | undefined): void {
    const { status } = this;
    const isConfirmation = status === 'confirmed' && this.#status === 'pending';
    this.#status = status;
    if (this.observers.isEmpty || this.#closed) return;
    const { current } = this.#target;
    const { before, after } = notice?.change ?? { before: current, after: current };
    if (notice?.change === undefined && !isConfirmation && type !== 'switch') return;
    this.observers.tell({
      type,
      branch: this.#head.branch,
      versionId: after.versionId,
      previousVersionId: before.versionId,
      patch: before.open.diff(after.open),
      state: show<S>(after.open),
      previousState: show<S>(before.open),
      status,
    });
  }
}

/** A state as its readers see it. */
export function show<S>(tree: StateTree): DeepReadonly<S> {
  // Every state of a store was put in as an S, and a view cannot be written to.
  return tree.view() as DeepReadonly<S>;
}
