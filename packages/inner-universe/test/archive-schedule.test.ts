import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ArchiveSchedule, openArchive, type ArchiveResult, type ModuleClient } from '../src/index.ts';
import { createTestUniverse, type TestUniverse } from '../src/testing/index.ts';
import { makeDirectory, removeDirectory } from './forms.ts';

let testUniverse: TestUniverse;
let client: ModuleClient;
let directory: string;
let results: ArchiveResult[];
let errors: unknown[];

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  client = testUniverse.universe.client;
  directory = await makeDirectory();
  results = [];
  errors = [];
});
afterEach(async () => {
  await testUniverse.close();
  await removeDirectory(directory);
});

function schedule(to: string): ArchiveSchedule {
  return new ArchiveSchedule(client, to, {
    limits: { maxEvents: 5 },
    everyMs: 60_000,
    onDone: (result) => results.push(result),
    onError: (error) => errors.push(error),
  });
}

async function publish(count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) => testUniverse.universe.events.publish('tick', n)));
}

/** Files are synced outside of the test's time. */
async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await new Promise((resolve) => setImmediate(resolve));
}

test('archives at once, and again after each interval, until it is closed', async () => {
  await publish(20);
  const archiving = schedule(directory);
  await until(() => results.length === 1);
  expect(results[0]).toMatchObject({ trimmedSeq: 16n, archivedSeq: 16n });
  await publish(20);
  await testUniverse.advance(59_000);
  expect(results).toHaveLength(1);
  await testUniverse.advance(2_000);
  await until(() => results.length === 2);
  expect(results[1]?.archivedSeq).toBeGreaterThan(30n);
  await archiving.close();
  await publish(20);
  await testUniverse.advance(600_000);
  expect(results).toHaveLength(2);
  expect((await openArchive(directory).verify())?.lastSeq).toBe(results[1]?.archivedSeq);
  expect(errors).toEqual([]);
});

test('tells what ended a run, and tries again', async () => {
  await publish(20);
  const to = join(directory, 'archive');
  await writeFile(to, 'in the way');
  const archiving = schedule(to);
  await until(() => errors.length === 1);
  await removeDirectory(to);
  await mkdir(to);
  await testUniverse.advance(61_000);
  await until(() => results.length === 1);
  expect(results[0]).toMatchObject({ trimmedSeq: 16n });
  await archiving.close();
});

test('closing it waits for the run that is under way, which leaves nothing half done', async () => {
  await publish(20);
  const archiving = schedule(directory);
  await archiving.close();
  await archiving.close();
  expect(errors).toEqual([]);
  const { trimmedSeq } = await testUniverse.universe.client.getSystemStatus();
  expect((await openArchive(directory).verify())?.lastSeq ?? 0n).toBeGreaterThanOrEqual(trimmedSeq);
});
