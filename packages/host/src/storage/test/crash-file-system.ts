/**
 * A file system in memory for tests, which loses what was not made durable. After a crash
 * - of the process, everything that calls had done is there, and of the call that was running any part;
 * - of the machine, of each file's writes since its last sync any subset is there, each whole, cut off at any byte, or
 *   in any of its sectors; and any subset of the names made, changed and removed since the directory's last sync.
 */
import path from 'node:path';
import type { FileMode, FileSystem, OpenFile } from '../disk/file-system.ts';

const SECTOR_BYTES = 512;

/** Gives numbers in [0, 1). */
export type RandomSource = () => number;

/** What each call that changes something is: for plans of faults. */
export interface FileCall {
  readonly step: number;
  readonly name: 'create' | 'write' | 'truncate' | 'sync' | 'rename' | 'remove' | 'makeDirectory' | 'syncDirectory';
  readonly path: string;
}

/** What becomes of a call: it works, fails with a system code, or the process ends in the middle of it. */
export type Fate = 'works' | 'crashes' | { readonly code: string };

/** Thrown by every call from the crash on. */
export class CrashError extends Error {}

interface FileNode {
  durable: Uint8Array;
  live: Uint8Array;
  pending: FileChange[];
}

type FileChange =
  | { readonly type: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly type: 'truncate'; readonly size: number };

type NameChange =
  | { readonly type: 'set'; readonly name: string; readonly file: FileNode }
  | { readonly type: 'rename'; readonly from: string; readonly to: string; readonly file: FileNode }
  | { readonly type: 'remove'; readonly name: string };

interface DirectoryNode {
  durable: Map<string, FileNode>;
  live: Map<string, FileNode>;
  pending: NameChange[];
}

/** See the head of this file. */
export class CrashFileSystem implements FileSystem {
  /** Decides about each call that changes something. */
  decide: (call: FileCall) => Fate = () => 'works';
  /** How a call that crashes or fails is cut; seeded by the test. */
  random: RandomSource = () => 0.5;
  /** Calls so far that changed something. */
  steps: number = 0;
  #isDown: boolean = false;
  readonly #directories: Map<string, DirectoryNode> = new Map();

  /** The file system as the next process finds it. */
  afterProcessCrash(): CrashFileSystem {
    const next = new CrashFileSystem();
    for (const [name, directory] of this.#directories) {
      next.#directories.set(name, copyDirectory(directory, copyLive));
    }
    return next;
  }

  /** The file system as the next boot finds it. */
  afterPowerLoss(random: RandomSource): CrashFileSystem {
    const next = new CrashFileSystem();
    const survivors = new Map<FileNode, FileNode>();
    const survive = (file: FileNode): FileNode => {
      const survivor = survivors.get(file) ?? makeDurableFile(surviveWrites(file, random));
      survivors.set(file, survivor);
      return survivor;
    };
    for (const [name, directory] of this.#directories) {
      const names = surviveNames(directory, random);
      const live = new Map([...names].map(([entry, file]) => [entry, survive(file)]));
      next.#directories.set(name, { durable: new Map(live), live, pending: [] });
    }
    return next;
  }

