import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../clock/clock.ts';
import { LogFiles } from './log-files.ts';
import { DEFAULT_LOG_LIMITS, type LogLimits } from './log-limits.ts';
import type { LogEntry } from './log-line.ts';
import type { LogReader } from './log-reader.ts';
import { LogStore } from './log-store.ts';

const DAY_MS = 86_400_000;

let root = '';
let nowMicros = 0n;
const clock: Clock = { nowMicros: () => nowMicros };
const open: LogStore[] = [];
const errors: unknown[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'inner-universe-logs-'));
  nowMicros = BigInt(Date.now()) * 1000n;
  errors.length = 0;
});

afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  await rm(root, { recursive: true, force: true });
});

async function openStore(limits: Partial<LogLimits> = {}, onDisk = false): Promise<LogStore> {
  const all = { ...DEFAULT_LOG_LIMITS, ...limits };
  const onError = (error: unknown): void => void errors.push(error);
  const files = onDisk ? new LogFiles({ directory: join(root, 'log'), limits: all, clock, onError }) : undefined;
  const store = await LogStore.open({ limits: all, clock, files });
  open.push(store);
  return store;
}

function say(store: LogStore, ...messages: string[]): void {
  for (const message of messages) store.log({ level: 'info', message, source: 'module', timestampMicros: nowMicros });
}

async function collect(entries: AsyncIterable<LogEntry>): Promise<string[]> {
  const messages: string[] = [];
  for await (const { message } of entries) messages.push(message);
  return messages;
}

async function take(reader: LogReader): Promise<string[]> {
  return ((await reader.next()) ?? []).map((line) => (JSON.parse(line) as { message: string }).message);
}

const filesOf = async () => (await readdir(join(root, 'log'))).sort();

describe('a log in memory', () => {
  test('gives the last lines, as many as are asked for', async () => {
    const store = await openStore();
    say(store, 'one', 'two', 'three');
    expect(await collect(store.entries())).toEqual(['one', 'two', 'three']);
    expect(await collect(store.entries({ lines: 2 }))).toEqual(['two', 'three']);
    expect(await collect(store.entries({ lines: 0 }))).toEqual([]);
  });

  test('keeps so many lines, and only so much text', async () => {
    const store = await openStore({ linesMax: 3, lengthMax: 1_000 });
    say(store, ...Array.from({ length: 10 }, (_, at) => `line ${at}`));
    expect(await collect(store.entries())).toEqual(['line 7', 'line 8', 'line 9']);
    say(store, 'x'.repeat(900));
    expect(await collect(store.entries())).toHaveLength(1);
  });

  test('a follower sees past lines, then those that come, until it goes', async () => {
    const store = await openStore();
    say(store, 'before', 'just before');
    const reader = store.read({ lines: 1, follow: true });
    expect(await take(reader)).toEqual(['just before']);
    const next = take(reader);
    say(store, 'after', 'and after');
    expect(await next).toEqual(['after', 'and after']);
    const last = reader.next();
    reader.close();
    expect(await last).toBeUndefined();
  });

  test('a follower that is slow is told how many lines it missed, and costs nothing meanwhile', async () => {
    const store = await openStore({ linesMax: 5 });
    const reader = store.read({ follow: true });
    say(store, ...Array.from({ length: 12 }, (_, at) => `line ${at}`));
    expect(await take(reader)).toEqual([
      '7 lines were left out here: they were read too slowly',
      'line 7',
      'line 8',
      'line 9',
      'line 10',
      'line 11',
    ]);
    reader.close();
  });

  test('a signal ends a follower, before and while it waits', async () => {
    const store = await openStore();
    expect(await collect(store.entries({ follow: true, signal: AbortSignal.abort() }))).toEqual([]);
    const ending = new AbortController();
    const following = collect(store.entries({ follow: true, signal: ending.signal }));
    say(store, 'seen');
    await Promise.resolve();
    ending.abort();
    expect(await following).toEqual(expect.arrayContaining([]));
  });

  test('closing lets followers read to the end', async () => {
    const store = await openStore();
    const following = collect(store.entries({ follow: true }));
    say(store, 'one', 'two');
    await store.close();
    expect(await following).toEqual(['one', 'two']);
    say(store, 'too late');
    expect(await collect(store.entries())).toEqual(['one', 'two']);
  });

  test('so many follow at once, and one that went makes room', async () => {
    const store = await openStore({ followersMax: 2 });
    const [first] = [store.read({ follow: true }), store.read({ follow: true })];
    expect(() => store.read({ follow: true })).toThrow(expect.objectContaining({ code: 'server/overloaded' }));
    expect(await collect(store.entries())).toEqual([]);
    first.close();
    first.close();
    store.read({ follow: true });
    expect(() => store.read({ follow: true })).toThrow(/2 readers follow this log already/);
  });
});

