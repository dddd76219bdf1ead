import { assert, property } from 'fast-check';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defineTable, ModelState } from '../../test/sql-fixtures.ts';
import { SubscriptionManager } from './subscription-manager.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { Datastore } from '../datastore/datastore.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import type { Row, StateView, TableDelta } from '../datastore/state-view.ts';
import type { Change } from '../../test/sql-fixtures.ts';
import type { QuerySetUpdate, TableRows } from './shared-results.ts';

/*
 * Random transactions, query sets and clients against an oracle that evaluates every query from scratch, with nested
 * loops over plain values and a condition that never was SQL.
 */

type Values = readonly (number | string | boolean)[];

const TABLES = [
  defineTable({
    name: 'player',
    columns: { id: 'u32', team: 'u8', score: 'i16', name: 'string' },
    primaryKey: 'id',
    indexes: [{ columns: ['team', 'score'] }],
  }),
  defineTable({ name: 'team', columns: { id: 'u8', league: 'string', open: 'bool' }, primaryKey: 'id' }),
  defineTable({
    name: 'item',
    columns: { kind: 'u8', owner: 'u32', label: 'string' },
    indexes: [{ columns: ['kind'], algorithm: 'hash' }],
  }),
  defineTable({ name: 'edge', columns: { a: 'u8', b: 'u8', weight: 'u8' }, indexes: [{ columns: ['a', 'b'] }] }),
  defineTable({ name: 'ping', columns: { team: 'u8', text: 'string' }, isEvent: true }),
];

type Kind = 'u8' | 'u32' | 'i16' | 'string' | 'bool';

const kindsOf = (table: string): readonly Kind[] =>
  TABLES.find(({ name }) => name === table)!.columns.map(({ algebraicType }) => algebraicType.type as Kind);
const columnsOf = (table: string): readonly string[] =>
  TABLES.find(({ name }) => name === table)!.columns.map(({ name }) => name);

const small = fc.integer({ min: 0, max: 4 });
const VALUE_OF: Readonly<Record<Kind, fc.Arbitrary<number | string | boolean>>> = {
  u8: small,
  u32: small,
  i16: small.map((value) => value - 2),
  string: fc.constantFrom('a', 'b', ''),
  bool: fc.boolean(),
};

/** A condition as SQL and as a function of the tuple's values. */
interface Condition {
  readonly sql: string;
  readonly holds: (tuple: readonly Values[]) => boolean;
}

const COMPARE: Readonly<Record<string, (a: string | number | boolean, b: string | number | boolean) => boolean>> = {
  '=': (a, b) => a === b,
  '<>': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};
const operator = fc.constantFrom('=', '=', '=', '<>', '<', '<=', '>', '>=');

interface Scoped {
  readonly alias: string;
  readonly table: string;
}

interface ScopedColumn {
  readonly relation: number;
  readonly column: number;
  readonly kind: Kind;
  readonly sql: string;
}

const scopedColumns = (relations: readonly Scoped[]): readonly ScopedColumn[] =>
  relations.flatMap(({ alias, table }, relation) =>
    kindsOf(table).map((kind, column) => ({ relation, column, kind, sql: `${alias}.${columnsOf(table)[column]}` })),
  );

const literal = (value: string | number | boolean): string =>
  typeof value === 'string' ? `'${value}'` : String(value).toUpperCase();

function conditionOver(relations: readonly Scoped[]): fc.Arbitrary<Condition> {
  const columns = scopedColumns(relations);
  const column = fc.constantFrom(...columns);
  const withConstant = column.chain((chosen) =>
    fc.record({ op: operator, value: VALUE_OF[chosen.kind] }).map(({ op, value }): Condition => ({
      sql: `${chosen.sql} ${op} ${literal(value)}`,
      holds: (tuple) => COMPARE[op]!(tuple[chosen.relation]![chosen.column]!, value),
    })),
  );
  const withColumn = column.chain((left) =>
    fc
      .record({ op: operator, right: fc.constantFrom(...columns.filter(({ kind }) => kind === left.kind)) })
      .map(({ op, right }): Condition => ({
        sql: `${left.sql} ${op} ${right.sql}`,
        holds: (tuple) => COMPARE[op]!(tuple[left.relation]![left.column]!, tuple[right.relation]![right.column]!),
      })),
  );
  return fc.letrec<{ condition: Condition }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 3 },
      withConstant,
      withConstant,
      withColumn,
      fc.array(tie('condition'), { minLength: 2, maxLength: 3 }).map((terms) => ({
        sql: terms.map(({ sql }) => `(${sql})`).join(' AND '),
        holds: (tuple: readonly Values[]) => terms.every((term) => term.holds(tuple)),
      })),
      fc.array(tie('condition'), { minLength: 2, maxLength: 3 }).map((terms) => ({
        sql: terms.map(({ sql }) => `(${sql})`).join(' OR '),
        holds: (tuple: readonly Values[]) => terms.some((term) => term.holds(tuple)),
      })),
      tie('condition').map((term) => ({
        sql: `NOT (${term.sql})`,
        holds: (tuple: readonly Values[]) => !term.holds(tuple),
      })),
    ),
  })).condition;
}

