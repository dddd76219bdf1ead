import { Worker } from 'node:worker_threads';
import type { WorkerOptions } from './messages.ts';
import { makeSourceEntry } from './source-entry.ts';

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
    resourceLimits: { maxOldGenerationSizeMb: heapMiB },
  });
}
