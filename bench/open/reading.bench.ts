/*
 * A process that does the least that opening can do, and prints how long it took:
 *
 *     reading.bench.ts DIRECTORY
 *
 * The parts of the host are imported by path because they are nobody's public interface; the file's name says so to the
 * check of the layers.
 */
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { systemRandom } from '../../packages/host/dist/clock/system-clock.js';
import { crc32c } from '../../packages/host/dist/storage/disk/crc32c.js';
import { openDiskStorage } from '../../packages/host/dist/storage/disk/disk-storage.js';
import { listFiles } from './built-universe.ts';
import type { ReadingTimes } from './open.ts';
import { processorMsSince } from './processor-time.ts';

const WINDOW_BYTES = 1024 * 1024;
/** The marker that makes a directory a database's. */
const MARKER = 'database';

/** Reads every file front to back, and computes its checksum as the storage would, or looks at no byte. */
async function readAll(files: readonly string[], isChecked: boolean): Promise<number> {
  const start = performance.now();
  const window = new Uint8Array(WINDOW_BYTES);
  for (const file of files) {
    const handle = await open(file);
    try {
      let checksum = 0;
      for (;;) {
        const { bytesRead } = await handle.read(window);
        if (bytesRead === 0) break;
        if (isChecked) checksum = crc32c(window, 0, bytesRead, checksum);
      }
    } finally {
      await handle.close();
    }
  }
  return performance.now() - start;
}

/** Has the storage hand out all its chunks and records, each checked, to somebody who takes no note of them. */
async function recoverAll(directories: readonly string[]): Promise<number> {
  const start = performance.now();
  for (const directory of directories) {
    const storage = await openDiskStorage({ directory, random: systemRandom });
    await storage.recover({
      snapshot: async (_offset, chunks) => {
        for await (const chunk of chunks) void chunk;
      },
      record: () => undefined,
    });
    await storage.close();
  }
  return performance.now() - start;
}

const [data = ''] = process.argv.slice(2);
const files = listFiles(data);
const databases = files.filter((file) => basename(file) === MARKER).map((file) => dirname(file));
const readMs = await readAll(files, false);
const processorStart = process.cpuUsage();
const checkedMs = await readAll(files, true);
const checkedProcessorMs = processorMsSince(processorStart);
const times: ReadingTimes = { readMs, checkedMs, checkedProcessorMs, recoveredMs: await recoverAll(databases) };
process.stdout.write(`${JSON.stringify(times)}\n`);
