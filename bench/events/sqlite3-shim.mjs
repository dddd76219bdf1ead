/*
 * The few calls that Emmett makes of the package `sqlite3`, over Node's own SQLite: that package downloads or compiles
 * when it is installed. Answers come in a later turn, as there.
 */
import { DatabaseSync } from 'node:sqlite';

class Database {
  #database;

  constructor(file) {
    this.#database = new DatabaseSync(file);
  }

  run(sql, ...rest) {
    this.#answer(rest, (statement, params) => statement.run(...params), sql);
  }

  all(sql, ...rest) {
    this.#answer(rest, (statement, params) => statement.all(...params), sql);
  }

  get(sql, ...rest) {
    this.#answer(rest, (statement, params) => statement.get(...params), sql);
  }

  close() {
    this.#database.close();
  }

  #answer(rest, work, sql) {
    const callback = rest.find((argument) => typeof argument === 'function') ?? (() => undefined);
    const params = (Array.isArray(rest[0]) ? rest[0] : []).map(toBound);
    let error = null;
    let result;
    try {
      result = work(this.#database.prepare(sql), params);
    } catch (thrown) {
      error = thrown;
    }
    const context = { changes: Number(result?.changes ?? 0), lastID: Number(result?.lastInsertRowid ?? 0) };
    queueMicrotask(() => callback.call(context, error, result));
  }
}

/** As that package binds values. */
function toBound(value) {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return Number(value);
  if (value instanceof Date) return value.getTime();
  return typeof value === 'object' && !(value instanceof Uint8Array) ? String(value) : value;
}

// That package has one, and Emmett imports it.
// oxlint-disable-next-line import/no-default-export
export default { Database, OPEN_URI: 0x40, OPEN_READWRITE: 0x2, OPEN_CREATE: 0x4 };
