import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openDiskStorage } from '../src/storage/disk/disk-storage.ts';
import { bundleOf, openModule } from './module-database.ts';

const WRITER = fileURLToPath(new URL('processes/endless-writer.ts', import.meta.url));

/** Runs the writer until it has acknowledged `count` numbers or more, kills it, and gives the last one. */
async function writeAndKill(args: readonly string[], count: number): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', WRITER, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split('\n').length > count) child.kill('SIGKILL');
  });
  await ended;
  expect(child.signalCode, errors).toBe('SIGKILL');
  const lines = output.split('\n').slice(0, -1);
  return Number(lines.at(-1));
}

test('what was acknowledged is there after kill -9, whole, in order and without gaps, again and again', async () => {
  const root = await mkdtemp(join(tmpdir(), 'inner-universe-kill-'));
  try {
    const directory = join(root, 'db');
    const bundleFile = join(root, 'bundle.js');
    await writeFile(bundleFile, await bundleOf('people.ts'));
    let next = 0;
    for (const [round, count] of [150, 900, 37].entries()) {
      const acknowledged = await writeAndKill([directory, bundleFile, String(next)], count);
      const db = await openModule('people.ts', { storage: await openDiskStorage({ directory }) });
      const numbers = db
        .rows('person')
        .map(([, , , number]) => number as number)
        .sort((a, b) => a - b);
      expect(numbers).toEqual(numbers.map((_, index) => index));
      expect(numbers.length).toBeGreaterThan(acknowledged);
      // The writer's connection died with it.
      expect(db.rows('st_client')).toEqual([]);
      expect(db.result('disconnected')).toBe(String(round + 1));
      next = numbers.length;
      await db.database.close();
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
