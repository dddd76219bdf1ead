// @ts-expect-error the types are those of the oldest Node that is supported, which has no SQLite
import { DatabaseSync } from 'node:sqlite';
import type { Peer } from './peer.ts';

const SCHEMA = `
  CREATE TABLE person (id TEXT PRIMARY KEY, name TEXT NOT NULL, town TEXT NOT NULL, age INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX person_town ON person (town);
  CREATE TABLE tie (id TEXT PRIMARY KEY, "from" TEXT NOT NULL REFERENCES person, "to" TEXT NOT NULL REFERENCES person,
    weight INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX tie_from ON tie ("from", "to");
  CREATE INDEX tie_to ON tie ("to", "from");
`;
const ONE_HOP = `SELECT "to" AS id FROM tie WHERE "from" = :id UNION SELECT "from" FROM tie WHERE "to" = :id`;
const TWO_HOPS = `
  WITH near (id) AS (${ONE_HOP}), far (id) AS (
    SELECT id FROM near UNION SELECT "to" FROM near CROSS JOIN tie ON "from" = near.id
    UNION SELECT "from" FROM near CROSS JOIN tie ON "to" = near.id
  )
  SELECT person.id, name FROM far CROSS JOIN person USING (id) WHERE person.id <> :id`;
const REACH = `
  WITH RECURSIVE far (id) AS (VALUES (:id) UNION SELECT "to" FROM far CROSS JOIN tie ON "from" = far.id)
  SELECT person.id, name FROM far CROSS JOIN person USING (id)`;

/** SQLite in memory, through `node:sqlite`, with an index for each look-up and its foreign keys checked. */
export function makeSqlitePeer(): Peer {
  const database = new DatabaseSync(':memory:');
  database.exec('PRAGMA foreign_keys = ON');
  database.exec(SCHEMA);
  const person = database.prepare('INSERT INTO person VALUES (?, ?, ?, ?)');
  const tie = database.prepare('INSERT INTO tie VALUES (?, ?, ?, ?)');
  const name = database.prepare('SELECT name FROM person WHERE id = ?');
  const town = database.prepare('SELECT id, name, town, age FROM person WHERE town = ? ORDER BY id');
  const hops = [
    database.prepare(`SELECT person.id, name FROM (${ONE_HOP}) CROSS JOIN person USING (id) WHERE person.id <> :id`),
    database.prepare(TWO_HOPS),
  ];
  const reach = database.prepare(REACH);
  const inOne = (body: () => void): void => {
    database.exec('BEGIN');
    body();
    database.exec('COMMIT');
  };
  return {
    addPeople: (people) =>
      inOne(() => {
        for (const one of people) person.run(one.id, one.name, one.town, one.age);
      }),
    addTies: (ties) =>
      inOne(() => {
        for (const one of ties) tie.run(one.id, one.from, one.to, one.weight);
      }),
    nativeBytes() {
      const count = database.prepare('PRAGMA page_count').get()?.['page_count'];
      const size = database.prepare('PRAGMA page_size').get()?.['page_size'];
      return Number(count) * Number(size);
    },
    nameOf: (id) => String(name.get(id)?.['name']),
    inTown: (wanted) => town.all(wanted).length,
    around: (id, depth) => hops[depth - 1]?.all({ id }).length ?? 0,
    reach: (id) => reach.all({ id }).length,
    keepSorted() {
      database.exec('CREATE INDEX person_age ON person (age, id)');
      const update = database.prepare('UPDATE person SET age = ? WHERE id = ?');
      const sorted = database.prepare('SELECT id, name, town, age FROM person ORDER BY age, id');
      let changed = 0;
      return (id, age) => {
        update.run(age, id);
        if (sorted.all().length > 0) changed += 1;
        return changed;
      };
    },
  };
}
