import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileWatcher } from './file-watcher.ts';

let folder: string;
let watcher: FileWatcher;
/** Timers that are running; the test lets them ring. */
let timers: Set<() => void>;
let started: number;
let changes: number;
const problems: string[] = [];
let wake: () => void;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'inner-universe-watch-')));
  mkdirSync(join(folder, 'src'));
  mkdirSync(join(folder, 'lib'));
  timers = new Set();
  started = 0;
  changes = 0;
  problems.length = 0;
  wake = () => undefined;
  watcher = new FileWatcher({
    onChange: () => (changes += 1),
    onProblem: (message) => problems.push(message),
    quietMs: 50,
    startTimer: (_delayMs, callback) => {
      timers.add(callback);
      started += 1;
      wake();
      return { cancel: () => timers.delete(callback) };
    },
  });
});
afterEach(() => {
  watcher.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits until something was noticed so many times, then lets the quiet time pass. */
async function noticed(times = 1): Promise<void> {
  const end = started + times - timers.size;
  while (started < end) await new Promise<void>((resolve) => (wake = resolve));
  for (const callback of [...timers]) {
    timers.delete(callback);
    callback();
  }
}

test('a burst of changes is one, reported when it is quiet', async () => {
  watcher.watch([join(folder, 'lib', 'a.ts')], join(folder, 'src'));
  writeFileSync(join(folder, 'lib', 'a.ts'), '1');
  writeFileSync(join(folder, 'lib', 'a.ts'), '2');
  writeFileSync(join(folder, 'src', 'new.ts'), '3');
  await noticed(3);
  expect(changes).toBe(1);
  expect(problems).toEqual([]);
});

test('files that are replaced or come into being are seen; others in the same folder are not', async () => {
  watcher.watch([join(folder, 'lib', 'a.ts'), join(folder, 'lib', 'later.ts')], join(folder, 'src'));
  writeFileSync(join(folder, 'lib', 'other.ts'), 'x');
  writeFileSync(join(folder, 'lib', 'a.ts.new'), 'x');
  renameSync(join(folder, 'lib', 'a.ts.new'), join(folder, 'lib', 'a.ts'));
  await noticed();
  const seen = changes;
  expect(seen).toBeGreaterThan(0);
  writeFileSync(join(folder, 'lib', 'later.ts'), 'x');
  await noticed();
  expect(changes).toBeGreaterThan(seen);
});

test('what is not asked for any more is left alone, and nothing comes after the end', async () => {
  watcher.watch([join(folder, 'lib', 'a.ts')], join(folder, 'src'));
  watcher.watch([], join(folder, 'src'));
  writeFileSync(join(folder, 'lib', 'a.ts'), 'x');
  writeFileSync(join(folder, 'src', 'b.ts'), 'x');
  await noticed();
  watcher.close();
  const seen = changes;
  expect(seen).toBeGreaterThan(0);
  expect(timers.size).toBe(0);
});

test('a folder that is not there is told of, and the others are watched', async () => {
  watcher.watch([join(folder, 'missing', 'a.ts')], join(folder, 'src'));
  expect(problems).toEqual([expect.stringMatching(/missing cannot be watched/)]);
  writeFileSync(join(folder, 'src', 'b.ts'), 'x');
  await noticed();
  expect(changes).toBeGreaterThan(0);
});
