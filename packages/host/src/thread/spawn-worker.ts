import { Worker } from 'node:worker_threads';
import type { WorkerOptions } from './messages.ts';
import { makeSourceEntry } from './source-entry.ts';

/**
 * MiB of the heap where objects begin. A worker over its limit gets 16 MiB more to end in; what one collection moves
 * out of here must fit in there, or the whole process ends: this is three times that.
 */
const YOUNG_HEAP_MIB = 24;

/** Starts the thread of one database. `heapMiB` bounds the JavaScript heap, in which modules live. */
export function spawnWorker(options: WorkerOptions, heapMiB: number): Worker {
  const isSource = import.meta.url.endsWith('.ts');
  const entry = isSource
    ? makeSourceEntry(new URL('./worker.ts', import.meta.url))
    : new URL('./worker.js', import.meta.url);
  return new Worker(entry, {
    name: `inner-universe ${options.name}`,
    workerData: options,
    // What the process was started with may not fit a worker, and nothing of it is needed.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
  });
}
