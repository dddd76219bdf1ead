import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileTransformCache } from './file-transform-cache.ts';

let directory = '';
const warnings: string[] = [];
const open = (at = directory): FileTransformCache => new FileTransformCache(at, (message) => warnings.push(message));

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'inner-universe-cache-')), 'cache');
  warnings.length = 0;
});

afterEach(async () => {
  await rm(join(directory, '..'), { recursive: true, force: true });
});

test('gives back what was written, to another process too', async () => {
  await open().write('key-1', 'line one\nline two ü');
  expect(await open().read('key-1')).toBe('line one\nline two ü');
  expect(await open().read('key-2')).toBeUndefined();
  expect((await stat(join(directory, 'key-1'))).mode & 0o777).toBe(0o600);
});

test('takes damaged text for absent', async () => {
  await open().write('key', 'let answer = 42;');
  const stored = await readFile(join(directory, 'key'), 'utf8');
  for (const damaged of [stored.replace('42', '43'), stored.slice(0, -1), '', 'no digest']) {
    await writeFile(join(directory, 'key'), damaged);
    expect(await open().read('key')).toBeUndefined();
  }
});

test('keeps the newest few', async () => {
  for (let index = 0; index < 12; index++) {
    await open().write(`key-${index}`, 'text');
    await utimes(join(directory, `key-${index}`), index, index);
  }
  expect((await readdir(directory)).length).toBe(8);
  expect(await open().read('key-11')).toBe('text');
});

test('that cannot be written says so, and nothing else happens', async () => {
  await writeFile(directory, 'a file where the folder should be');
  await open().write('key', 'text');
  expect(warnings).toEqual([expect.stringContaining('could not be kept')]);
  expect(await open().read('key')).toBeUndefined();
});
