import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../assert.ts';
import { runDatabaseWorker } from './database-worker.ts';
import type { WorkerOptions } from './messages.ts';

/* Entry of a worker thread that runs one database. Nobody imports it. */

assert(parentPort !== null, 'this file is run as a worker');
// `spawnWorker` gives the options.
await runDatabaseWorker(parentPort, workerData as WorkerOptions);
