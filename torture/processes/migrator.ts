/**
 * Applies one migration after the other to the data of a universe until it is killed, or told to stop: ADDRESS TOKEN
 * NAME DIRECTORY. What an earlier run left in the middle is finished by this one.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openUniverse } from 'inner-universe';
import { Journal, readJournal } from '../journal.ts';
import { migrationsUpTo } from '../legacy.ts';
import { describe, nextCommand, say } from './told.ts';

/** So few that a migration takes many steps, and is killed between them. */
const ROWS_A_STEP = 15;
const PAUSE_MS = 50;

const [server = '', token = '', name = '', directory = ''] = process.argv.slice(2);
const path = join(directory, `${name}.jsonl`);
const run = readJournal(path).filter((entry) => 'run' in entry).length;
const journal = new Journal(path);
const note = (entry: object): void => journal.write({ at: Date.now(), ...entry });
note({ run, pid: process.pid });
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
while (!isStopping) {
  const recorded = await universe.migrations.status();
  const done = recorded.filter(({ state }) => state === 'done').length;
  note({ migrating: done });
  try {
    const { applied } = await universe.migrate(migrationsUpTo(done + 1), { rowsMax: ROWS_A_STEP });
    note({ migrated: done, applied });
  } catch (error) {
    note({ failed: done, error: describe(error) });
  }
  await sleep(PAUSE_MS);
}
await universe.close();
journal.close();
process.exit(0);
