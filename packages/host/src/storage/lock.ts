/**
 * A lock on a directory which the system releases when its holder dies, however that happens.
 *
 * On Windows it is a named pipe: only one process can make it. Elsewhere it is a socket in the directory's `lock`
 * folder, so that it is found under every path and from every container that shares the directory:
 *   L1 who wants the lock listens on a socket of its own first, and only then gives it its name `<id>.sock`: a name
 *      without a listener belongs to the dead, for ever, and may be removed by anybody;
 *   L2 then it looks at all other names. If none has a listener, it holds the lock. If one has, it takes its own name
 *      away, and is refused, or tries again when the other is not a holder either.
 * Of two who want it, the one whose name came second sees the other: no two can hold it.
 *
 * The limit: the processes must run on one machine. On a network file system a holder on another machine looks dead.
 */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { systemCode, toWriteError, writing } from './disk/io-error.ts';
import { LockSocket, probe, withShortName, type LockAnswer, type LockHolder } from './lock-socket.ts';
import { StorageError } from './storage-error.ts';

export type { LockHolder } from './lock-socket.ts';

/** Who takes a lock: what those are told who are refused it. */
export interface LockClaim {
  /** What the process is, in its user's words: `inner-universe serve`. */
  readonly command: string;
  /** Where it serves, if it does. */
  readonly address?: string | undefined;
}

/** A lock that is held until it is released or the process ends. It does not keep the process alive. */
export interface DirectoryLock extends AsyncDisposable {
  readonly directory: string;
  readonly holder: LockHolder;
  /** Tells those who are refused the lock where this process serves; `undefined` when it no longer does. */
  announce(address: string | undefined): void;
  /** Idempotent. */
  release(): Promise<void>;
}

/** Two that want the lock at the same moment make way for each other so many times at most. */
const ATTEMPTS_MAX = 100;

const RETRY_DELAY_MS_MAX = 40;

/** What making a socket answers on file systems that have none, such as folders shared with a virtual machine. */
const NO_SOCKETS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'];

const SILENT = 'which does not answer';

const CLAIMED = '.new';
const NAMED = '.sock';

/**
 * Locks a directory, which is made if need be.
 * @throws {StorageError} `storage/in-use`, whose message and details say by whom and what to do;
 * `storage/write-failed` when the directory cannot be written.
 */
export async function lockDirectory(directory: string, claim: LockClaim): Promise<DirectoryLock> {
  const real = await writing(directory, async () => {
    await fs.mkdir(directory, { recursive: true, mode: 0o700 });
    return fs.realpath(directory);
  });
  if (process.platform === 'win32') return lockByName(real, pipeName(real), claim);
  try {
    return await lockInFolder(real, path.join(real, 'lock'), claim);
  } catch (error) {
    if (!NO_SOCKETS.includes(systemCode(error))) throw toWriteError(path.join(real, 'lock'), error);
    return lockInFolder(real, substituteFolder(real), claim);
  }
}

/** Who holds the lock on a directory now, or `undefined`. Of one that does not answer only `pid` is known, or 0. */
export async function findLockHolder(directory: string): Promise<LockHolder | undefined> {
  if (!(await isThere(directory))) return undefined;
  const real = await fs.realpath(directory);
  if (process.platform === 'win32') return holderOf(await lookAt(pipeName(real)));
  for (const folder of [path.join(real, 'lock'), substituteFolder(real)]) {
    const holder = holderOf((await lookIntoFolder(folder)).alive);
    if (holder !== undefined) return holder;
  }
  return undefined;
}

/** Locks by a name that the system gives to one process only, and takes back when that ends. */
export async function lockByName(directory: string, name: string, claim: LockClaim): Promise<DirectoryLock> {
  const holder = makeHolder(claim);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const socket = new LockSocket({ state: 'held', holder });
    try {
      await socket.listen(name);
      return new HeldLock(directory, socket, async () => undefined);
    } catch (error) {
      if (!['EADDRINUSE', 'EACCES'].includes(systemCode(error))) throw error;
      const alive = await lookAt(name);
      if (alive.length > 0) throw makeInUseError(directory, holderOf(alive));
    }
  }
  throw makeInUseError(directory, undefined);
}

/** Locks by sockets in a folder, as the head of this file says. */
export async function lockInFolder(directory: string, folder: string, claim: LockClaim): Promise<DirectoryLock> {
  const holder = makeHolder(claim);
  let rival: LockHolder | undefined;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    // With the process id in it, a holder is known even when it does not answer.
    const id = `${randomBytes(6).toString('hex')}-${process.pid}`;
    const socket = new LockSocket({ state: 'claimed', holder });
    if (!(await tryName(folder, id, socket))) continue;
    const alive = await clearAndLook(folder, id, socket);
    if (alive.length === 0) {
      socket.answer = { state: 'held', holder };
      return new HeldLock(directory, socket, () => removeName(folder, id));
    }
    await withdraw(folder, id, socket);
    rival = holderOf(alive);
    if (alive.some((found) => found.state === 'held')) throw makeInUseError(directory, rival);
    await delay(Math.random() * RETRY_DELAY_MS_MAX);
  }
  throw makeInUseError(directory, rival);
}

