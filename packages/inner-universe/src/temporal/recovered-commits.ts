/*
 * Commits that lie in the outbox. Invariants:
 * - one of an earlier run of this program is taken by one store, the first that is opened with its branch checked out;
 * - what became of it is told to that store, also if it was answered before the store was opened, or by that run;
 * - one that was refused because others came first stays until what was made anew of it is recorded, or given up: a
 *   program that is killed in between has not lost it;
 * - where a refusal stops all behind it, one that is to be made anew stops them only until its new form is kept.
 */
import type { Op, RecordVersionOp } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import type { ModuleClient } from '../client/client.ts';
import { loadStoredText } from '../client/value-text.ts';
import type { ReadPage } from '../client/change-source.ts';
import type { Work, WorkItem, WorkOutcome, WorkReason } from '../offline/work.ts';
import { NervPersistenceError, RefusedError } from '../errors.ts';

/** How a write ended: nothing, or why it was refused. */
export type Answer = { readonly error: unknown } | undefined;

/** A commit that was made before this program was started. */
export interface RecoveredCommit {
  readonly op: RecordVersionOp;
  readonly answer: Promise<Answer>;
  /** The text of its delta. */
  readonly loadDelta: () => Promise<string>;
  /** Leaves it to be taken again. */
  readonly putBack: () => void;
}

interface Waiting {
  readonly ops: readonly Op[];
  readonly answer: Promise<Answer>;
  readonly settle: (answer: Answer) => void;
  isTaken: boolean;
}

/** The commits that lay in the outbox when a client was opened. */
export class RecoveredCommits {
  readonly #work: Work;
  readonly #read: ReadPage;
  readonly #onError: (error: unknown) => void;
  readonly #waiting = new Map<string, Waiting>();
  /** Versions of which one form is recorded, or that somebody was told of: other forms of them are worth nothing. */
  readonly #decided = new Set<string>();
  /** Versions that were refused because others came first: what was made on them will be as well. */
  readonly #lost = new Set<string>();
  readonly #stopListening: () => void;

  constructor({ work, readPage }: Pick<ModuleClient, 'work' | 'readPage'>, onError: (error: unknown) => void) {
    this.#work = work;
    this.#onError = onError;
    this.#read = readPage;
    for (const { id, ops, state, reason } of work.list()) {
      if (!ops.some(({ tag }) => tag === 'recordVersion')) continue;
      if (state !== 'rejected') this.#expect(id, ops);
      else if (reason !== undefined && isUndecided(reason))
        this.#lose(this.#expect(id, ops), { error: makeRefused(reason) });
    }
    this.#loseBehind();
    this.#stopListening = work.onOutcome((outcome) => this.#settle(outcome));
  }

  /** Takes the commits to a branch, in the order they were made: nobody else gets them. */
  take(store: string, branch: string): readonly RecoveredCommit[] {
    const taken: RecoveredCommit[] = [];
    for (const waiting of this.#waiting.values()) {
      const commits = waiting.ops.filter(
        (op) => op.tag === 'recordVersion' && op.value.store === store && op.value.move?.branch === branch,
      );
      // A write that does more than change one state is made anew as a whole, by whoever made it.
      const [commit] = commits;
      if (waiting.isTaken || commit?.tag !== 'recordVersion') continue;
      if (waiting.ops.some((op) => op !== commit && op.tag !== 'uploadChunk')) continue;
      if (commit.value.parents.length !== 1) continue;
      waiting.isTaken = true;
      const { answer, ops } = waiting;
      taken.push({
        op: commit.value,
        answer,
        loadDelta: () => this.#loadDelta(commit.value, ops),
        putBack: () => void (waiting.isTaken = false),
      });
    }
    return taken;
  }

