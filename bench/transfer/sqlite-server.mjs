/*
 * What many would write instead: Node's HTTP server over SQLite, one transaction a request, write-ahead log, synced
 * before each answer. Plain JavaScript, because it needs a Node that has `node:sqlite` (22.13 or later).
 *
 *     node sqlite-server.mjs FILE ACCOUNTS        prints its port
 */
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';

const [file, accounts] = process.argv.slice(2);
const database = new DatabaseSync(file);
database.exec('PRAGMA journal_mode = WAL');
database.exec('PRAGMA synchronous = FULL');
database.exec('CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL) STRICT');
database.exec('BEGIN');
const open = database.prepare('INSERT INTO account (id, balance) VALUES (?, 1000000000)');
for (let id = 0; id < Number(accounts); id += 1) open.run(id);
database.exec('COMMIT');

const begin = database.prepare('BEGIN IMMEDIATE');
const commit = database.prepare('COMMIT');
const rollback = database.prepare('ROLLBACK');
const find = database.prepare('SELECT balance FROM account WHERE id = ?');
const update = database.prepare('UPDATE account SET balance = ? WHERE id = ?');

function transfer(from, to, amount) {
  begin.run();
  const source = find.get(from);
  const target = find.get(to);
  if (source === undefined || target === undefined || source.balance < amount) {
    rollback.run();
    return false;
  }
  update.run(source.balance - amount, from);
  update.run(target.balance + amount, to);
  commit.run();
  return true;
}

const server = createServer((request, response) => {
  const [, , from, to, amount] = (request.url ?? '').split('/');
  response.statusCode = transfer(Number(from), Number(to), Number(amount)) ? 204 : 409;
  response.end();
});
// A connection whose next request waits behind thousands of others is not idle, as the default of five seconds has it.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
