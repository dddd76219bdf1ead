/*
 * Commits of an earlier run of this program, which lie in the outbox. Invariants:
 * - each is taken by one store, the first that is opened with its branch checked out;
 * - what became of it is told to that store, also if it was answered before the store was opened.
 */
import type { Op, RecordVersionOp } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { loadStoredText } from '../client/value-text.ts';
import type { ReadPage } from '../client/change-source.ts';
import type { Work, WorkOutcome } from '../offline/work.ts';

/** How a write ended: nothing, or why it was refused. */
export type Answer = { readonly error: unknown } | undefined;

/** A commit that was made before this program was started. */
export interface RecoveredCommit {
  /** What it is called in the outbox. */
  readonly workId: string;
  readonly op: RecordVersionOp;
  readonly answer: Promise<Answer>;
  /** The text of its delta. */
  readonly loadDelta: () => Promise<string>;
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
  readonly #waiting = new Map<string, Waiting>();
  readonly #stopListening: () => void;

  constructor({ work, readPage }: Pick<ModuleClient, 'work' | 'readPage'>) {
    this.#work = work;
    this.#read = readPage;
    for (const { id, ops, state } of work.list()) {
      if (state !== 'rejected' && ops.some(({ tag }) => tag === 'recordVersion')) this.#expect(id, ops);
    }
    this.#stopListening = work.onOutcome((outcome) => this.#settle(outcome));
  }

  /** Takes the commits to a branch, in the order they were made: nobody else gets them. */
  take(store: string, branch: string): readonly RecoveredCommit[] {
    const taken: RecoveredCommit[] = [];
    for (const [workId, waiting] of this.#waiting) {
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
      taken.push({ workId, op: commit.value, answer, loadDelta: () => this.#loadDelta(commit.value, ops) });
    }
    return taken;
  }

  /** Forgets a write that was refused and has been made anew. */
  async forget(workId: string): Promise<void> {
    this.#waiting.delete(workId);
    await this.#work.discard(workId);
  }

  close(): void {
    this.#stopListening();
  }

  #expect(id: string, ops: readonly Op[]): void {
    const told: { settle?: (answer: Answer) => void } = {};
    const answer = new Promise<Answer>((resolve) => (told.settle = resolve));
    this.#waiting.set(id, { ops, answer, settle: (given) => told.settle?.(given), isTaken: false });
  }

  #settle({ id, outcome, error }: WorkOutcome): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    waiting.settle(outcome === 'applied' ? undefined : { error });
    // One that was refused can still be made anew by the store it is for.
    if (outcome !== 'rejected') this.#waiting.delete(id);
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
