/**
 * A worker of the durable consumer until it is killed, or told to stop: ADDRESS TOKEN NAME DIRECTORY SEED. For each
 * event it publishes one, and counts it in the store of its partition, in one transaction with the advance.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openUniverse } from 'inner-universe';
import { Chance } from '../chance.ts';
import { CONSUMER, PARTITIONS, type Counted, type ReaderEntry, type Tally } from '../deeds.ts';
import { Journal, readJournal } from '../journal.ts';
import { describe, nextCommand, say } from './told.ts';

/** Shorter than some freezes: a worker that was frozen finds that it has lost its partitions. */
const LEASE_MS = 2_000;

const [server = '', token = '', name = '', directory = '', seed = ''] = process.argv.slice(2);
const path = join(directory, `${name}.jsonl`);
const run = (readJournal(path) as readonly ReaderEntry[]).filter((entry) => 'run' in entry).length;
const journal = new Journal(path);
journal.write({ at: Date.now(), run, pid: process.pid });
const chance = new Chance(`${seed} ${name} ${run}`);
const onError = (error: unknown): void => journal.write({ at: Date.now(), error: describe(error) });
const universe = await openUniverse({
  server,
  token,
  offline: 'allow',
  reconnectForMs: Number.POSITIVE_INFINITY,
  connectTimeoutMs: 3_000,
  onError,
});
const consumer = await universe.consumers.open(CONSUMER, {
  pattern: 'work.*',
  partitions: PARTITIONS,
  startAt: 'beginning',
  holdsTrim: true,
  leaseMs: LEASE_MS,
  holder: name,
  batchMax: chance.is(0.5) ? 1 : 10,
  retry: { delayMsMin: 20, delayMsMax: 200 },
});
say({ ready: true });
const ending = new AbortController();
void nextCommand().then(() => ending.abort());
await consumer.run(
  async (event, transaction) => {
    if (chance.is(0.02)) await sleep(chance.between(1, 300));
    const { partition } = transaction;
    const counted: Counted = { of: event.id, seq: event.seq ?? -1, partition, by: name };
    transaction.publish('counted', counted, { source: event.source });
    const counting = transaction.commit<Tally>(
      `tally-${partition}`,
      (tally) => {
        tally.count += 1;
        tally.lastSeq = event.seq ?? -1;
      },
      { initial: { count: 0, lastSeq: 0 } },
    );
    await counting;
    if (transaction.attempt === 1 && chance.is(0.01)) throw new Error('a handler that fails now and then');
  },
  { signal: ending.signal },
);
await universe.close();
journal.close();
process.exit(0);
