import { expect, test } from 'vitest';
import { recoverAll } from '../test/contract.ts';
import { CrashFileSystem, type FileCall } from '../test/crash-file-system.ts';
import {
  countRecords,
  makeChunks,
  makeRandom,
  makeRecord,
  openOn,
  readBack,
  TestTimers,
} from '../test/disk-harness.ts';

/** Refuses every call from `step` on that needs space, until the space is back. */
function fillUpAt(fileSystem: CrashFileSystem, step: number): void {
  fileSystem.decide = (call) =>
    call.step >= step && ['create', 'write', 'makeDirectory'].includes(call.name) ? { code: 'ENOSPC' } : 'works';
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('a disk that fills up at any step loses nothing acknowledged, and a reopening goes on', async () => {
  let step = 0;
  for (let isFull = true; isFull; step++) {
    const fileSystem = new CrashFileSystem();
    fileSystem.random = makeRandom(step);
    fillUpAt(fileSystem, step);
    let acknowledged = 0;
    isFull = false;
    const noteFailure = (error: unknown): void => {
      expect(error).toMatchObject({ code: 'storage/write-failed', details: { reason: 'ENOSPC' } });
      isFull = true;
    };
    const storage = await openOn(fileSystem).catch(noteFailure);
    if (storage !== undefined) {
      try {
        await recoverAll(storage);
        for (let offset = 0; offset < 30; offset++) {
          storage.append(makeRecord(offset));
          if (offset === 20) await storage.writeSnapshot(21n, makeChunks(21)).catch(noteFailure);
          await storage.whenDurable(BigInt(offset));
          acknowledged = offset + 1;
        }
      } catch (error) {
        noteFailure(error);
        expect(storage.writable).toBe(false);
      }
      await storage.close().catch(noteFailure);
    }
    const afterPowerLoss = countRecords(await readBack(fileSystem.afterPowerLoss(makeRandom(step))));
    expect(afterPowerLoss, `full at step ${step}, then without power`).toBeGreaterThanOrEqual(acknowledged);
    fileSystem.decide = () => 'works';
    const again = await openOn(fileSystem);
    const found = countRecords(await recoverAll(again));
    expect(found, `full at step ${step}`).toBeGreaterThanOrEqual(acknowledged);
    again.append(makeRecord(found));
    await again.close();
    expect(countRecords(await readBack(fileSystem))).toBe(found + 1);
  }
  expect(step).toBeGreaterThan(60);
});

test('after a failed write all who wait are told, and nothing more is taken', async () => {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem);
  await recoverAll(storage);
  storage.append(makeRecord(0));
  await storage.whenDurable(0n);
  fillUpAt(fileSystem, fileSystem.steps);
  storage.append(makeRecord(1));
  storage.append(makeRecord(2));
  const waiting = [storage.whenDurable(1n), storage.whenDurable(2n)];
  for (const result of await Promise.allSettled(waiting)) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'storage/write-failed' } });
  }
  fileSystem.decide = () => 'works';
  expect(storage.durableOffset).toBe(1n);
  expect(() => storage.append(makeRecord(3))).toThrow(expect.objectContaining({ code: 'storage/write-failed' }));
  await expect(storage.whenWritable()).rejects.toMatchObject({ code: 'storage/write-failed' });
  await expect(storage.whenDurable(2n)).rejects.toMatchObject({ code: 'storage/write-failed' });
  await expect(storage.writeSnapshot(1n, [])).resolves.toBeUndefined();
  await storage.whenDurable(0n);
  await expect(storage.close()).rejects.toMatchObject({ code: 'storage/write-failed' });
});

test('the error of a full disk says what to do', async () => {
  const fileSystem = new CrashFileSystem();
  fillUpAt(fileSystem, 0);
  await expect(openOn(fileSystem)).rejects.toThrow(/disk is full: free some space, then open the database again/);
});

test('bytes that a failed sync left behind are made durable before they are counted', async () => {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem);
  await recoverAll(storage);
  storage.append(makeRecord(0));
  await storage.whenDurable(0n);
  // The system drops what it could not write, and reports it once. Readers still see it.
  fileSystem.decide = (call) => (call.name === 'sync' ? { code: 'EIO' } : 'works');
  storage.append(makeRecord(1));
  await expect(storage.whenDurable(1n)).rejects.toMatchObject({ details: { reason: 'EIO' } });
  await expect(storage.close()).rejects.toMatchObject({ code: 'storage/write-failed' });
  fileSystem.decide = () => 'works';
  fileSystem.forgetUnsyncedWrites();
  expect(countRecords(await readBack(fileSystem))).toBe(2);
  expect(countRecords(await readBack(fileSystem.afterPowerLoss(() => 0)))).toBe(2);
});

test('a snapshot that cannot be written leaves the log running and the earlier snapshot in force', async () => {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem);
  await recoverAll(storage);
  storage.append(makeRecord(0));
  await storage.writeSnapshot(1n, makeChunks(1));
  fileSystem.decide = (call) =>
    call.path.includes('snapshots') && call.name === 'write' ? { code: 'ENOSPC' } : 'works';
  storage.append(makeRecord(1));
  await expect(storage.writeSnapshot(2n, makeChunks(2))).rejects.toMatchObject({ code: 'storage/write-failed' });
  storage.append(makeRecord(2));
  await storage.whenDurable(2n);
  expect(fileSystem.files().filter((file) => file.endsWith('.tmp'))).toEqual([]);
  await storage.close();
  const recovered = await readBack(fileSystem);
  expect(recovered.report.snapshotOffset).toBe(1n);
  expect(countRecords(recovered)).toBe(3);
});

