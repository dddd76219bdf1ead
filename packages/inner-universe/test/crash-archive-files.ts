/**
 * An archive's files in memory, which lose what was not made durable. After the crash of a process everything that its
 * calls had done is there, and of the call that was running any part; after that of the machine, of each file's writes
 * since its last sync any subset, each whole or cut, and any subset of the names made or removed since the last sync of
 * the directory.
 */
import { NervPersistenceError } from '../src/errors.ts';
import type { ArchiveFiles } from '../src/archive/archive-files.ts';

/** Thrown by every call from the crash on. */
export class CrashError extends Error {}

type Change =
  | { readonly type: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly type: 'truncate'; readonly size: number };

interface FileNode {
  durable: Uint8Array;
  live: Uint8Array;
  pending: Change[];
}

export class CrashArchiveFiles implements ArchiveFiles {
  readonly directory = '/archive';
  /** The step at which the process ends: calls that change something count, from 0. */
  crashAt = Number.POSITIVE_INFINITY;
  /** The steps whose call fails with `EIO`, having done nothing durable. */
  readonly failAt = new Set<number>();
  steps = 0;
  random: () => number = () => 0.5;
  #isDown = false;
  #isLocked = false;
  #live = new Map<string, FileNode>();
  #durable = new Map<string, FileNode>();

  /** What the next process finds. */
  afterProcessCrash(): CrashArchiveFiles {
    const next = new CrashArchiveFiles();
    const copies = new Map<FileNode, FileNode>();
    const copy = (node: FileNode): FileNode => {
      const made = copies.get(node) ?? { ...node, pending: [...node.pending] };
      copies.set(node, made);
      return made;
    };
    for (const [name, node] of this.#live) next.#live.set(name, copy(node));
    for (const [name, node] of this.#durable) next.#durable.set(name, copy(node));
    return next;
  }

  /** What the next boot finds. */
  afterPowerLoss(random: () => number): CrashArchiveFiles {
    const next = new CrashArchiveFiles();
    for (const name of new Set([...this.#live.keys(), ...this.#durable.keys()])) {
      const [live, durable] = [this.#live.get(name), this.#durable.get(name)];
      const node = live === durable ? live : random() < 0.5 ? live : durable;
      if (node === undefined) continue;
      const bytes = surviving(node, random);
      const kept = { durable: bytes, live: bytes, pending: [] };
      next.#live.set(name, kept);
      next.#durable.set(name, kept);
    }
    return next;
  }

  /** A file's bytes, as they are. */
  contents(name: string): Uint8Array {
    return new Uint8Array(this.#node(name).live);
  }

  /** Puts a file there, durably. */
  put(name: string, bytes: Uint8Array): void {
    // A copy, also of a Buffer, whose `slice` is none.
    const copy = new Uint8Array(bytes);
    const node = { durable: copy, live: copy, pending: [] };
    this.#live.set(name, node);
    this.#durable.set(name, node);
  }

  async list(): Promise<readonly string[]> {
    this.#checkUp();
    return [...this.#live.keys()];
  }

  async size(name: string): Promise<number> {
    this.#checkUp();
    return this.#node(name).live.length;
  }

  async read(name: string, position: number, length: number): Promise<Uint8Array> {
    this.#checkUp();
    return this.#node(name).live.slice(position, position + length);
  }

  async write(name: string, position: number, bytes: Uint8Array): Promise<void> {
    const write = (part: Uint8Array): void => {
      if (!this.#live.has(name))
        this.#live.set(name, { durable: new Uint8Array(), live: new Uint8Array(), pending: [] });
      apply(this.#node(name), { type: 'write', position, bytes: new Uint8Array(part) });
    };
    this.#begin(() => write(bytes.subarray(0, Math.floor(this.random() * bytes.length))));
    write(bytes);
  }

  async truncate(name: string, size: number): Promise<void> {
    const truncate = (): void => apply(this.#node(name), { type: 'truncate', size });
    this.#begin(truncate);
    truncate();
  }

  async remove(name: string): Promise<void> {
    this.#node(name);
    const remove = (): void => void this.#live.delete(name);
    this.#begin(remove);
    remove();
  }

  async sync(name: string): Promise<void> {
    const node = this.#node(name);
    const sync = (): void => {
      node.durable = node.live;
      node.pending = [];
    };
    // A sync that failed leaves bytes that can be read, and that no later sync writes.
    if (this.failAt.has(this.steps)) node.pending = [];
    this.#begin(sync);
    sync();
  }

  async syncDirectory(): Promise<void> {
    const sync = (): void => void (this.#durable = new Map(this.#live));
    this.#begin(sync);
    sync();
  }

  async lock(): Promise<() => Promise<void>> {
    this.#checkUp();
    if (this.#isLocked) throw new NervPersistenceError('archive/in-use', 'Another process writes to the archive.');
    this.#isLocked = true;
    return async () => void (this.#isLocked = false);
  }

  #begin(mayHaveHappened: () => void): void {
    this.#checkUp();
    const step = this.steps;
    this.steps += 1;
    if (this.failAt.has(step)) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    if (step < this.crashAt) return;
    if (this.random() < 0.5) mayHaveHappened();
    this.#isDown = true;
    throw new CrashError(`the process ended at step ${step}`);
  }

  #checkUp(): void {
    if (this.#isDown) throw new CrashError('the process has ended');
  }

  #node(name: string): FileNode {
    const node = this.#live.get(name);
    if (node === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' });
    return node;
  }
}

function apply(node: FileNode, change: Change): void {
  node.pending.push(change);
  node.live = changed(node.live, change);
}

function changed(before: Uint8Array, change: Change): Uint8Array {
  const end = change.type === 'truncate' ? change.size : Math.max(before.length, change.position + change.bytes.length);
  const after = new Uint8Array(end);
  after.set(before.subarray(0, end));
  if (change.type === 'write') after.set(change.bytes, change.position);
  return after;
}

function surviving(node: FileNode, random: () => number): Uint8Array {
  let bytes = node.durable;
  for (const change of node.pending) {
    const kind = Math.floor(random() * 3);
    if (kind === 0) continue;
    if (kind === 1 || change.type === 'truncate') bytes = changed(bytes, change);
    else
      bytes = changed(bytes, { ...change, bytes: change.bytes.slice(0, Math.floor(random() * change.bytes.length)) });
  }
  return bytes;
}