describe('a log on disk', () => {
  test('is there after a restart, and goes on in the same file', async () => {
    const first = await openStore({}, true);
    say(first, 'one', 'two');
    await first.close();
    const second = await openStore({}, true);
    say(second, 'three');
    expect(await collect(second.entries())).toEqual(['one', 'two', 'three']);
    await second.flush();
    expect(await filesOf()).toEqual(['0000000001.ndjson']);
    let text = '';
    for await (const piece of second.latestFile()) text += piece;
    expect(text).toBe(await readFile(join(root, 'log', '0000000001.ndjson'), 'utf8'));
    expect(text.trimEnd().split('\n')).toHaveLength(3);
  });

  test('takes up no more than fits in memory', async () => {
    const first = await openStore({ fileBytesMax: 200 }, true);
    say(first, ...Array.from({ length: 20 }, (_, at) => `line ${at}`));
    await first.close();
    const second = await openStore({ linesMax: 5, fileBytesMax: 200 }, true);
    expect(await collect(second.entries())).toEqual(['line 15', 'line 16', 'line 17', 'line 18', 'line 19']);
  });

  test('begins a new file when one is full, and deletes the oldest', async () => {
    const store = await openStore({ fileBytesMax: 150, filesMax: 3 }, true);
    for (let at = 0; at < 30; at += 1) {
      say(store, `line ${at}`);
      await store.flush();
    }
    const files = await filesOf();
    expect(files).toHaveLength(3);
    const texts = await Promise.all(files.map((file) => readFile(join(root, 'log', file), 'utf8')));
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(150);
    expect(texts.at(-1)).toContain('line 29');
  });

  test('begins a new file each day, and deletes files that are too old', async () => {
    const store = await openStore({ ageDaysMax: 2 }, true);
    say(store, 'today');
    await store.flush();
    const [oldest] = await filesOf();
    await utimes(join(root, 'log', oldest!), new Date(), new Date(Date.now() - 3 * DAY_MS));
    nowMicros += BigInt(DAY_MS) * 1000n;
    say(store, 'tomorrow');
    await store.flush();
    expect(await filesOf()).toEqual(['0000000002.ndjson']);
  });

  test('goes on behind half a line that a crash left', async () => {
    await mkdir(join(root, 'log'));
    await writeFile(join(root, 'log', '0000000007.ndjson'), '{"level":"Info","ts":1,"message":"whole"}\n{"level":"In');
    const store = await openStore({}, true);
    say(store, 'next');
    expect(await collect(store.entries())).toEqual(['whole', 'next']);
    await store.flush();
    expect(await filesOf()).toEqual(['0000000007.ndjson', '0000000008.ndjson']);
  });

  test('that cannot be read is empty, and goes on', async () => {
    await mkdir(join(root, 'log', '0000000001.ndjson'), { recursive: true });
    const store = await openStore({}, true);
    expect(errors).toHaveLength(1);
    say(store, 'here');
    expect(await collect(store.entries())).toEqual(['here']);
  });

  test('a line that no file takes is counted, and costs the log nothing else', async () => {
    // A file stands where the folder should be made.
    await writeFile(join(root, 'log'), 'in the way');
    const all = DEFAULT_LOG_LIMITS;
    const files = new LogFiles({
      directory: join(root, 'log'),
      limits: all,
      clock,
      onError: (error) => errors.push(error),
    });
    files.append('one');
    await files.flush();
    files.append('two');
    await files.flush();
    expect(errors).toHaveLength(1);
    expect(files.takeOmitted()).toBe(2);
    await rm(join(root, 'log'));
    files.append('three');
    await files.close();
    expect(await readFile(join(root, 'log', '0000000001.ndjson'), 'utf8')).toBe('three\n');
  });

  test('more than may wait is left out and counted in the log itself', async () => {
    const store = await openStore({ pendingBytesMax: 300 }, true);
    say(store, ...Array.from({ length: 10 }, (_, at) => `line ${at}`));
    await store.flush();
    say(store, 'later');
    await store.flush();
    const text = await readFile(join(root, 'log', '0000000001.ndjson'), 'utf8');
    expect(text).toMatch(/\d lines could not be written to the log's files/);
    expect(text).toContain('later');
    expect(await collect(store.entries())).toEqual(expect.arrayContaining(['line 0', 'line 9', 'later']));
  });
});
