import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileOutbox } from './file-outbox.ts';
import { runOutboxContract } from '../testing/outbox-contract.ts';
import type { OutboxOwner, OutboxRecords } from './outbox.ts';
import { RecordFile } from './record-file.ts';

const ADA: OutboxOwner = { target: 'ws://one/', database: 'universe', subject: 'ada' };

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'outbox-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

runOutboxContract('a directory', {
  makePlace: async () => {
    const place = await mkdtemp(join(tmpdir(), 'outbox-'));
    return { outbox: () => new FileOutbox(place), remove: () => rm(place, { recursive: true }) };
  },
});

function openOutbox(options: { copiesBytesMax?: number } = {}): Promise<OutboxRecords> {
  const onError = (error: unknown): never => {
    throw error;
  };
  return new FileOutbox(directory, options).open(ADA, { onError });
}

/** The bytes of a file with three frames, each acknowledged. */
async function makeFile(path: string): Promise<Buffer> {
  const file = await RecordFile.open(path);
  for (const n of [1, 2, 3]) await file.write([{ key: `k${n}`, value: `value ${n}` }], true);
  await file.close();
  return readFile(path);
}

const ALL = { k1: 'value 1', k2: 'value 2', k3: 'value 3' };

async function read(path: string): Promise<Record<string, string>> {
  const file = await RecordFile.open(path);
  try {
    return Object.fromEntries(file.snapshot());
  } finally {
    await file.close();
  }
}

describe('a file of records', () => {
  test('that was cut anywhere behind what was acknowledged last loses nothing that was acknowledged', async () => {
    const path = join(directory, 'writes');
    const whole = await makeFile(path);
    const torn = Buffer.concat([whole, whole.subarray(8, 60)]);
    for (let length = whole.length; length <= torn.length; length += 1) {
      await writeFile(path, torn.subarray(0, length));
      expect(await read(path)).toEqual(ALL);
      // It is cut off, and what is written next is sound.
      expect(await read(path)).toEqual(ALL);
    }
  });

  test('tells of every flipped bit in what was acknowledged, with the place, and changes nothing', async () => {
    const path = join(directory, 'writes');
    const whole = await makeFile(path);
    // The last frame is the mark that says so: without it, what is before is sound.
    const markBytes = 8 + `=${whole.length}`.length;
    for (let byte = 0; byte < whole.length; byte += 1) {
      const damaged = Buffer.from(whole);
      damaged[byte] = (damaged[byte] ?? 0) ^ (1 << (byte % 8));
      await writeFile(path, damaged);
      if (byte >= whole.length - markBytes) {
        expect(await read(path)).toEqual(ALL);
        continue;
      }
      const opening = RecordFile.open(path);
      // Losing only a mark of what is followed by another mark costs nothing either, but it is damage all the same.
      await expect(opening).rejects.toMatchObject({ code: 'outbox/corrupt', details: { byte: expect.any(Number) } });
      expect((await readFile(path)).equals(damaged)).toBe(true);
    }
  });

  test('stays as small as about twice what it holds', async () => {
    const path = join(directory, 'writes');
    const file = await RecordFile.open(path);
    for (let n = 0; n < 200; n += 1) {
      await file.write([{ key: 'same', value: `${n}`.padEnd(10_000, '.') }], n % 50 === 0);
      expect((await stat(path)).size).toBeLessThan(262_144 + 4 * 11_000);
    }
    expect(file.compactions).toBeGreaterThan(3);
    await file.close();
    expect((await read(path))['same']).toMatch(/^199\./);
  });

  test('is what a model says, whatever is written and however often it is opened', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const change = fc.record({ key, value: fc.option(fc.string({ maxLength: 2_000 }), { nil: undefined }) });
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ changes: fc.array(change, { maxLength: 4 }), isDurable: fc.boolean() }) },
      { weight: 1, arbitrary: fc.constant('reopen' as const) },
      { weight: 1, arbitrary: fc.constant('tear' as const) },
    );
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const path = join(directory, `model-${runs++}`);
        const model = new Map<string, string>();
        let file = await RecordFile.open(path);
        const writes: Promise<void>[] = [];
        for (const each of steps) {
          if (typeof each === 'object') {
            writes.push(file.write(each.changes, each.isDurable));
            for (const { key: name, value } of each.changes) {
              if (value === undefined) model.delete(name);
              else model.set(name, value);
            }
            continue;
          }
          await Promise.all(writes);
          await file.close();
          if (each === 'tear') await appendFile(path, Buffer.from([9, 0, 0, 0, 1, 2, 3]));
          file = await RecordFile.open(path);
          expect(Object.fromEntries(file.snapshot())).toEqual(Object.fromEntries(model));
        }
        await Promise.all(writes);
        await file.close();
        expect(await read(path)).toEqual(Object.fromEntries(model));
      }),
      { numRuns: 40 },
    );
  });

  test('that is something else is refused as it is', async () => {
    const path = join(directory, 'writes');
    for (const text of ['', 'IUOUT', 'something else']) {
      await writeFile(path, text);
      await expect(RecordFile.open(path)).rejects.toMatchObject({ code: 'outbox/corrupt' });
    }
  });

  test('goes on in a new file when the one there was cannot be written any more', async () => {
    const folder = join(directory, 'folder');
    await mkdir(folder);
    const path = join(folder, 'writes');
    const file = await RecordFile.open(path);
    await file.write([{ key: 'a', value: '1' }], true);
    await rm(folder, { recursive: true });
    const large = 'x'.repeat(200_000);
    const codes: string[] = [];
    for (let n = 0; n < 6; n += 1) {
      // Sooner or later a new file is due, and there is no place for it.
      const written = file.write([{ key: 'large', value: large }], true);
      await written.catch(({ code }: { code: string }) => codes.push(code));
    }
    expect(new Set(codes)).toEqual(new Set(['outbox/storage-failed']));
    await mkdir(folder);
    await file.write([{ key: 'c', value: '3' }], true);
    await file.close();
    expect(await read(path)).toEqual({ a: '1', large, c: '3' });
  });
});

test('only its owner can read what is kept', async () => {
  const records = await openOutbox();
  await records.write([{ key: 'a', value: '1' }], 'durable');
  records.copies.set('head', 'x');
  await records.close();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const { mode } = await stat(join(entry.parentPath, entry.name));
    if (entry.isFile()) expect(mode & 0o777).toBe(0o600);
    if (entry.isDirectory()) expect(mode & 0o777).toBe(0o700);
  }
  expect(entries.filter((entry) => entry.isFile()).length).toBe(2);
});

test('copies take so many bytes; a damaged one is as if it were not there', async () => {
  const records = await openOutbox({ copiesBytesMax: 1_000 });
  for (let n = 0; n < 10; n += 1) records.copies.set(`copy ${n}`, 'x'.repeat(300));
  await records.close();
  const again = await openOutbox({ copiesBytesMax: 1_000 });
  const kept = await Promise.all(Array.from({ length: 10 }, (_, n) => again.copies.get(`copy ${n}`)));
  expect(kept.filter((text) => text !== undefined)).toHaveLength(3);
  expect(kept[9]).toBe('x'.repeat(300));
  await again.close();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter(({ name }) => name.endsWith('.copy'))) {
    await truncate(join(entry.parentPath, entry.name), 200);
  }
  const damaged = await openOutbox();
  expect(await damaged.copies.get('copy 9')).toBeUndefined();
  damaged.copies.set('copy 9', 'new');
  await damaged.close();
});