interface Query {
  readonly sql: string;
  readonly tables: readonly string[];
  readonly output: number;
  readonly holds: (tuple: readonly Values[]) => boolean;
}

const ALWAYS: Condition = { sql: '', holds: () => true };
const tableName = fc.constantFrom('player', 'team', 'item', 'edge', 'ping');

const filterQuery: fc.Arbitrary<Query> = tableName.chain((table) =>
  fc.option(conditionOver([{ alias: table, table }]), { nil: ALWAYS }).map((condition) => ({
    sql: `SELECT * FROM ${table}${condition === ALWAYS ? '' : ` WHERE ${condition.sql}`}`,
    tables: [table],
    output: 0,
    holds: condition.holds,
  })),
);

const joinQuery: fc.Arbitrary<Query> = fc
  .tuple(tableName, fc.constantFrom('player', 'team', 'item', 'edge'), fc.boolean())
  .filter(([output]) => output !== undefined)
  .chain(([output, partner, outputFirst]) => {
    const relations = [
      { alias: 'o', table: output },
      { alias: 'p', table: partner },
    ];
    const columns = scopedColumns(relations);
    const pairs = columns.flatMap((left) =>
      columns
        .filter((right) => left.relation === 0 && right.relation === 1 && left.kind === right.kind)
        .map((right) => ({ left, right })),
    );
    return fc
      .record({
        pair: fc.constantFrom(...pairs),
        condition: fc.option(conditionOver(relations), { nil: ALWAYS }),
      })
      .map(({ pair: { left, right }, condition }): Query => {
        const [first, second] = outputFirst ? relations : relations.toReversed();
        const from = `${first!.table} ${first!.alias} JOIN ${second!.table} AS ${second!.alias}`;
        const suffix = condition === ALWAYS ? '' : ` WHERE ${condition.sql}`;
        return {
          sql: `SELECT o.* FROM ${from} ON ${left.sql} = ${right.sql}${suffix}`,
          tables: [output, partner],
          output: 0,
          holds: (tuple) => tuple[0]![left.column] === tuple[1]![right.column] && condition.holds(tuple),
        };
      });
  })
  .filter(({ sql }) => sql.length > 0);

const query = fc.oneof({ weight: 2, arbitrary: filterQuery }, { weight: 3, arbitrary: joinQuery });

type RowChange = { readonly table: string; readonly insert: boolean; readonly values: Values };

const rowChange: fc.Arbitrary<RowChange> = tableName.chain((table) =>
  fc.record({
    table: fc.constant(table),
    insert: table === 'ping' ? fc.constant(true) : fc.boolean(),
    values: fc.tuple(...kindsOf(table).map((kind) => VALUE_OF[kind])),
  }),
);

type Command =
  | { readonly type: 'subscribe'; readonly client: number; readonly set: number; readonly queries: readonly number[] }
  | { readonly type: 'unsubscribe'; readonly client: number; readonly set: number }
  | { readonly type: 'leave'; readonly client: number }
  | { readonly type: 'commit'; readonly changes: readonly RowChange[] };

const client = fc.integer({ min: 0, max: 2 });
const set = fc.integer({ min: 0, max: 3 });
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('subscribe' as const),
      client,
      set,
      queries: fc.array(fc.nat({ max: 7 }), { maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('unsubscribe' as const), client, set }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('leave' as const), client }) },
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant('commit' as const), changes: fc.array(rowChange, { maxLength: 12 }) }),
  },
);

/** A multiset that throws when something is taken out that is not in it, as the Rust client does. */
class StrictBag {
  readonly #counts = new Map<string, number>();

  add(item: string): void {
    this.#counts.set(item, (this.#counts.get(item) ?? 0) + 1);
  }

  remove(item: string): void {
    const count = this.#counts.get(item);
    if (count === undefined) throw new Error(`deleted what is not there: ${item}`);
    if (count === 1) this.#counts.delete(item);
    else this.#counts.set(item, count - 1);
  }

