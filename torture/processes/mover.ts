/**
 * A process that does the same thing again and again until it is killed, or told to stop: ADDRESS TOKEN NAME DIRECTORY
 * SEED. What an earlier run left in the middle is finished by this one.
 */
import { join } from 'node:path';
import { openUniverse, type Universe } from 'inner-universe';
import { Chance } from '../chance.ts';
import { Journal, readJournal } from '../journal.ts';
import { describe, nextCommand, say } from './told.ts';

/** What a turn has to work with. */
export interface Mover {
  readonly universe: Universe;
  readonly directory: string;
  readonly chance: Chance;
  readonly note: (entry: object) => void;
}

/** Takes turns; ends the process when it is told to stop. */
export async function moveUntilStopped(turn: (mover: Mover) => Promise<void>): Promise<never> {
  const [server = '', token = '', name = '', directory = '', seed = ''] = process.argv.slice(2);
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
  const mover = { universe, directory, chance: new Chance(`${seed} ${name} ${run}`), note };
  while (!isStopping) await turn(mover);
  await universe.close();
  journal.close();
  process.exit(0);
}
