import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { archiveEvents, NodeArchiveFiles, openArchive, openUniverse } from '../src/index.ts';
import { makeDirectory, removeDirectory } from './forms.ts';
import { startProcess } from './processes.ts';

const EVENTS = 2_000;
const KEEP = 10;

const directories: string[] = [];
afterAll(() => Promise.all(directories.map(removeDirectory)));

test('a process that archives and is killed with kill -9, again and again, loses no event and doubles none', async () => {
  const directory = await makeDirectory();
  directories.push(directory);
  const [data, archive] = [join(directory, 'data'), join(directory, 'archive')];
  const universe = await openUniverse({ data });
  await Promise.all(Array.from({ length: EVENTS }, (_, n) => universe.events.publish('tick', n)));
  await universe.close();

  let reached = 0n;
  for (const lines of [1, 7, 20]) {
    const archiving = startProcess('archive-and-print.ts', [data, archive, String(KEEP)]);
    for (let line = 0; line < lines; line += 1) reached = BigInt(await archiving.nextLine());
    await archiving.kill();
    // What it said to be archived is, and is sound.
    expect((await openArchive(archive).verify())?.lastSeq).toBeGreaterThanOrEqual(reached);
  }
  expect(reached).toBeLessThan(BigInt(EVENTS - KEEP));

  const whole = await openUniverse({ data, archive: openArchive(archive) });
  const numbers = async (): Promise<unknown> => (await whole.events.query()).map((event) => event.data);
  expect(await numbers()).toEqual(Array.from({ length: EVENTS }, (_, n) => n));
  const rest = await archiveEvents(whole.client, new NodeArchiveFiles(archive), { limits: { maxEvents: KEEP } });
  expect(rest.trimmedSeq).toBe(rest.archivedSeq);
  expect(await numbers()).toEqual(Array.from({ length: EVENTS }, (_, n) => n));
  expect(await openArchive(archive).verify()).toMatchObject({
    firstSeq: 1n,
    lastSeq: rest.archivedSeq,
    unfinishedBytes: 0,
  });
  await whole.close();
}, 120_000);

test('the archive of one process is not written to by another', async () => {
  const directory = await makeDirectory();
  directories.push(directory);
  const [one, two] = [
    new NodeArchiveFiles(join(directory, 'archive')),
    new NodeArchiveFiles(join(directory, 'archive')),
  ];
  const unlock = await one.lock();
  await expect(two.lock()).rejects.toMatchObject({ code: 'archive/in-use', details: { directory: one.directory } });
  await unlock();
  await (
    await two.lock()
  )();
});
