import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recoverAll } from '../test/contract.ts';
import { CrashError, CrashFileSystem, type FileCall } from '../test/crash-file-system.ts';
import {
  countRecords,
  makeChunks,
  makeRandom,
  makeRecord,
  openOn,
  readBack,
  TestTimers,
} from '../test/disk-harness.ts';

/** What one life of a process does with the storage, decided by random numbers. */
interface Life {
  /** Records that a caller was told are durable. */
  acknowledged: number;
  /** Records that were appended, with those found at the start. */
  appended: number;
}

async function live(fileSystem: CrashFileSystem, random: () => number, life: Life): Promise<void> {
  const timers = new TestTimers();
  const storage = await openOn(fileSystem, { timers, frameBytes: 1500 });
  const found = countRecords(await recoverAll(storage));
  if (found < life.acknowledged || found > life.appended) {
    throw new Error(`found ${found} records; ${life.acknowledged} were acknowledged, ${life.appended} appended`);
  }
  life.acknowledged = found;
  life.appended = found;
  const waiting: Promise<void>[] = [];
  const watch = (work: Promise<void>): void => {
    waiting.push(work);
    // Awaited later; until then a failure is nobody's.
    work.catch(() => undefined);
  };
  const acknowledge = (upTo: number): void => void (life.acknowledged = Math.max(life.acknowledged, upTo));
  for (let turn = 0; turn < 12; turn++) {
    const choice = random();
    if (choice < 0.6) {
      for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
        const offset = life.appended;
        life.appended++;
        storage.append(makeRecord(offset));
        watch(storage.whenDurable(BigInt(offset)).then(() => acknowledge(offset + 1)));
      }
    } else if (choice < 0.75) {
      watch(storage.writeSnapshot(BigInt(life.appended), makeChunks(life.appended)));
    } else if (choice < 0.85) {
      timers.pass();
    } else {
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (random() < 0.5) await Promise.all(waiting.splice(0));
  }
  await Promise.all(waiting);
  await storage.close();
}

/** Lives until the storage fails because its file system went down, as processes do. */
async function liveUntilCrash(fileSystem: CrashFileSystem, seed: number, life: Life): Promise<void> {
  try {
    await live(fileSystem, makeRandom(seed), life);
  } catch (error) {
    if (!isCrash(error)) throw error;
  }
}

function isCrash(error: unknown): boolean {
  return error instanceof CrashError || (error instanceof Error && error.cause !== undefined && isCrash(error.cause));
}

function crashAt(step: number): (call: FileCall) => 'works' | 'crashes' {
  return (call) => (call.step === step ? 'crashes' : 'works');
}

/** Runs a life that ends at each of its steps, one after the other, and looks at what is left. */
async function crashAtEveryStep(seed: number, next: (fileSystem: CrashFileSystem, step: number) => CrashFileSystem) {
  for (let step = 0; ; step++) {
    const fileSystem = new CrashFileSystem();
    fileSystem.random = makeRandom(seed + step);
    fileSystem.decide = crashAt(step);
    const life: Life = { acknowledged: 0, appended: 0 };
    await liveUntilCrash(fileSystem, seed, life);
    const found = countRecords(await readBack(next(fileSystem, step)));
    expect(found, `seed ${seed}, crash at step ${step}`).toBeGreaterThanOrEqual(life.acknowledged);
    expect(found, `seed ${seed}, crash at step ${step}`).toBeLessThanOrEqual(life.appended);
    if (fileSystem.steps <= step) return step;
  }
}

test.each([1, 2, 3])('killed at any step, all that was acknowledged is there (seed %i)', async (seed) => {
  expect(await crashAtEveryStep(seed, (fileSystem) => fileSystem.afterProcessCrash())).toBeGreaterThan(40);
});

test.each([4, 5, 6, 7, 8, 9])('power lost at any step, all that was acknowledged is there (seed %i)', async (seed) => {
  const next = (fileSystem: CrashFileSystem, step: number): CrashFileSystem =>
    fileSystem.afterPowerLoss(makeRandom(seed * 1000 + step));
  expect(await crashAtEveryStep(seed, next)).toBeGreaterThan(40);
});

test('life after life, each ended by a crash, loses nothing that was acknowledged', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ seed: fc.nat(), step: fc.nat(90), power: fc.boolean() }), { minLength: 2, maxLength: 8 }),
      async (crashes) => {
        let fileSystem = new CrashFileSystem();
        const life: Life = { acknowledged: 0, appended: 0 };
        for (const { seed, step, power } of crashes) {
          fileSystem.random = makeRandom(seed);
          fileSystem.decide = crashAt(step);
          await liveUntilCrash(fileSystem, seed, life);
          fileSystem = power ? fileSystem.afterPowerLoss(makeRandom(seed + 1)) : fileSystem.afterProcessCrash();
        }
        const found = countRecords(await readBack(fileSystem));
        expect(found).toBeGreaterThanOrEqual(life.acknowledged);
        expect(found).toBeLessThanOrEqual(life.appended);
      },
    ),
    { numRuns: Number(process.env['RUNS'] ?? 150) },
  );
});
