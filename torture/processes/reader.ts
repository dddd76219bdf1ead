/**
 * Follows a universe until it is killed, or told to stop: ADDRESS TOKEN NAME DIRECTORY. Notes every durable event that
 * its bus hands over. Told to look, it says what it holds of the graph and the board.
 */
import { join } from 'node:path';
import { openArchive, openUniverse } from 'inner-universe';
import { archiveIn, BOARD, type Board, type Held, type ReaderEntry } from '../deeds.ts';
import { digestRows, digestValue } from '../digest.ts';
import { Journal, readJournal } from '../journal.ts';
import { describe, nextCommand, say } from './told.ts';

const [server = '', token = '', name = '', directory = ''] = process.argv.slice(2);
const path = join(directory, `${name}.jsonl`);
const run = (readJournal(path) as readonly ReaderEntry[]).filter((entry) => 'run' in entry).length;
const journal = new Journal(path);
journal.write({ at: Date.now(), run, pid: process.pid });
const universe = await openUniverse({
  server,
  token,
  offline: 'allow',
  // Where it was away for longer than the log keeps, it reads on there.
  archive: openArchive(archiveIn(directory)),
  reconnectForMs: Number.POSITIVE_INFINITY,
  connectTimeoutMs: 3_000,
  onError: (error) => journal.write({ at: Date.now(), error: describe(error) }),
});
let lastSeq = 0;
universe.events.subscribe('**', ({ seq, id }) => {
  // What has no place in the log is broadcast only.
  if (seq === undefined) return;
  lastSeq = seq;
  journal.write({ seq, id });
});
say({ ready: true });
await universe.graph.load();
const board = await universe.states.open<Board>(BOARD);

for (let command = await nextCommand(); command === 'look'; command = await nextCommand()) {
  await universe.client.catchUp();
  const { loaded } = universe.graph;
  const held: Held = {
    lastSeq,
    entities: digestRows(loaded.query()),
    relations: digestRows(loaded.queryRelations()),
    board: digestValue(board.state),
    boardVersion: board.versionId,
  };
  say(held);
}
await universe.close();
journal.close();
process.exit(0);