test('a turn of appends is one write and one sync', async () => {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem, { segmentBytes: 1_000_000 });
  await recoverAll(storage);
  storage.append(makeRecord(0));
  await storage.whenDurable(0n);
  const calls: string[] = [];
  fileSystem.decide = (call: FileCall) => {
    calls.push(call.name);
    return 'works';
  };
  for (let offset = 1; offset <= 50; offset++) storage.append(makeRecord(offset));
  await storage.whenDurable(50n);
  expect(calls).toEqual(['write', 'sync']);
  await storage.close();
});

test('appends are refused while the limit waits to become durable, and taken again after', async () => {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem, { unsyncedBytesMax: 4000, segmentBytes: 1_000_000 });
  await recoverAll(storage);
  let appended = 0;
  while (storage.writable) {
    storage.append(new Uint8Array(1000));
    appended++;
  }
  expect(appended).toBe(4);
  expect(() => storage.append(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'storage/overloaded' }));
  await storage.whenWritable();
  expect(storage.append(new Uint8Array(1))).toBe(4n);
  await storage.close();
  expect((await readBack(fileSystem)).records).toHaveLength(5);
});

test('a record over the limit is refused and takes no offset', async () => {
  const storage = await openOn(new CrashFileSystem(), { recordBytesMax: 100 });
  await recoverAll(storage);
  expect(() => storage.append(new Uint8Array(101))).toThrow(
    expect.objectContaining({ code: 'storage/record-too-large', details: { recordBytes: 101, limitBytes: 100 } }),
  );
  expect(storage.append(new Uint8Array(100))).toBe(0n);
  await storage.close();
});

test('a full frame is written on its own, and the next one after it', async () => {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem, { frameBytes: 1000, segmentBytes: 1_000_000 });
  await recoverAll(storage);
  const calls: string[] = [];
  fileSystem.decide = (call) => {
    calls.push(call.name);
    return 'works';
  };
  for (let count = 0; count < 5; count++) storage.append(new Uint8Array(600).fill(1));
  await storage.whenDurable(4n);
  expect(calls.filter((name) => name === 'sync')).toHaveLength(3);
  await storage.close();
});

test('appends go on while a snapshot is written', async () => {
  const storage = await openOn(new CrashFileSystem(), { segmentBytes: 1_000_000 });
  await recoverAll(storage);
  storage.append(makeRecord(0));
  let pulled = 0;
  const chunks = function* (): Generator<Uint8Array, void, undefined> {
    for (; pulled < 40; pulled++) yield new Uint8Array(100_000);
  };
  const written = storage.writeSnapshot(1n, chunks());
  storage.append(makeRecord(1));
  await storage.whenDurable(1n);
  expect(pulled).toBeLessThan(40);
  await written;
  await storage.close();
});

test('closing gives up a snapshot that is being written', async () => {
  const fileSystem = new CrashFileSystem();
  const storage = await openOn(fileSystem);
  await recoverAll(storage);
  storage.append(makeRecord(0));
  const endless = function* (): Generator<Uint8Array, void, undefined> {
    for (;;) yield new Uint8Array(100_000);
  };
  const written = storage.writeSnapshot(1n, endless());
  await turn();
  const closed = storage.close();
  await expect(written).rejects.toMatchObject({ code: 'storage/closed' });
  await closed;
  expect(fileSystem.files().filter((file) => file.includes('snapshot'))).toEqual([]);
  expect(countRecords(await readBack(fileSystem))).toBe(1);
});

test('the watermark follows the log by itself', async () => {
  const fileSystem = new CrashFileSystem();
  const timers = new TestTimers();
  const storage = await openOn(fileSystem, { timers });
  await recoverAll(storage);
  const watermark = (): number => {
    const view = new DataView(fileSystem.contents('/data/watermark').buffer);
    return Math.max(Number(view.getBigUint64(512, true)), Number(view.getBigUint64(1024, true)));
  };
  for (let offset = 0; offset < 3; offset++) {
    storage.append(makeRecord(offset));
    await storage.whenDurable(BigInt(offset));
    expect(watermark()).toBe(offset);
    timers.pass();
    await turn();
    await turn();
    expect(watermark()).toBe(offset + 1);
  }
  await storage.close();
});

test('unfinished files of an earlier process are removed', async () => {
  const fileSystem = new CrashFileSystem();
  await (await openOn(fileSystem)).close();
  fileSystem.put('/data/log/00000000000000000009.log.tmp', new Uint8Array(3));
  fileSystem.put('/data/snapshots/00000000000000000009.snapshot.tmp', new Uint8Array(3));
  await (await openOn(fileSystem)).close();
  expect(fileSystem.files().filter((file) => file.endsWith('.tmp'))).toEqual([]);
});
