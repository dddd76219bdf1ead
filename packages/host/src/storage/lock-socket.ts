import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

/** Who holds a lock, for the person who is refused it. */
export interface LockHolder {
  readonly pid: number;
  /** What the process is, in its user's words: `inner-universe serve`. */
  readonly command: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Where it serves, if it does. */
  readonly address?: string | undefined;
}

/** What a lock's socket tells. A claim becomes a hold when no other is found alive. */
export interface LockAnswer {
  readonly state: 'claimed' | 'held';
  readonly holder: LockHolder;
}

/** What is behind a socket's name. `alive` without an answer: a process that is too busy, or not ours to ask. */
export type ProbeResult = { readonly type: 'dead' | 'gone' } | { readonly type: 'alive'; readonly answer?: LockAnswer };

/** How long a holder has to say who it is. That it is there is known before: the system accepts for it. */
const ANSWER_TIMEOUT_MS = 500;

const ANSWER_BYTES_MAX = 16 * 1024;

/** The system's limit for the path of a socket is 104 bytes or more. */
const SOCKET_PATH_BYTES_MAX = 100;

/** A socket that is there as long as its process, and says who that is. It does not keep the process alive. */
export class LockSocket {
  readonly #server: net.Server;
  answer: LockAnswer;

  constructor(answer: LockAnswer) {
    this.answer = answer;
    this.#server = net.createServer((socket) => {
      // Whoever asks may be gone before the answer: that is its own affair.
      socket.on('error', () => socket.destroy());
      socket.unref();
      // Not left to the other side: a server closes only after its connections have, and these keep no process alive,
      // which would end in the middle of closing.
      socket.end(JSON.stringify(this.answer), () => socket.destroy());
    });
  }

  /** Starts to listen. `exclusive` keeps the workers of a cluster from sharing it. Rejects with the system's error. */
  async listen(address: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path: address, exclusive: true }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#server.unref();
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** Finds out whether a process listens at an address, and who it is. */
export function probe(address: string): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let isConnected = false;
    const socket = net.connect({ path: address });
    const finish = (result: ProbeResult): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const finishAlive = (): void => finish(withAnswer(Buffer.concat(parts).toString()));
    const timer = setTimeout(finishAlive, ANSWER_TIMEOUT_MS);
    socket.on('connect', () => (isConnected = true));
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      if (parts.reduce((sum, each) => sum + each.length, 0) > ANSWER_BYTES_MAX) finishAlive();
    });
    socket.on('end', finishAlive);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!isConnected && error.code === 'ECONNREFUSED') finish({ type: 'dead' });
      else if (!isConnected && error.code === 'ENOENT') finish({ type: 'gone' });
      else finishAlive();
    });
  });
}

/** Runs `use` with a name of the directory that is short enough for sockets in it. */
export async function withShortName<T>(directory: string, use: (short: string) => Promise<T>): Promise<T> {
  // The longest name used in it is 12 digits, a process id and a suffix.
  if (Buffer.byteLength(directory) + 30 <= SOCKET_PATH_BYTES_MAX) return use(directory);
  const parent = await fs.mkdtemp(path.join(os.tmpdir(), 'iu-'));
  try {
    const short = path.join(parent, 'd');
    await fs.symlink(path.resolve(directory), short);
    return await use(short);
  } finally {
    await fs.rm(parent, { recursive: true, force: true });
  }
}

function withAnswer(text: string): ProbeResult {
  const answer = tryParseAnswer(text);
  return answer === undefined ? { type: 'alive' } : { type: 'alive', answer };
}

function tryParseAnswer(text: string): LockAnswer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isAnswer(value) ? value : undefined;
  } catch {
    // Not an answer of ours: somebody is there, and that is all that is known.
    return undefined;
  }
}

function isAnswer(value: unknown): value is LockAnswer {
  if (!isRecord(value) || !isRecord(value['holder'])) return false;
  const { pid, command, startedAt, address } = value['holder'];
  return (
    (value['state'] === 'claimed' || value['state'] === 'held') &&
    typeof pid === 'number' &&
    typeof command === 'string' &&
    typeof startedAt === 'string' &&
    (address === undefined || typeof address === 'string')
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
