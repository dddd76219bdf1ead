import { systemTimers, type Timers } from '@inner-universe/nerv';
import { StateTree } from '@inner-universe/nerv/temporal';
import { ConnectionError } from '../errors.ts';
import type { LocalCopies } from '../offline/local-copies.ts';
import type { Head } from './seen-state.ts';
import type { VersionLink, VersionLog } from './version-log.ts';

/** Texts of states that are larger are not kept. */
const COPY_LENGTH_MAX = 16_777_216;
/** A head is kept when it stood for so long, and longer if its state is large: writing it costs by its size. */
const QUIET_MS = 250;
const QUIET_MS_MAX = 10_000;
const PLACES_PER_MS = 50;

/** What a copy holds beside the text of the state. */
interface CopyHeader {
  readonly format: 'state/1';
  readonly versionId: string;
  readonly seq: string;
  readonly hash: string;
  readonly link: VersionLink;
}

/** A head as it was kept. */
export interface KeptHead {
  readonly versionId: string;
  readonly seq: bigint;
  readonly tree: StateTree;
  readonly link: VersionLink;
}

/** What heads of a store are kept with. */
export interface HeadCopyParts {
  readonly copies: LocalCopies;
  readonly store: string;
  readonly log: VersionLog;
  readonly timers?: Timers | undefined;
  readonly onError: (error: unknown) => void;
}

/** Keeps the confirmed head of a store here, as it is recorded, so that it can be opened without the server. */
export class HeadCopy {
  readonly #parts: HeadCopyParts;
  #next: Head | undefined;
  #cancel: (() => void) | undefined;

  constructor(parts: HeadCopyParts) {
    this.#parts = parts;
  }

  /** The head that was kept of a branch; undefined where there is none that is whole. */
  async tryRead(branch: string): Promise<KeptHead | undefined> {
    const text = await this.#parts.copies.get(nameOf(this.#parts.store, branch));
    return text === undefined ? undefined : parseCopy(text);
  }

  /** Has a head kept, soon. */
  note(head: Head): void {
    this.#next = head;
    if (this.#cancel !== undefined) return;
    const { timers = systemTimers } = this.#parts;
    const delayMs = Math.min(QUIET_MS_MAX, QUIET_MS + head.tree.weight / PLACES_PER_MS);
    this.#cancel = timers.schedule(() => void this.#keepSoon(), delayMs);
  }

  /** Has what was noted last kept now, if nothing has to be asked for it. */
  flush(): void {
    const head = this.#take();
    const link = head === undefined ? undefined : this.#parts.log.tryKeptLink(head.versionId);
    if (head !== undefined && link !== undefined) this.#keep(head, link);
  }

  #take(): Head | undefined {
    this.#cancel?.();
    this.#cancel = undefined;
    const head = this.#next;
    this.#next = undefined;
    return head;
  }

  async #keepSoon(): Promise<void> {
    const head = this.#take();
    if (head === undefined) return;
    try {
      this.#keep(head, await this.#parts.log.link(head.versionId));
    } catch (error) {
      // Without the server nothing new is kept; the next head is.
      if (!(error instanceof ConnectionError)) this.#parts.onError(error);
    }
  }

  #keep({ branch, versionId, seq, tree }: Head, link: VersionLink): void {
    const { copies, store } = this.#parts;
    const header: CopyHeader = { format: 'state/1', versionId, seq: seq.toString(), hash: tree.hash, link };
    const text = `${JSON.stringify(header)}\n${tree.stringify()}`;
    if (text.length <= COPY_LENGTH_MAX) copies.set(nameOf(store, branch), text);
    else copies.delete(nameOf(store, branch));
  }
}

function nameOf(store: string, branch: string): string {
  return `state/${JSON.stringify([store, branch])}`;
}

/** What a copy says; nothing if it is not what its hash names, whatever became of it. */
function parseCopy(text: string): KeptHead | undefined {
  const end = text.indexOf('\n');
  try {
    const header = JSON.parse(text.slice(0, end)) as CopyHeader; // written by `#keep`, and checked by the hash
    if (header.format !== 'state/1') return undefined;
    const tree = StateTree.parse<unknown>(text.slice(end + 1));
    if (tree.hash !== header.hash) return undefined;
    return { versionId: header.versionId, seq: BigInt(header.seq), tree, link: header.link };
  } catch {
    // A copy is a convenience: one that is damaged is none.
    return undefined;
  }
}
