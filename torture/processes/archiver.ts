/**
 * Moves the oldest events of a universe into an archive, again and again, until it is killed, or told to stop: ADDRESS
 * TOKEN NAME DIRECTORY SEED. What an earlier run left in the middle is finished by this one.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { archiveEvents, NodeArchiveFiles, openUniverse } from 'inner-universe';
import { Chance } from '../chance.ts';
import { archiveIn, KEPT_MAX, KEPT_MIN } from '../deeds.ts';
import { Journal, readJournal } from '../journal.ts';
import { describe, nextCommand, say } from './told.ts';

/** Small ones, so that there are many to be killed between. */
const SIZES = { segmentRows: 60, fileBytes: 128 * 1024 };
const PAUSE_MS_MAX = 300;

const [server = '', token = '', name = '', directory = '', seed = ''] = process.argv.slice(2);
const path = join(directory, `${name}.jsonl`);
const run = readJournal(path).filter((entry) => 'run' in entry).length;
const journal = new Journal(path);
const note = (entry: object): void => journal.write({ at: Date.now(), ...entry });
note({ run, pid: process.pid });
const chance = new Chance(`${seed} ${name} ${run}`);
const universe = await openUniverse({
  server,
  token,
  offline: 'allow',
  reconnectForMs: Number.POSITIVE_INFINITY,
  connectTimeoutMs: 3_000,
  onError: (error) => note({ error: describe(error) }),
});
say({ ready: true });
let isStopping = false;
void nextCommand().then(() => (isStopping = true));
const files = new NodeArchiveFiles(archiveIn(directory));
while (!isStopping) {
  const limits = { maxEvents: chance.between(KEPT_MIN, KEPT_MAX) };
  try {
    const { archived, trimmed, archivedSeq, trimmedSeq, heldBy } = await archiveEvents(universe.client, files, {
      limits,
      ...SIZES,
    });
    const [archivedTo, trimmedTo] = [Number(archivedSeq), Number(trimmedSeq)];
    note({ limits, archived, trimmed, archivedTo, trimmedTo, heldBy });
  } catch (error) {
    note({ failed: limits, error: describe(error) });
  }
  await sleep(chance.between(0, PAUSE_MS_MAX));
}
await universe.close();
journal.close();
process.exit(0);
