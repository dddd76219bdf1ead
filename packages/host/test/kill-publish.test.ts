import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openDiskStorage } from '../src/storage/disk/disk-storage.ts';
import { countedSpec, openCounted } from './migration/counted.ts';
import { textOf } from './migration/spec-database.ts';

const PUBLISHER = fileURLToPath(new URL('processes/endless-publisher.ts', import.meta.url));

/** Runs the publisher until it has published `count` programs, kills it, and gives the number of the last. */
async function publishAndKill(directory: string, make: 'make' | 'open', count: number): Promise<number> {
  const child = spawn(process.execPath, ['--import', 'tsx', PUBLISHER, directory, make], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
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
  return Number(output.split('\n').slice(0, -1).at(-1));
}

test('after kill -9 while programs are exchanged, every row is of the one that runs, again and again', async () => {
  const root = await mkdtemp(join(tmpdir(), 'inner-universe-kill-'));
  const directory = join(root, 'db');
  try {
    for (const [round, count] of [12, 25, 7].entries()) {
      const published = await publishAndKill(directory, round === 0 ? 'make' : 'open', count);
      const db = await openCounted(await openDiskStorage({ directory }), 'open');
      const { columns } = db.database.def.tables[0]!;
      expect(columns.length).toBeGreaterThanOrEqual(published);
      expect(db.database.program).toBe(textOf(countedSpec(columns.length)));
      for (const [, ...numbers] of db.rows('wide')) expect(numbers).toEqual(columns.slice(1).map((_, at) => at + 2));
      const { length } = db.rows('wide');
      expect(length).toBeGreaterThanOrEqual(published - 1);
      expect(length).toBeLessThanOrEqual(columns.length);
      await db.database.close();
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
