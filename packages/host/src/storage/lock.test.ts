import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findLockHolder, lockByName, lockDirectory, lockInFolder } from './lock.ts';

const CHILD = path.join(import.meta.dirname, 'test', 'lock-child.mjs');

let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  directory = await fs.mkdtemp(path.join(os.tmpdir(), 'lock-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) await end(child);
  await fs.rm(directory, { recursive: true, force: true });
});

/** Starts a process that tries to lock, and gives the line it says: `locked` or the error. */
async function startChild(command: string): Promise<{ child: ChildProcess; said: string }> {
  const args = ['--import', 'tsx', '--conditions=source', CHILD, directory, command];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const [said] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, said: said.toString().trim() };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

describe('within a process', () => {
  test('a second lock on a directory is refused until the first is released', async () => {
    const lock = await lockDirectory(directory, { command: 'first' });
    await expect(lockDirectory(directory, { command: 'second' })).rejects.toMatchObject({
      code: 'storage/in-use',
      details: { directory: await fs.realpath(directory), pid: process.pid, command: 'first' },
      message: expect.stringContaining('That is this process'),
    });
    await lock.release();
    await lock.release();
    const again = await lockDirectory(directory, { command: 'second' });
    await again[Symbol.asyncDispose]();
  });

  test('a released lock leaves nothing in the directory', async () => {
    const lock = await lockDirectory(directory, { command: 'first' });
    expect(await fs.readdir(directory)).toEqual(['lock']);
    await lock.release();
    expect(await fs.readdir(directory)).toEqual([]);
  });

  test('the directory is the same under another path', async () => {
    const link = `${directory}-link`;
    await fs.symlink(directory, link);
    try {
      const lock = await lockDirectory(directory, { command: 'first' });
      await expect(lockDirectory(link, { command: 'second' })).rejects.toMatchObject({ code: 'storage/in-use' });
      await lock.release();
    } finally {
      await fs.unlink(link);
    }
  });

  test('a directory that is not there is made, with a path of any length', async () => {
    const long = path.join(directory, 'a-long-name-'.repeat(8), 'and-another-'.repeat(8));
    const lock = await lockDirectory(long, { command: 'first' });
    await expect(lockDirectory(long, { command: 'second' })).rejects.toMatchObject({ details: { command: 'first' } });
    expect((await findLockHolder(long))?.command).toBe('first');
    await lock.release();
    const again = await lockDirectory(long, { command: 'second' });
    await again.release();
  });

  test('where the holder serves is told, once it is announced', async () => {
    expect(await findLockHolder(path.join(directory, 'missing'))).toBeUndefined();
    expect(await findLockHolder(directory)).toBeUndefined();
    const lock = await lockDirectory(directory, { command: 'serve' });
    lock.announce('ws://127.0.0.1:3000');
    await expect(lockDirectory(directory, { command: 'second' })).rejects.toThrow(
      'Connect to it at ws://127.0.0.1:3000',
    );
    expect(await findLockHolder(directory)).toMatchObject({ pid: process.pid, address: 'ws://127.0.0.1:3000' });
    lock.announce(undefined);
    expect((await findLockHolder(directory))?.address).toBeUndefined();
    await lock.release();
    expect(await findLockHolder(directory)).toBeUndefined();
  });

  test('of many who want it at once, never two hold it', async () => {
    let holders = 0;
    let most = 0;
    let wins = 0;
    const compete = async (): Promise<void> => {
      try {
        const lock = await lockDirectory(directory, { command: 'one of many' });
        holders++;
        wins++;
        most = Math.max(most, holders);
        await new Promise((resolve) => setImmediate(resolve));
        holders--;
        await lock.release();
      } catch (error) {
        expect(error).toMatchObject({ code: 'storage/in-use' });
      }
    };
    for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 8 }, compete));
    expect(most).toBe(1);
    expect(wins).toBeGreaterThanOrEqual(5);
  });

  test('names of the dead are cleared away', async () => {
    const folder = path.join(directory, 'lock');
    await fs.mkdir(folder);
    for (const name of ['0011-1.sock', '0022-1.new']) await leaveDeadSocket(path.join(folder, name));
    const lock = await lockDirectory(directory, { command: 'first' });
    expect((await fs.readdir(folder)).length).toBe(1);
    await lock.release();
  });

  test('a directory that cannot be written is a clear error', async () => {
    const file = path.join(directory, 'file');
    await fs.writeFile(file, '');
    await expect(lockDirectory(path.join(file, 'below'), { command: 'x' })).rejects.toMatchObject({
      code: 'storage/write-failed',
    });
  });

  test('a name that only one process can have is a lock, too', async () => {
    // Windows has named pipes; Linux has abstract sockets, which behave alike.
    if (process.platform !== 'linux') return;
    const name = `\0lock-test-${process.pid}`;
    const lock = await lockByName(directory, name, { command: 'first' });
    await expect(lockByName(directory, name, { command: 'second' })).rejects.toMatchObject({
      code: 'storage/in-use',
      details: { command: 'first' },
    });
    await lock.release();
    await (await lockByName(directory, name, { command: 'second' })).release();
  });

  test('a folder elsewhere serves where the directory takes no sockets', async () => {
    const folder = path.join(directory, 'elsewhere');
    const lock = await lockInFolder('/some/directory', folder, { command: 'first' });
    await expect(lockInFolder('/some/directory', folder, { command: 'second' })).rejects.toMatchObject({
      details: { directory: '/some/directory', command: 'first' },
    });
    await lock.release();
  });
});

describe('between processes', () => {
  test('who is refused learns who holds it, and the system releases it at kill -9', async () => {
    const { child, said } = await startChild('the holder');
    expect(said).toBe('locked');
    await expect(lockDirectory(directory, { command: 'second' })).rejects.toMatchObject({
      code: 'storage/in-use',
      details: { pid: child.pid, command: 'the holder' },
      message: expect.stringContaining(`process ${child.pid} (the holder), running since`),
    });
    await end(child);
    const lock = await lockDirectory(directory, { command: 'second' });
    const other = await startChild('the other');
    expect(JSON.parse(other.said)).toMatchObject({ code: 'storage/in-use', pid: process.pid });
    await lock.release();
  });

  test('a frozen holder still holds, and is named', async () => {
    const { child } = await startChild('the holder');
    child.kill('SIGSTOP');
    await expect(lockDirectory(directory, { command: 'second' })).rejects.toMatchObject({
      code: 'storage/in-use',
      details: { pid: child.pid },
    });
    child.kill('SIGCONT');
  });

  test('of processes that start at once, one gets it', async () => {
    const started = await Promise.all(['a', 'b', 'c', 'd'].map(startChild));
    expect(started.filter(({ said }) => said === 'locked')).toHaveLength(1);
  });
});

/** What a killed process leaves: the name of a socket that nobody listens on. */
async function leaveDeadSocket(file: string): Promise<void> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(`${file}.tmp`, resolve));
  await fs.rename(`${file}.tmp`, file);
  await new Promise((resolve) => server.close(resolve));
}