  /** Forgets what was refused of a version that has been made anew, or that somebody was told of. */
  async forget(versionId: string): Promise<void> {
    if ([...this.#waiting.values()].some(({ ops }) => versionsOf(ops).includes(versionId)))
      this.#decided.add(versionId);
    for (const { id } of this.#refused(versionId)) {
      this.#waiting.delete(id);
      await this.#work.discard(id);
    }
  }

  /**
   * A version is being sent anew: call it in the same turn. Where its refusal stops all behind it, the new form too, the old one is taken away as soon as
   * the new one is kept.
   */
  async noteRemade(versionId: string): Promise<void> {
    if (!this.#work.stopsAtRejected || !this.#lost.has(versionId)) return;
    const old = [...this.#waiting].filter(([, { ops }]) => versionsOf(ops).includes(versionId)).map(([id]) => id);
    await this.#work.secured();
    for (const id of old) {
      try {
        await this.#work.discard(id);
        this.#waiting.delete(id);
      } catch (error) {
        if (!(error instanceof NervPersistenceError) || error.code !== 'outbox/not-rejected') throw error;
        // It may have been applied: its answer decides, and is heard of in `#settle`.
        if (this.#work.list().some((item) => item.id === id)) this.#decided.add(versionId);
      }
    }
  }

  /** What was refused of a version is given up: the outbox says why, of the form it was made in last. */
  async giveUp(versionId: string, error: unknown): Promise<void> {
    const refused = [...this.#refused(versionId)];
    const last = refused.pop();
    for (const { id } of refused) await this.#work.discard(id);
    if (last !== undefined) await this.#work.explain(last.id, error);
  }

  #refused(versionId: string): readonly WorkItem[] {
    if (this.#work.summary.getSnapshot().rejected === 0) return [];
    return this.#work
      .list('rejected')
      .filter(({ ops }) => ops.some((op) => op.tag === 'recordVersion' && op.value.versionId === versionId));
  }

  close(): void {
    this.#stopListening();
  }

  #expect(id: string, ops: readonly Op[]): Waiting {
    const told: { settle?: (answer: Answer) => void } = {};
    const answer = new Promise<Answer>((resolve) => (told.settle = resolve));
    const waiting = { ops, answer, settle: (given: Answer) => told.settle?.(given), isTaken: false };
    this.#waiting.set(id, waiting);
    return waiting;
  }

  #settle({ id, outcome, error }: WorkOutcome): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    if (outcome === 'rejected' && isLostCode(error)) {
      this.#lose(waiting, { error });
      this.#loseBehind();
    } else waiting.settle(outcome === 'applied' ? undefined : { error });
    const versionIds = versionsOf(waiting.ops);
    // One that was refused can still be made anew by the store it is for.
    if (outcome !== 'rejected') this.#waiting.delete(id);
    if (outcome === 'applied' || versionIds.some((versionId) => this.#decided.has(versionId)))
      void this.#forgetSoon(versionIds);
  }

  #lose(waiting: Waiting, answer: Answer): void {
    for (const versionId of versionsOf(waiting.ops)) this.#lost.add(versionId);
    waiting.settle(answer);
  }

  /**
   * Where a refusal stops all behind it, those that were made on what was refused are not sent before that is made anew:
   * their answer is known, and that is not made anew before it is.
   */
  #loseBehind(): void {
    if (!this.#work.stopsAtRejected) return;
    for (const waiting of this.#waiting.values()) {
      const op = waiting.ops.find(({ tag }) => tag === 'recordVersion');
      if (op?.tag !== 'recordVersion' || this.#lost.has(op.value.versionId)) continue;
      const lost = op.value.parents.find((parent) => this.#lost.has(parent));
      if (lost === undefined) continue;
      const message = `It was made on version '${lost}', which is made anew.`;
      this.#lose(waiting, { error: makeRefused({ code: 'state/unknown-parent', message, details: {} }) });
    }
  }

  /** When the answer that it follows from is on its way to the outbox: an outcome is told before that. */
  async #forgetSoon(versionIds: readonly string[]): Promise<void> {
    try {
      await Promise.resolve();
      for (const versionId of versionIds) await this.forget(versionId);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Pieces of a large delta lie beside it. */
  async #loadDelta(op: RecordVersionOp, ops: readonly Op[]): Promise<string> {
    const read: ReadPage = async (name, args) => {
      if (name !== 'readChunk') return this.#read(name, args);
      const { digest, position } = args as { readonly digest: string; readonly position: number }; // of `readChunk`
      const piece = ops.find(
        (other) => other.tag === 'uploadChunk' && other.value.digest === digest && other.value.position === position,
      );
      const pieces = piece?.tag === 'uploadChunk' ? [piece.value.bytes] : [];
      return { pieces } as never; // the result of `readChunk`
    };
    const { delta = '[]', deltaEncoding, scope } = op;
    return loadStoredText(read, { text: delta, encoding: deltaEncoding, scope });
  }
}

function versionsOf(ops: readonly Op[]): readonly string[] {
  return ops.flatMap((op) => (op.tag === 'recordVersion' ? [op.value.versionId] : []));
}

/** Whether a commit was refused because others came first, and nobody has given it up since. */
function isUndecided({ code, details }: WorkReason): boolean {
  // Who gives up says how often it was tried.
  return LOST_CODES.has(code) && details['attempts'] === undefined;
}

function isLostCode(error: unknown): boolean {
  return error instanceof NervError && LOST_CODES.has(error.code);
}

/** Refusals after which a commit is made anew. */
const LOST_CODES: ReadonlySet<string> = new Set([
  'state/version-conflict',
  'state/unknown-parent',
  // It, or its parent, was made anew, and recorded like that: who makes it once more finds out.
  'state/bad-chain-hash',
  'state/id-taken',
]);

/** What the module said to an earlier process; that its parent is not the head is all that matters of it. */
function makeRefused({ message }: WorkReason): RefusedError {
  return new RefusedError({ code: 'state/unknown-parent', op: null, ids: [], details: {}, message });
}
