import { join } from 'node:path';
import { openArchive, openUniverse } from 'inner-universe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../src/run.ts';
import { cleanUp, makeScratch, runHere } from './cli-process.ts';

let data: string;

beforeAll(async () => {
  data = join(makeScratch('archive'), 'data');
  const universe = await openUniverse({ data });
  await Promise.all(Array.from({ length: 50 }, (_, n) => universe.events.publish('tick', n)));
  await universe.close();
});
afterAll(cleanUp);

describe('archive', () => {
  test('copies without limits, moves with them, and tells what it did', async () => {
    const to = join(makeScratch('to'), 'archive');
    expect(await runHere(['archive', '--data', data, '--to', to, '--verify'])).toMatchObject({
      code: 0,
      stdout: `There is nothing archived in ${to}.\n`,
    });
    const copied = await runHere(['archive', '--data', data, '--to', to, '--json']);
    expect(copied.code).toBe(0);
    expect(JSON.parse(copied.stdout)).toMatchObject({ archived: 51, trimmed: 0, archivedSeq: 51, trimmedSeq: 0 });
    const moved = await runHere(['archive', '--data', data, '--to', to, '--keep', '20']);
    expect(moved).toMatchObject({ code: 0, stdout: expect.stringContaining('Trimmed 31: the log begins after 31.') });
    expect(await runHere(['archive', '--data', data, '--to', to, '--older-than', '1d', '--json'])).toMatchObject({
      code: 0,
    });
    const verified = await runHere(['archive', '--data', data, '--to', to, '--verify', '--json']);
    expect(JSON.parse(verified.stdout)).toMatchObject({ firstSeq: 1, lastSeq: 51, unfinishedBytes: 0 });
    const universe = await openUniverse({ data, archive: openArchive(to) });
    expect((await universe.events.query()).map((event) => event.data)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    await universe.close();
  });

  test.each([['soon'], ['30'], ['0d'], ['-1d']])('takes no duration like %s', async (text) => {
    const outcome = await runHere(['archive', '--data', data, '--to', makeScratch(), '--older-than', text]);
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining('Give a duration') });
  });

  test('is refused without a place, and while serving where no place is named', async () => {
    expect(await runHere(['archive', '--data', data])).toMatchObject({ code: 2 });
    const outcome = await runHere(['serve', '--data', data, '--port', '0', '--keep', '5']);
    expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining('--archive DIR') });
  });
});

test('a server archives by itself, and stops cleanly', async () => {
  const served = join(makeScratch('served'), 'data');
  const universe = await openUniverse({ data: served });
  await Promise.all(Array.from({ length: 30 }, (_, n) => universe.events.publish('tick', n)));
  await universe.close();
  const to = join(makeScratch('to'), 'archive');
  const ending = new AbortController();
  let told = '';
  let running: Promise<number> | undefined;
  await new Promise<void>((resolve, reject) => {
    const err = (text: string): void => {
      told += text;
      if (told.includes('Archived')) resolve();
    };
    const output = { isTerminal: false, out: () => undefined, err };
    const words = ['serve', '--data', served, '--port', '0', '--archive', to, '--keep', '10'];
    running = runCommandLine(words, { output, signal: ending.signal });
    running.then(() => reject(new Error(told)), reject);
  });
  expect(told).toContain('Archived 21 events');
  ending.abort();
  expect(await running).toBe(0);
  expect(await openArchive(to).verify()).toMatchObject({ firstSeq: 1n, lastSeq: 21n });
});