  /** What was written and not synced stays visible, but no later sync writes it: as after a sync that failed. */
  forgetUnsyncedWrites(): void {
    for (const directory of this.#directories.values()) for (const file of directory.live.values()) file.pending = [];
  }

  /** A copy whose files can be damaged without harm to this one. */
  clone(): CrashFileSystem {
    return this.afterProcessCrash();
  }

  /** Paths of all files, sorted. */
  files(): string[] {
    const all = [...this.#directories].flatMap(([name, directory]) =>
      [...directory.live.keys()].map((entry) => path.join(name, entry)),
    );
    return all.sort();
  }

  /** A file's bytes. */
  contents(file: string): Uint8Array {
    return this.#node(file).live.slice();
  }

  /** Puts a file there, durably, with these bytes. */
  put(file: string, bytes: Uint8Array): void {
    const name = path.dirname(file);
    const directory = this.#directories.get(name) ?? { durable: new Map(), live: new Map(), pending: [] };
    this.#directories.set(name, directory);
    const node = makeDurableFile(bytes.slice());
    directory.live.set(path.basename(file), node);
    directory.durable.set(path.basename(file), node);
  }

  async open(file: string, mode: FileMode): Promise<OpenFile> {
    if (this.#isDown) throw new CrashError('the process has ended');
    if (mode === 'create') {
      this.#begin('create', file, () => this.#create(file));
      this.#create(file);
    }
    return new CrashFile(this, file, this.#node(file));
  }

  async list(directory: string): Promise<readonly string[] | undefined> {
    if (this.#isDown) throw new CrashError('the process has ended');
    const node = this.#directories.get(directory);
    if (node === undefined && !this.#hasBelow(directory)) return undefined;
    const below = [...this.#directories.keys()].filter((name) => path.dirname(name) === directory);
    return [...(node?.live.keys() ?? []), ...below.map((name) => path.basename(name))];
  }

  async makeDirectory(directory: string): Promise<void> {
    if (this.#directories.has(directory)) return;
    const make = (): void =>
      void this.#directories.set(directory, { durable: new Map(), live: new Map(), pending: [] });
    this.#begin('makeDirectory', directory, make);
    make();
  }

  async rename(from: string, to: string): Promise<void> {
    const rename = (): void => {
      const directory = this.#directory(path.dirname(from));
      const file = this.#node(from);
      const change = { type: 'rename', from: path.basename(from), to: path.basename(to), file } as const;
      directory.pending.push(change);
      applyNameChange(directory.live, change);
    };
    this.#begin('rename', to, rename);
    rename();
  }

  async remove(file: string): Promise<void> {
    this.#node(file);
    const remove = (): void => {
      const directory = this.#directory(path.dirname(file));
      const change = { type: 'remove', name: path.basename(file) } as const;
      directory.pending.push(change);
      applyNameChange(directory.live, change);
    };
    this.#begin('remove', file, remove);
    remove();
  }

  async syncDirectory(directory: string): Promise<void> {
    const sync = (): void => {
      const node = this.#directory(directory);
      node.durable = new Map(node.live);
      node.pending = [];
    };
    this.#begin('syncDirectory', directory, sync);
    sync();
  }

  /** @internal Lets a call begin, or ends it as the plan says. `onCrash` is what may have happened all the same. */
  begin(name: FileCall['name'], file: string, onCrash: (random: RandomSource) => void): void {
    this.#begin(name, file, onCrash);
  }

  #begin(name: FileCall['name'], file: string, onCrash: (random: RandomSource) => void): void {
    if (this.#isDown) throw new CrashError('the process has ended');
    const fate = this.decide({ step: this.steps++, name, path: file });
    if (fate === 'works') return;
    // A write, too, may fail after a part of it was done; of other calls a failure means that nothing was.
    if (fate === 'crashes' ? this.random() < 0.5 : name === 'write') onCrash(this.random);
    if (fate !== 'crashes') throw Object.assign(new Error(`${fate.code}: ${name} failed`), { code: fate.code });
    this.#isDown = true;
    throw new CrashError(`the process ended at step ${this.steps - 1}, ${name} ${file}`);
  }

  #create(file: string): void {
    const directory = this.#directory(path.dirname(file));
    const name = path.basename(file);
    const node = directory.live.get(name);
    if (node !== undefined) {
      node.pending.push({ type: 'truncate', size: 0 });
      node.live = new Uint8Array(0);
      return;
    }
    const made: FileNode = { durable: new Uint8Array(0), live: new Uint8Array(0), pending: [] };
    directory.pending.push({ type: 'set', name, file: made });
    directory.live.set(name, made);
  }

  #hasBelow(directory: string): boolean {
    return [...this.#directories.keys()].some((name) => name.startsWith(directory + path.sep));
  }

  #directory(directory: string): DirectoryNode {
    const node = this.#directories.get(directory);
    if (node === undefined) throw Object.assign(new Error(`ENOENT: ${directory}`), { code: 'ENOENT' });
    return node;
  }

  #node(file: string): FileNode {
    const node = this.#directory(path.dirname(file)).live.get(path.basename(file));
    if (node === undefined) throw Object.assign(new Error(`ENOENT: ${file}`), { code: 'ENOENT' });
    return node;
  }
}

class CrashFile implements OpenFile {
  readonly #fileSystem: CrashFileSystem;
  readonly #path: string;
  readonly #node: FileNode;
  #isClosed: boolean = false;

  constructor(fileSystem: CrashFileSystem, file: string, node: FileNode) {
    this.#fileSystem = fileSystem;
    this.#path = file;
    this.#node = node;
  }

  async size(): Promise<number> {
    this.#checkOpen();
    return this.#node.live.length;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.#checkOpen();
    const part = this.#node.live.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#checkOpen();
    const copy = bytes.slice();
    this.#fileSystem.begin('write', this.#path, (random) =>
      this.#change({ type: 'write', position, bytes: copy.slice(0, Math.floor(random() * copy.length)) }),
    );
    // Others run while a write is under way, as on a real disk.
    await Promise.resolve();
    this.#change({ type: 'write', position, bytes: copy });
  }

  async truncate(size: number): Promise<void> {
    this.#checkOpen();
    this.#fileSystem.begin('truncate', this.#path, () => this.#change({ type: 'truncate', size }));
    this.#change({ type: 'truncate', size });
  }

  async sync(): Promise<void> {
    this.#checkOpen();
    const upTo = this.#node.pending.length;
    this.#fileSystem.begin('sync', this.#path, () => this.#sync(upTo));
    await Promise.resolve();
    this.#sync(upTo);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #change(change: FileChange): void {
    this.#node.pending.push(change);
    this.#node.live = applyFileChange(this.#node.live, change);
  }

  #sync(upTo: number): void {
    for (const change of this.#node.pending.splice(0, upTo)) {
      this.#node.durable = applyFileChange(this.#node.durable, change);
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw Object.assign(new Error(`EBADF: ${this.#path} is closed`), { code: 'EBADF' });
  }
}

function applyFileChange(before: Uint8Array, change: FileChange): Uint8Array {
  const size =
    change.type === 'truncate' ? change.size : Math.max(before.length, change.position + change.bytes.length);
  const after = new Uint8Array(size);
  after.set(before.subarray(0, size));
  if (change.type === 'write') after.set(change.bytes, change.position);
  return after;
}

function applyNameChange(names: Map<string, FileNode>, change: NameChange): void {
  if (change.type === 'set') names.set(change.name, change.file);
  if (change.type === 'remove') names.delete(change.name);
  if (change.type === 'rename') {
    names.delete(change.from);
    names.set(change.to, change.file);
  }
}

function surviveWrites(file: FileNode, random: RandomSource): Uint8Array {
  let bytes = file.durable;
  for (const change of file.pending) {
    for (const part of surviveChange(change, random)) bytes = applyFileChange(bytes, part);
  }
  return bytes;
}

/** What is left of one change: nothing, all, its first bytes, or some of its sectors. */
function surviveChange(change: FileChange, random: RandomSource): FileChange[] {
  const kind = Math.floor(random() * 4);
  if (kind === 0) return [];
  if (kind === 1 || change.type === 'truncate') return [change];
  if (kind === 2)
    return [{ ...change, bytes: change.bytes.slice(0, Math.floor(random() * (change.bytes.length + 1))) }];
  return splitSectors(change.position, change.bytes).filter(() => random() < 0.5);
}

function splitSectors(position: number, bytes: Uint8Array): FileChange[] {
  const parts: FileChange[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = Math.min(bytes.length, start + SECTOR_BYTES - ((position + start) % SECTOR_BYTES));
    parts.push({ type: 'write', position: position + start, bytes: bytes.slice(start, end) });
    start = end;
  }
  return parts;
}

function surviveNames(directory: DirectoryNode, random: RandomSource): Map<string, FileNode> {
  const names = new Map(directory.durable);
  for (const change of directory.pending) if (random() < 0.5) applyNameChange(names, change);
  return names;
}

function makeDurableFile(bytes: Uint8Array): FileNode {
  return { durable: bytes, live: bytes, pending: [] };
}

function copyLive(file: FileNode): FileNode {
  return { durable: file.durable, live: file.live, pending: [...file.pending] };
}

function copyDirectory(directory: DirectoryNode, copyFile: (file: FileNode) => FileNode): DirectoryNode {
  const copies = new Map<FileNode, FileNode>();
  const copy = (file: FileNode): FileNode => {
    const made = copies.get(file) ?? copyFile(file);
    copies.set(file, made);
    return made;
  };
  const names = (from: Map<string, FileNode>): Map<string, FileNode> =>
    new Map([...from].map(([name, file]) => [name, copy(file)]));
  const pending = directory.pending.map((change) =>
    change.type === 'remove' ? change : { ...change, file: copy(change.file) },
  );
  return { durable: names(directory.durable), live: names(directory.live), pending };
}