  entries(): readonly string[] {
    return [...this.#counts].map(([item, count]) => `${count} × ${item}`).toSorted();
  }
}

/** What the test needs of a database; rows come and go by value. */
interface TestDatabase {
  readonly view: StateView;
  commit(changes: Readonly<Record<string, Change>>): readonly TableDelta[];
}

function modelDatabase(): TestDatabase {
  const model = new ModelState(TABLES);
  return { view: model, commit: (changes) => model.commit(changes) };
}

function realDatabase(): TestDatabase {
  const datastore = new Datastore(TABLES);
  return {
    view: datastore.committed,
    commit(changes) {
      const transaction = datastore.begin();
      for (const [name, change] of Object.entries(changes)) {
        const table = TABLES.find((one) => one.name === name)!;
        const codec = compileRowCodec(table.columns);
        transaction.deleteRows(
          table.id,
          (change.delete ?? []).map((values) => codec.encode(values)),
        );
        for (const values of change.insert ?? []) transaction.insert(table.id, codec.encode(values));
      }
      return transaction.commit();
    },
  };
}

const decode = (table: string, row: Row): Values => CODECS.get(table)!.decode(row) as unknown as Values;
const CODECS = new Map(TABLES.map(({ name, columns }) => [name, compileRowCodec(columns)]));

class World {
  readonly database: TestDatabase;
  readonly manager: SubscriptionManager;
  readonly clients = [{}, {}, {}];
  readonly queries: readonly Query[];
  readonly sets = new Map<string, { readonly queries: readonly Query[]; readonly bag: StrictBag }>();

  constructor(database: TestDatabase, queries: readonly Query[]) {
    this.database = database;
    this.manager = new SubscriptionManager({ tables: TABLES, state: database.view, snapshotCacheRowsMin: 0 });
    this.queries = queries;
  }

  run(step: Command): void {
    switch (step.type) {
      case 'subscribe':
        return this.subscribe(step.client, step.set, step.queries);
      case 'unsubscribe':
        return this.unsubscribe(step.client, step.set);
      case 'leave': {
        this.manager.removeClient(this.clients[step.client]!);
        for (const key of this.sets.keys()) if (key.startsWith(`${step.client}/`)) this.sets.delete(key);
        return;
      }
      case 'commit':
        this.commit(step.changes);
    }
  }

  subscribe(client: number, set: number, numbers: readonly number[]): void {
    const key = `${client}/${set}`;
    const chosen = [...new Set(numbers.map((number) => this.queries[number % this.queries.length]!))];
    const distinct = chosen.filter((one, at) => chosen.findIndex(({ sql }) => sql === one.sql) === at);
    const result = this.manager.subscribe(this.clients[client]!, {
      querySetId: set,
      queries: numbers.map((number) => this.queries[number % this.queries.length]!.sql),
      visibility: { identity: 1n, isOwner: false },
    });
    if (this.sets.has(key)) {
      expect(result.type).toBe('duplicate');
      return;
    }
    if (result.type !== 'applied') throw new Error(result.message);
    const bag = new StrictBag();
    this.addRows(bag, result.tables);
    this.sets.set(key, { queries: distinct, bag });
  }

  unsubscribe(client: number, set: number): void {
    const key = `${client}/${set}`;
    const known = this.sets.get(key);
    const result = this.manager.unsubscribe(this.clients[client]!, set, { sendRows: true });
    if (known === undefined) {
      expect(result).toEqual({ type: 'error', message: `Subscription not found: ${set}` });
      return;
    }
    if (result.type !== 'applied') throw new Error(result.message);
    for (const { tableName: name, rows } of result.tables!) {
      expect(rows.rows.length).toBeGreaterThan(0);
      for (const row of rows.rows) known.bag.remove(this.item(name, row));
    }
    expect(known.bag.entries()).toEqual([]);
    this.sets.delete(key);
  }

