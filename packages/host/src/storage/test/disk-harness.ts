/** What the tests of disk storage share: records that name themselves, a storage in memory, and how to read it. */
import type { Timers } from '../../clock/clock.ts';
import { recoverAll, type Recovered } from './contract.ts';
import type { CrashFileSystem, RandomSource } from './crash-file-system.ts';
import { openDiskStorage, type DiskStorage, type DiskStorageOptions } from '../disk/disk-storage.ts';

/** The directory that tests in memory use. */
export const DIRECTORY = '/data';

/** Timers whose long delays pass when the test says so. */
export class TestTimers implements Timers {
  #waiting: (() => void)[] = [];

  after(_delayMs: number, callback: () => void): { cancel: () => void } {
    this.#waiting.push(callback);
    return { cancel: () => void (this.#waiting = this.#waiting.filter((other) => other !== callback)) };
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  /** Lets every delay pass. */
  pass(): void {
    for (const callback of this.#waiting.splice(0)) callback();
  }
}

/** Opens the storage on a file system for tests, with small segments. */
export function openOn(fileSystem: CrashFileSystem, options: Partial<DiskStorageOptions> = {}): Promise<DiskStorage> {
  return openDiskStorage({
    directory: DIRECTORY,
    fileSystem,
    segmentBytes: 2048,
    timers: new TestTimers(),
    ...options,
  });
}

/** Opens, recovers and closes. */
export async function readBack(fileSystem: CrashFileSystem): Promise<Recovered> {
  const storage = await openOn(fileSystem);
  try {
    return await recoverAll(storage);
  } finally {
    await storage.close();
  }
}

/** A record whose bytes follow from its offset: mostly short, some of several sectors, some with many zeros. */
export function makeRecord(offset: number): Uint8Array {
  const length = offset % 7 === 3 ? 1700 : offset % 5 === 1 ? 300 : 1 + (offset % 40);
  const record = new Uint8Array(length);
  const period = offset % 4 === 2 ? 97 : 1;
  for (let at = 0; at < length; at += period) record[at] = (offset * 31 + at * 7 + 1) & 0xff;
  return record;
}

/** The chunks of a snapshot, which follow from its offset. */
export function makeChunks(offset: number): Uint8Array[] {
  return [0, 1, 2].map((index) => makeRecord(offset * 3 + index));
}

/**
 * How many records a recovered storage stands for.
 * @throws when anything that it handed out is not what was appended.
 */
export function countRecords(recovered: Recovered): number {
  const { snapshot, records, report } = recovered;
  const from = Number(snapshot?.offset ?? 0n);
  if (snapshot !== undefined) expectSame(snapshot.chunks, makeChunks(from), `snapshot ${from}`);
  for (const [index, entry] of records.entries()) {
    if (entry.offset !== BigInt(from + index)) throw new Error(`record ${entry.offset} where ${from + index} was due`);
    expectSame([entry.record], [makeRecord(from + index)], `record ${from + index}`);
  }
  if (report.nextOffset !== BigInt(from + records.length)) throw new Error(`next offset is ${report.nextOffset}`);
  return from + records.length;
}

/** Numbers in [0, 1) that follow from a seed. */
export function makeRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

function expectSame(actual: readonly Uint8Array[], expected: readonly Uint8Array[], name: string): void {
  const same =
    actual.length === expected.length &&
    actual.every((bytes, index) => Buffer.compare(bytes, expected[index] ?? new Uint8Array(0)) === 0);
  if (!same) throw new Error(`${name} is not what was stored`);
}