/** L1. Gives `false` when the folder or the unfinished name was cleared away meanwhile. */
async function tryName(folder: string, id: string, socket: LockSocket): Promise<boolean> {
  await makeFolder(folder);
  try {
    await withShortName(folder, (short) => socket.listen(path.join(short, id + CLAIMED)));
    await fs.rename(path.join(folder, id + CLAIMED), path.join(folder, id + NAMED));
    return true;
  } catch (error) {
    await socket.close();
    // Making a socket in a folder that vanished is answered EACCES, as it is in one that may not be written.
    const hasVanished = systemCode(error) === 'EACCES' && (!(await isThere(folder)) || (await isWritable(folder)));
    if (hasVanished || systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** L2. Gives what is alive, and removes what is not. */
async function clearAndLook(folder: string, ownId: string, socket: LockSocket): Promise<readonly LockAnswer[]> {
  try {
    const { alive, dead } = await lookIntoFolder(folder, ownId);
    for (const name of dead) await removeIfThere(path.join(folder, name));
    return alive;
  } catch (error) {
    await withdraw(folder, ownId, socket);
    throw error;
  }
}

async function withdraw(folder: string, id: string, socket: LockSocket): Promise<void> {
  try {
    await removeName(folder, id);
  } finally {
    await socket.close();
  }
}

interface FolderView {
  readonly alive: readonly LockAnswer[];
  readonly dead: readonly string[];
}

async function lookIntoFolder(folder: string, ownId?: string): Promise<FolderView> {
  const alive: LockAnswer[] = [];
  const dead: string[] = [];
  const names = await listNames(folder);
  await withShortName(folder, async (short) => {
    for (const name of names.filter((each) => each !== `${ownId}${NAMED}`)) {
      const result = await probe(path.join(short, name));
      if (result.type === 'dead') dead.push(name);
      // One without its name yet will look around after it has it, and find this one.
      if (result.type === 'alive' && name.endsWith(NAMED)) alive.push(result.answer ?? makeSilentAnswer(name));
    }
  });
  return { alive, dead };
}

async function listNames(folder: string): Promise<readonly string[]> {
  try {
    return (await fs.readdir(folder)).filter((name) => name.endsWith(NAMED) || name.endsWith(CLAIMED));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function lookAt(address: string): Promise<readonly LockAnswer[]> {
  const result = await probe(address);
  return result.type === 'alive' ? [result.answer ?? makeSilentAnswer('')] : [];
}

/** What is known of a process that does not answer: what the name of its socket says. */
function makeSilentAnswer(name: string): LockAnswer {
  const pid = Number(/-(\d+)\./.exec(name)?.[1] ?? 0);
  return { state: 'held', holder: { pid, command: SILENT, startedAt: '' } };
}

function holderOf(alive: readonly LockAnswer[]): LockHolder | undefined {
  return (alive.find((answer) => answer.state === 'held') ?? alive[0])?.holder;
}

class HeldLock implements DirectoryLock {
  readonly directory: string;
  readonly #socket: LockSocket;
  readonly #removeName: () => Promise<void>;
  #released: Promise<void> | undefined;

  constructor(directory: string, socket: LockSocket, remove: () => Promise<void>) {
    this.directory = directory;
    this.#socket = socket;
    this.#removeName = remove;
  }

  get holder(): LockHolder {
    return this.#socket.answer.holder;
  }

  announce(address: string | undefined): void {
    this.#socket.answer = { state: 'held', holder: { ...this.holder, address } };
  }

  release(): Promise<void> {
    this.#released ??= this.#removeName().then(() => this.#socket.close());
    return this.#released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

function makeHolder(claim: LockClaim): LockHolder {
  const startedAt = new Date(Date.now() - process.uptime() * 1000).toISOString();
  return { pid: process.pid, command: claim.command, startedAt, address: claim.address };
}

function makeInUseError(directory: string, holder: LockHolder | undefined): StorageError {
  return new StorageError({
    code: 'storage/in-use',
    message: `${directory} is in use by ${describeHolder(holder)}. ${adviseAgainst(holder)}`,
    details: { directory, ...holder },
    retryable: true,
  });
}

function describeHolder(holder: LockHolder | undefined): string {
  if (holder === undefined || holder.pid === 0) return 'another process, which does not say who it is';
  const since = holder.startedAt === '' ? '' : `, running since ${holder.startedAt}`;
  return `process ${holder.pid} (${holder.command})${since}`;
}

function adviseAgainst(holder: LockHolder | undefined): string {
  if (holder?.address !== undefined) return `Connect to it at ${holder.address}, or stop it.`;
  if (holder?.pid === process.pid) return 'That is this process: close what it opened first, or share it.';
  return 'Stop that process, or name another directory.';
}

function pipeName(real: string): string {
  return `\\\\.\\pipe\\inner-universe-${digest(real.toLowerCase())}`;
}

function substituteFolder(real: string): string {
  return path.join(os.tmpdir(), `inner-universe-lock-${digest(real)}`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Takes one's own name away, and the folder if it was the last. */
async function removeName(folder: string, id: string): Promise<void> {
  await removeIfThere(path.join(folder, id + NAMED));
  try {
    await fs.rmdir(folder);
  } catch (error) {
    // Others are in it, or were faster.
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCode(error))) throw error;
  }
}

async function removeIfThere(file: string): Promise<void> {
  await fs.rm(file, { force: true });
}

/** Unlike a recursive `mkdir`, this does not mind when others make and remove the folder at the same time. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await fs.mkdir(folder, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}

function isThere(folder: string): Promise<boolean> {
  return fs.access(folder).then(
    () => true,
    () => false,
  );
}

function isWritable(folder: string): Promise<boolean> {
  return fs.access(folder, fs.constants.W_OK | fs.constants.X_OK).then(
    () => true,
    () => false,
  );
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