  commit(changes: readonly RowChange[]): void {
    const events = changes.filter(({ table }) => table === 'ping');
    const deltas = this.database.commit(this.normalised(changes));
    const eventRows = deltas.filter(({ table }) => table.isEvent).flatMap(({ inserts }) => inserts.length);
    expect(eventRows.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(events.length);
    const updates = this.manager.evaluate(deltas);
    for (const [at, key] of this.clients.entries()) {
      const sets = updates.get(key);
      if (sets !== undefined) this.apply(at, sets, deltas);
    }
    this.checkEvents(updates, deltas);
    this.checkContents();
  }

  /** Groups by table; keeps primary keys unique by deleting what an insert replaces. */
  normalised(
    changes: readonly RowChange[],
  ): Record<string, { insert: AlgebraicValue[][]; delete: AlgebraicValue[][] }> {
    const grouped: Record<string, { insert: AlgebraicValue[][]; delete: AlgebraicValue[][] }> = {};
    for (const { table, insert, values } of changes) {
      const group = (grouped[table] ??= { insert: [], delete: [] });
      const isKeyed = table === 'player' || table === 'team';
      if (!insert) {
        group.delete.push([...values]);
        if (isKeyed) for (const row of this.rows(table)) if (row[0] === values[0]) group.delete.push([...row]);
        continue;
      }
      if (isKeyed) {
        group.insert = group.insert.filter(([id]) => id !== values[0]);
        for (const row of this.rows(table)) if (row[0] === values[0]) group.delete.push([...row]);
      }
      group.insert.push([...values]);
    }
    return grouped;
  }

  apply(client: number, sets: readonly QuerySetUpdate[], deltas: readonly TableDelta[]): void {
    const touched = new Set(deltas.map(({ table }) => table.name));
    expect(sets.length).toBeGreaterThan(0);
    expect(sets.map(({ querySetId }) => querySetId)).toEqual(
      [...new Set(sets.map(({ querySetId }) => querySetId))].toSorted((a, b) => a - b),
    );
    for (const { querySetId, tables } of sets) {
      const { bag } = this.sets.get(`${client}/${querySetId}`)!;
      expect(touched.size).toBeGreaterThan(0);
      expect(tables.map(({ tableName: name }) => name)).toEqual(
        [...new Set(tables.map(({ tableName: name }) => name))].toSorted(),
      );
      for (const { tableName: name, updates } of tables) {
        for (const { inserts, deletes, isEvent } of updates) {
          expect(inserts.rows.length + deletes.rows.length).toBeGreaterThan(0);
          const inserted = new Set(inserts.rows.map((row) => this.item(name, row)));
          for (const row of deletes.rows) expect(inserted.has(this.item(name, row))).toBe(false);
          if (isEvent) {
            expect(deletes.rows).toEqual([]);
            continue;
          }
          // Inserts come first, as the clients apply them.
          for (const row of inserts.rows) bag.add(this.item(name, row));
          for (const row of deletes.rows) bag.remove(this.item(name, row));
        }
      }
    }
  }

  /** Each query set got exactly the events that its queries match, with multiplicity. */
  checkEvents(updates: ReadonlyMap<object, readonly QuerySetUpdate[]>, deltas: readonly TableDelta[]): void {
    const events = deltas.filter(({ table }) => table.isEvent).flatMap(({ inserts }) => inserts);
    const decoded = events.map((row) => decode('ping', row));
    for (const [key, { queries }] of this.sets) {
      const [clientAt, setId] = key.split('/').map(Number);
      const own = updates.get(this.clients[clientAt!]!)?.find(({ querySetId }) => querySetId === setId);
      const got = (own?.tables ?? [])
        .filter(({ tableName: name }) => name === 'ping')
        .flatMap((table) => table.updates.flatMap(({ inserts }) => inserts.rows.map((row) => this.item('ping', row))));
      const wanted = queries
        .filter(({ tables }) => tables[0] === 'ping')
        .flatMap((one) => this.evaluate(one, decoded).map((values) => `ping ${JSON.stringify(values)}`));
      expect(got.toSorted()).toEqual(wanted.toSorted());
    }
  }

  checkContents(): void {
    for (const { queries, bag } of this.sets.values()) {
      const wanted = new StrictBag();
      for (const one of queries) {
        for (const values of this.evaluate(one)) wanted.add(`${one.tables[0]} ${JSON.stringify(values)}`);
      }
      expect(bag.entries()).toEqual(wanted.entries());
    }
  }

  evaluate({ tables, holds }: Query, firstRows?: readonly Values[]): readonly Values[] {
    const result: Values[] = [];
    const [first, second] = tables;
    for (const left of firstRows ?? this.rows(first!)) {
      const tuples = second === undefined ? [[left]] : this.rows(second).map((right) => [left, right]);
      for (const tuple of tuples) if (holds(tuple)) result.push(left);
    }
    return result;
  }

  rows(table: string): readonly Values[] {
    const { id } = TABLES.find(({ name }) => name === table)!;
    return [...this.database.view.table(id).scan()].map((row) => decode(table, row));
  }

  addRows(bag: StrictBag, tables: readonly TableRows[]): void {
    for (const { tableName: name, rows } of tables) {
      expect(rows.rows.length).toBeGreaterThan(0);
      for (const row of rows.rows) bag.add(this.item(name, row));
    }
  }

  item(table: string, row: Row): string {
    return `${table} ${JSON.stringify(decode(table, row))}`;
  }
}

const numRuns = Number(process.env['RUNS'] ?? 250);

describe('incremental evaluation equals evaluation from scratch', () => {
  test.each([
    ['a model of the tables', modelDatabase],
    ['the datastore', realDatabase],
  ])('for random queries, query sets, clients and transactions, over %s', (_, open) => {
    assert(
      property(
        fc.array(query, { minLength: 1, maxLength: 8 }),
        fc.array(command, { minLength: 5, maxLength: 30 }),
        (queries, commands) => {
          const world = new World(open(), queries);
          for (const step of commands) world.run(step);
          world.checkContents();
          for (const one of world.clients) world.manager.removeClient(one);
          expect(world.manager.status()).toMatchObject({ clients: 0, querySets: 0, liveQueries: 0, hashTables: 0 });
        },
      ),
      { numRuns },
    );
  });
});
