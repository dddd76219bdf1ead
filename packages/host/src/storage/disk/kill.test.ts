import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';

const CHILD = path.join(import.meta.dirname, '..', 'test', 'storage-child.mjs');

interface Life {
  /** Records that the process found when it started. */
  readonly found: number;
  /** Records that it said are durable before it was killed. */
  readonly durable: number;
}

/** Runs a process on the directory until it has said `lines` lines, and kills it while it goes on. */
async function liveAndDie(directory: string, lines: number): Promise<Life> {
  const args = ['--import', 'tsx', '--conditions=source', CHILD, directory];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (said.length === lines) child.kill('SIGKILL');
  }
  expect((await exited)[1]).toBe('SIGKILL');
  const numberOf = (line: string | undefined): number => Number(line?.split(' ')[1] ?? 0);
  return { found: numberOf(said[0]), durable: numberOf(said.at(-1)) };
}

test('killed with kill -9 again and again, a process finds all that was durable before', async () => {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'kill-'));
  try {
    let durable = 0;
    for (const lines of [1, 2, 40, 211, 97, 1]) {
      const life = await liveAndDie(directory, lines);
      expect(life.found).toBeGreaterThanOrEqual(durable);
      expect(life.durable).toBeGreaterThanOrEqual(life.found);
      durable = life.durable;
    }
    expect(durable).toBeGreaterThan(1000);
  } finally {
    await fs.rm(directory, { recursive: true });
  }
});
