/*
 * What many would use instead, in one process without a network: a table in SQLite, and Emmett's SQLite store. Both
 * with a write-ahead log, synced before each transaction is done. Bundled by `sqlite-peers.ts`, run by a Node that has
 * `node:sqlite`:
 *
 *     sqlite-peers.mjs sqlite|emmett FILE EVENTS BATCH        prints the figures as JSON
 */
import { DatabaseSync } from 'node:sqlite';
import { getSQLiteEventStore } from '@event-driven-io/emmett-sqlite';

const [peer, file, events, batch] = process.argv.slice(2);
const count = Number(events);
const size = Number(batch);
const append = peer === 'sqlite' ? openTable() : await openEmmett();

const latencies = [];
const start = performance.now();
for (let n = 0; n < count; n += size) {
  const before = performance.now();
  await append(Array.from({ length: Math.min(size, count - n) }, (_, index) => makeData(n + index)));
  latencies.push(performance.now() - before);
}
const elapsedMs = performance.now() - start;
process.stdout.write(`${JSON.stringify({ elapsedMs, latencies })}\n`);

function openTable() {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  database.exec(
    'CREATE TABLE event (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, data TEXT NOT NULL) STRICT',
  );
  const insert = database.prepare('INSERT INTO event (id, type, data) VALUES (?, ?, ?)');
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  return async (all) => {
    begin.run();
    for (const data of all) insert.run(crypto.randomUUID(), 'bench.tick', JSON.stringify(data));
    commit.run();
  };
}

async function openEmmett() {
  const store = getSQLiteEventStore({ fileName: file, schema: { autoMigration: 'CreateOrUpdate' } });
  return (all) =>
    store.appendToStream(
      'bench',
      all.map((data) => ({ type: 'bench.tick', data })),
    );
}

function makeData(n) {
  return { n, sentAtMs: performance.timeOrigin + performance.now(), text: 'twenty-four characters..' };
}
