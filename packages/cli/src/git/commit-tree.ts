import { StateTree } from '@inner-universe/nerv/temporal';
import { stringify } from '@inner-universe/nerv/values';
import type { FileChange } from './log-parser.ts';
import type { TreeEntry } from './repository.ts';

/** What the state of a commit says of one path. */
interface PathState {
  readonly mode: string;
  readonly blob: string;
}

/**
 * The tree of a commit as a state: each path key with its mode and blob id. Immutable; a commit's tree shares what it
 * did not change with its parent's.
 */
export class CommitTree {
  readonly #state: StateTree;
  /** Bytes of all entries in the canonical text, each with a comma. */
  readonly #entryBytes: number;

  private constructor(state: StateTree, bytes: number) {
    this.#state = state;
    this.#entryBytes = bytes;
  }

  static empty(): CommitTree {
    return new CommitTree(StateTree.from({}), 0);
  }

  static async read(entries: AsyncIterable<TreeEntry>): Promise<CommitTree> {
    const files: FileChange[] = [];
    for await (const entry of entries) files.push({ ...entry, status: 'added' });
    return CommitTree.empty().apply(files).tree;
  }

  /** The digest of the state, with its scheme. */
  get hash(): string {
    return this.#state.hash;
  }

  /** Bytes of the canonical text, known without making it, which would cost by the size of the tree. */
  get byteLength(): number {
    const braces = 2;
    return this.#entryBytes === 0 ? braces : this.#entryBytes - 1 + braces;
  }

  /** The state's canonical text. */
  text(): string {
    return this.#state.stringify();
  }

  /** The tree after a commit's changes, and these as the canonical text of an RFC 6902 patch. */
  apply(files: readonly FileChange[]): { tree: CommitTree; delta: string } {
    let bytes = this.#entryBytes;
    const set: [string, PathState][] = [];
    const remove: string[] = [];
    for (const file of files) {
      const before = this.#state.get([file.path]) as PathState | undefined; // only this class writes these states
      if (before !== undefined) bytes -= entryBytes(file.path, before);
      if (file.mode === undefined || file.blob === undefined) {
        remove.push(file.path);
      } else {
        const after = { mode: file.mode, blob: file.blob };
        bytes += entryBytes(file.path, after);
        set.push([file.path, after]);
      }
    }
    const state = this.#state.withEntries(set, remove);
    return { tree: new CommitTree(state, bytes), delta: stringify(this.#state.diff(state)) };
  }
}

/** Bytes of an entry in the canonical text, its comma included. */
function entryBytes(path: string, state: PathState): number {
  return Buffer.byteLength(stringify({ [path]: state })) - 1;
}
