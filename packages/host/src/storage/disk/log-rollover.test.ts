import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recoverAll } from '../test/contract.ts';
import { CrashFileSystem } from '../test/crash-file-system.ts';
import { countRecords, makeRecord, openOn, readBack } from '../test/disk-harness.ts';
import type { DiskStorage } from './disk-storage.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets a few steps of what runs happen: a file call takes several. */
async function tick(): Promise<void> {
  for (let count = 0; count < 5; count++) await Promise.resolve();
}

/** Asks for each record that was appended whether it is durable; the answers must all come, and be yes. */
function askForAll(storage: DiskStorage, appended: number, answers: Promise<void>[]): void {
  for (let offset = 0; offset < appended; offset++) answers.push(storage.whenDurable(BigInt(offset)));
}

test('every record can be waited for at every step of a rollover', async () => {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem, { segmentBytes: 500 });
  await recoverAll(storage);
  const answers: Promise<void>[] = [];
  const thrown: unknown[] = [];
  let appended = 0;
  fileSystem.decide = () => {
    try {
      askForAll(storage, appended, answers);
    } catch (error) {
      thrown.push(error);
    }
    return 'works';
  };
  while (appended < 20) {
    storage.append(makeRecord(appended++));
    storage.append(makeRecord(appended++));
    await storage.whenDurable(BigInt(appended - 1));
  }
  await storage.close();
  expect(thrown).toEqual([]);
  await Promise.all(answers);
  expect(fileSystem.files().filter((file) => file.endsWith('.log')).length).toBeGreaterThan(4);
  expect(countRecords(await readBack(fileSystem))).toBe(20);
});

test('a rollover that fails tells whoever waits, also who asks in the middle of it', async () => {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem, { segmentBytes: 100 });
  await recoverAll(storage);
  storage.append(makeRecord(0));
  await storage.whenDurable(0n);
  const answers: Promise<void>[] = [];
  fileSystem.decide = ({ name, path }) => {
    answers.push(storage.whenDurable(1n));
    return name === 'rename' && path.endsWith('.log') ? { code: 'ENOSPC' } : 'works';
  };
  storage.append(makeRecord(1));
  storage.append(makeRecord(2));
  const results = await Promise.allSettled([storage.whenDurable(2n)]);
  results.push(...(await Promise.allSettled(answers)));
  expect(results.length).toBeGreaterThan(2);
  for (const result of results) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'storage/write-failed' } });
  }
  expect(storage.failure).toMatchObject({ code: 'storage/write-failed' });
  await expect(storage.close()).rejects.toBe(storage.failure);
});

test('appends, questions and a close in any order: every record is queued, being written or durable', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant('append' as const) },
    { weight: 4, arbitrary: fc.constant('ask' as const) },
    { weight: 2, arbitrary: fc.constant('turn' as const) },
    { weight: 4, arbitrary: fc.constant('tick' as const) },
    { weight: 1, arbitrary: fc.constant('rotate' as const) },
    { weight: 1, arbitrary: fc.constant('wait' as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 70, max: 3000 }), async (steps, size) => {
      const fileSystem = new CrashFileSystem();
      const storage = await openOn(fileSystem, { segmentBytes: size, frameBytes: 600 });
      await recoverAll(storage);
      const answers: Promise<void>[] = [];
      const snapshots: Promise<void>[] = [];
      let appended = 0;
      for (const each of steps) {
        if (each === 'append') storage.append(makeRecord(appended++));
        else if (each === 'ask') askForAll(storage, appended, answers);
        else if (each === 'turn') await turn();
        else if (each === 'tick') await tick();
        else if (each === 'rotate') snapshots.push(storage.writeSnapshot(BigInt(appended), [new Uint8Array(1)]));
        else if (appended > 0) await storage.whenDurable(BigInt(appended - 1));
      }
      const closed = storage.close();
      const last: Promise<void>[] = [];
      askForAll(storage, appended, last);
      await Promise.all([closed, ...last, ...answers]);
      // A snapshot may be given up by the close; a record may not.
      for (const result of await Promise.allSettled(snapshots)) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'storage/closed' });
      }
      expect(storage.durableOffset).toBe(BigInt(appended));
    }),
    { numRuns: 150 },
  );
});
