import { assert, property } from 'fast-check';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defineTable, IDENTITY, keyOf, ModelState, selectValues } from '../../test/sql-fixtures.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { Datastore } from '../datastore/datastore.ts';
import type { Row, StateView, TableDelta } from '../datastore/state-view.ts';
import { Catalog } from '../query/catalog.ts';
import { WorkMeter } from '../query/work-meter.ts';
import { SchemaError } from '../schema/schema-error.ts';
import { SubscriptionManager } from '../subscriptions/subscription-manager.ts';
import { compileRowRules } from './compile-row-rules.ts';
import { RestrictedState } from './restricted-state.ts';
import { RestrictedTables } from './restricted-tables.ts';
import type { RowRules } from './row-rules.ts';

/*
 * Random rules, queries and transactions. What each client holds is compared, after every transaction, with an oracle
 * that asks for every row of every table whether some tuple of some rule has it, over plain values and with conditions
 * that never were SQL, and then evaluates the query over what is left.
 */

const TABLES = [
  defineTable({ name: 'doc', columns: { id: 'u8', who: IDENTITY, room: 'u8', open: 'bool' }, primaryKey: 'id' }),
  defineTable({ name: 'ping', columns: { who: IDENTITY, room: 'u8', size: 'u8' }, isEvent: true }),
  defineTable({
    name: 'member',
    columns: { who: IDENTITY, room: 'u8', size: 'u8' },
    indexes: [{ columns: ['who'] }, { columns: ['room', 'size'] }],
  }),
  defineTable({ name: 'room', columns: { room: 'u8', size: 'u8', open: 'bool' }, primaryKey: 'room' }),
  defineTable({ name: 'note', columns: { room: 'u8', who: IDENTITY, size: 'u8' } }),
];

type Name = 'doc' | 'ping' | 'member' | 'room' | 'note';
type Kind = 'u8' | 'bool' | 'identity';
type Value = number | boolean | bigint;
type Values = readonly Value[];

const NAMES = TABLES.map(({ name }) => name as Name);
const defOf = (name: Name) => TABLES.find((table) => table.name === name)!;
const kindsOf = (name: Name): readonly Kind[] =>
  defOf(name).columns.map(({ algebraicType: { type } }) => (type === 'product' ? 'identity' : (type as Kind)));
const CODECS = new Map(TABLES.map(({ name, columns }) => [name as Name, compileRowCodec(columns)]));
const decode = (name: Name, row: Row): Values =>
  (CODECS.get(name)!.decode(row) as AlgebraicValue[]).map((value) =>
    Array.isArray(value) ? (value[0] as bigint) : (value as Value),
  );
const encodable = (name: Name, values: Values): AlgebraicValue[] =>
  values.map((value, column) => (kindsOf(name)[column] === 'identity' ? [value] : value) as AlgebraicValue);

const ASKERS = [1n, 2n, 3n] as const;
const OWNER = 9n;
const VALUE_OF: Readonly<Record<Kind, fc.Arbitrary<Value>>> = {
  u8: fc.integer({ min: 0, max: 3 }),
  bool: fc.boolean(),
  identity: fc.constantFrom(...ASKERS),
};

interface Condition {
  readonly sql: string;
  readonly holds: (tuple: readonly Values[], asker: bigint) => boolean;
}

interface Scoped {
  readonly alias: string;
  readonly name: Name;
}

interface Column {
  readonly sql: string;
  readonly kind: Kind;
  readonly read: (tuple: readonly Values[]) => Value;
  readonly relation: number;
}

const columnsOf = (relations: readonly Scoped[]): readonly Column[] =>
  relations.flatMap(({ alias, name }, relation) =>
    kindsOf(name).map((kind, column) => ({
      sql: `${alias}.${defOf(name).columns[column]!.name}`,
      kind,
      read: (tuple: readonly Values[]) => tuple[relation]![column]!,
      relation,
    })),
  );

const literalOf = (value: Value): string =>
  typeof value === 'bigint' ? `0x${value.toString(16).padStart(64, '0')}` : String(value).toUpperCase();

function leaf(columns: readonly Column[]): fc.Arbitrary<Condition> {
  return fc.constantFrom(...columns).chain((column): fc.Arbitrary<Condition> => {
    const constant = fc.tuple(VALUE_OF[column.kind], fc.constantFrom('=', '=', '<>')).map(([value, operator]) => ({
      sql: `${column.sql} ${operator} ${literalOf(value)}`,
      holds: (tuple: readonly Values[]) => (column.read(tuple) === value) === (operator === '='),
    }));
    if (column.kind !== 'identity') return constant;
    const sender = fc.constantFrom('=', '=', '=', '<>').map((operator) => ({
      sql: `${column.sql} ${operator} :sender`,
      holds: (tuple: readonly Values[], asker: bigint) => (column.read(tuple) === asker) === (operator === '='),
    }));
    return fc.oneof({ weight: 1, arbitrary: constant }, { weight: 4, arbitrary: sender });
  });
}

function condition(columns: readonly Column[]): fc.Arbitrary<Condition> {
  const one = leaf(columns);
  const both = fc.tuple(one, one, fc.boolean()).map(([a, b, isAnd]) => ({
    sql: `(${a.sql} ${isAnd ? 'AND' : 'OR'} ${b.sql})`,
    holds: (tuple: readonly Values[], asker: bigint) =>
      isAnd ? a.holds(tuple, asker) && b.holds(tuple, asker) : a.holds(tuple, asker) || b.holds(tuple, asker),
  }));
  return fc.oneof({ weight: 3, arbitrary: one }, { weight: 1, arbitrary: both });
}

interface Select {
  readonly sql: string;
  /** The first is the one that is returned. */
  readonly tables: readonly Name[];
  readonly holds: Condition['holds'];
}

const ALWAYS: Condition = { sql: '', holds: () => true };

/** `SELECT o.*` over tables in a random order, joined by equality or, where `crosses`, now and then by nothing. */
function select(tables: readonly Name[], { crosses }: { crosses: boolean }): fc.Arbitrary<Select> {
  const relations = tables.map((name, at) => ({ name, alias: at === 0 ? 'o' : `p${at}` }));
  const columns = columnsOf(relations);
  const joins = relations.slice(1).map((_, at) => {
    const pairs = columns
      .filter(({ relation }) => relation <= at)
      .flatMap((left) =>
        columns
          .filter(({ relation, kind }) => relation === at + 1 && kind === left.kind)
          .map((right) => ({ left, right })),
      );
    const equal = fc.constantFrom(...pairs).map(({ left, right }) => ({
      sql: ` ON ${left.sql} = ${right.sql}`,
      holds: (tuple: readonly Values[]) => left.read(tuple) === right.read(tuple),
    }));
    return crosses ? fc.oneof({ weight: 6, arbitrary: equal }, { weight: 1, arbitrary: fc.constant(ALWAYS) }) : equal;
  });
  return fc.tuple(fc.tuple(...joins), fc.option(condition(columns), { nil: ALWAYS })).map(([ons, where]) => ({
    sql: `SELECT o.* FROM ${relations
      .map(({ name, alias }, at) => (at === 0 ? `${name} ${alias}` : `JOIN ${name} ${alias}${ons[at - 1]!.sql}`))
      .join(' ')}${where === ALWAYS ? '' : ` WHERE ${where.sql}`}`,
    tables,
    holds: (tuple, asker) => ons.every((on) => on.holds(tuple, asker)) && where.holds(tuple, asker),
  }));
}

/** A rule looks at tables behind its own, so that there are no cycles, and at its own. Events are looked at by nobody. */
const rule: fc.Arbitrary<Select> = fc.constantFrom(...NAMES).chain((name) => {
  const behind = NAMES.slice(NAMES.indexOf(name)).filter((other) => other !== 'ping');
  return fc
    .array(fc.constantFrom(...behind), { maxLength: 2 })
    .chain((others) => select([name, ...others], { crosses: true }));
});

const query: fc.Arbitrary<Select> = fc
  .constantFrom(...NAMES)
  .chain((name) =>
    fc
      .array(fc.constantFrom(...NAMES.filter((other) => other !== 'ping')), { maxLength: 1 })
      .chain((others) => select([name, ...others], { crosses: false })),
  );

interface RowChange {
  readonly name: Name;
  readonly isInsert: boolean;
  readonly values: Values;
}

const rowChange: fc.Arbitrary<RowChange> = fc.constantFrom(...NAMES).chain((name) =>
  fc.record({
    name: fc.constant(name),
    isInsert: name === 'ping' ? fc.constant(true) : fc.boolean(),
    values: fc.tuple(...kindsOf(name).map((kind) => VALUE_OF[kind])),
  }),
);

interface Scenario {
  readonly rules: readonly Select[];
  readonly queries: readonly Select[];
  readonly commits: readonly (readonly RowChange[])[];
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  rules: fc.array(rule, { minLength: 1, maxLength: 6 }),
  queries: fc.array(query, { minLength: 1, maxLength: 4 }),
  commits: fc.array(fc.array(rowChange, { minLength: 1, maxLength: 10 }), { minLength: 2, maxLength: 8 }),
});

interface TestDatabase {
  readonly view: StateView;
  commit(
    changes: Readonly<Record<string, { insert: AlgebraicValue[][]; delete: AlgebraicValue[][] }>>,
  ): readonly TableDelta[];
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
        const { id } = defOf(name as Name);
        const codec = CODECS.get(name as Name)!;
        transaction.deleteRows(
          id,
          change.delete.map((values) => codec.encode(values)),
        );
        for (const values of change.insert) transaction.insert(id, codec.encode(values));
      }
      return transaction.commit();
    },
  };
}

/** What the rules say, worked out row by row. */
class Oracle {
  readonly #rules: readonly Select[];
  readonly #rowsOf: (name: Name) => readonly Values[];
  readonly #known = new Map<string, readonly Values[]>();

  constructor(rules: readonly Select[], rowsOf: (name: Name) => readonly Values[]) {
    this.#rules = rules;
    this.#rowsOf = rowsOf;
  }

  visible(name: Name, asker: bigint, rows?: readonly Values[]): readonly Values[] {
    const key = `${name} ${asker}`;
    const known = this.#known.get(key);
    if (rows === undefined && known !== undefined) return known;
    const all = rows ?? this.#rowsOf(name);
    const own = this.#rules.filter(({ tables }) => tables[0] === name);
    if (asker === OWNER || own.length === 0) return all;
    const seen = all.filter((row) =>
      own.some(({ tables, holds }) => {
        const others = tables
          .slice(1)
          .map((other) => (other === name ? this.#rowsOf(name) : this.visible(other, asker)));
        return someTuple([[row], ...others], (tuple) => holds(tuple, asker));
      }),
    );
    if (rows === undefined) this.#known.set(key, seen);
    return seen;
  }

  result({ tables, holds }: Select, asker: bigint, events?: readonly Values[]): readonly string[] {
    const [first, ...others] = tables;
    const found: string[] = [];
    const lists = [this.visible(first!, asker, events), ...others.map((other) => this.visible(other, asker))];
    someTuple(lists, (tuple) => {
      if (holds(tuple, asker)) found.push(item(first!, tuple[0]!));
      return false;
    });
    return found.toSorted();
  }
}

function someTuple(lists: readonly (readonly Values[])[], holds: (tuple: readonly Values[]) => boolean): boolean {
  const go = (tuple: readonly Values[]): boolean => {
    const list = lists[tuple.length];
    return list === undefined ? holds(tuple) : list.some((row) => go([...tuple, row]));
  };
  return go([]);
}

const item = (name: Name, values: Values): string => `${name} ${values.join(' ')}`;

/** Groups by table; a row that comes takes the place of the one with its key. */
function normalise(changes: readonly RowChange[], rowsOf: (name: Name) => readonly Values[]) {
  const grouped: Record<string, { insert: AlgebraicValue[][]; delete: AlgebraicValue[][] }> = {};
  const keyed = (name: Name): boolean => name === 'doc' || name === 'room';
  for (const { name, isInsert, values } of changes) {
    const group = (grouped[name] ??= { insert: [], delete: [] });
    const twins = keyed(name) ? rowsOf(name).filter(([key]) => key === values[0]) : [];
    if (isInsert && keyed(name)) group.insert = group.insert.filter(([key]) => key !== values[0]);
    group.delete.push(...(isInsert ? twins : [values, ...twins]).map((row) => encodable(name, row)));
    if (isInsert) group.insert.push(encodable(name, values));
  }
  return grouped;
}

/** Clients that hold the rows of queries, and check that nothing is taken from them that they do not have. */
class World {
  readonly database: TestDatabase;
  readonly rules: RowRules;
  readonly manager: SubscriptionManager;
  readonly scenario: Scenario;
  readonly askers = [...ASKERS, OWNER];
  readonly clients = new Map<bigint, { readonly key: object; readonly bags: string[][] }>();
  readonly events = new Map<string, string[]>();

  constructor(database: TestDatabase, given: Scenario) {
    this.database = database;
    this.scenario = given;
    const rowLevelSecurity = given.rules.map(({ sql }) => ({ sql, prefix: '' }));
    this.rules = compileRowRules({ def: { rowLevelSecurity, views: [] }, tables: TABLES, strictCompat: false })!;
    this.manager = new SubscriptionManager({
      tables: TABLES,
      rules: this.rules,
      state: database.view,
      snapshotCacheRowsMin: 0,
    });
  }

  readonly rowsOf = (name: Name): readonly Values[] =>
    [...this.database.view.table(defOf(name).id).scan()].map((row) => decode(name, row));

  subscribe(asker: bigint): void {
    const key = {};
    const bags = this.scenario.queries.map(({ sql, tables }, at) => {
      const visibility = { identity: asker, isOwner: asker === OWNER };
      const result = this.manager.subscribe(key, { querySetId: at, queries: [sql], visibility });
      if (result.type !== 'applied') throw new Error(result.message);
      return result.tables.flatMap(({ rows }) => rows.rows.map((row) => item(tables[0]!, decode(tables[0]!, row))));
    });
    this.clients.set(asker, { key, bags });
  }

  leave(asker: bigint): void {
    const client = this.clients.get(asker);
    if (client !== undefined) this.manager.removeClient(client.key);
    this.clients.delete(asker);
  }

  commit(changes: readonly RowChange[]): void {
    const deltas = this.database.commit(normalise(changes, this.rowsOf));
    const updates = this.manager.evaluate(deltas);
    expect(this.manager.takeFailedClients().size).toBe(0);
    const oracle = new Oracle(this.scenario.rules, this.rowsOf);
    const events = deltas.filter(({ table }) => table.isEvent).flatMap(({ inserts }) => inserts);
    for (const [asker, { key, bags }] of this.clients) {
      for (const [at, select] of this.scenario.queries.entries()) {
        const set = updates.get(key)?.find(({ querySetId }) => querySetId === at);
        const rows = (list: 'inserts' | 'deletes') =>
          (set?.tables ?? []).flatMap((table) => table.updates.flatMap((update) => update[list].rows));
        const [first] = select.tables;
        const [inserts, deletes] = [rows('inserts'), rows('deletes')];
        expect(inserts.filter((row) => deletes.some((other) => keyOf(other) === keyOf(row)))).toEqual([]);
        if (first === 'ping') {
          expect(deletes).toEqual([]);
          const wanted = oracle.result(
            select,
            asker,
            events.map((row) => decode('ping', row)),
          );
          expect(inserts.map((row) => item('ping', decode('ping', row))).toSorted()).toEqual(wanted);
          continue;
        }
        bags[at] = apply(bags[at]!, first!, inserts, deletes);
        expect(bags[at].toSorted(), `${select.sql} of ${asker}`).toEqual(oracle.result(select, asker));
      }
    }
    this.checkAskedOnce(oracle);
  }

  /** Subscribed anew, asked on the socket and asked in the wider SQL, the answers are the same. */
  checkAskedOnce(oracle: Oracle): void {
    const restricted = new RestrictedTables(this.rules);
    const work = new WorkMeter();
    const state = new RestrictedState(restricted, this.database.view, work);
    const catalog = new Catalog(TABLES, undefined, restricted);
    for (const asker of this.askers) {
      const visibility = { identity: asker, isOwner: asker === OWNER };
      for (const select of this.scenario.queries) {
        const [first] = select.tables;
        const wanted = oracle.result(select, asker);
        const answer = this.manager.oneOffQuery(select.sql, visibility);
        if (answer.type !== 'rows') throw new Error(answer.message);
        expect(answer.table.rows.rows.map((row) => item(first!, decode(first!, row))).toSorted()).toEqual(wanted);
        const count = select.sql.replace('SELECT o.*', 'SELECT COUNT(*) AS n');
        const options = { catalog, visibility, strictCompat: false };
        expect(selectValues(count, options, state)).toEqual([[BigInt(wanted.length)]]);
      }
    }
  }
}

function apply(bag: readonly string[], name: Name, inserts: readonly Row[], deletes: readonly Row[]): string[] {
  const next = [...bag, ...inserts.map((row) => item(name, decode(name, row)))];
  for (const row of deletes) {
    const at = next.indexOf(item(name, decode(name, row)));
    if (at < 0) throw new Error(`deleted what is not there: ${item(name, decode(name, row))}`);
    next.splice(at, 1);
  }
  return next;
}

describe('what everybody holds under random rules is what the rules say, after every transaction', () => {
  const runs = Number(process.env['RUNS'] ?? 60);
  const seed = process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) };

  test.each([
    ['a model of the tables', modelDatabase],
    ['the datastore', realDatabase],
  ])('over %s', (_name, makeDatabase) => {
    assert(
      property(scenario, (given) => {
        const world = new World(makeDatabase(), given);
        const [first, ...commits] = given.commits;
        world.commit(first!);
        for (const asker of world.askers) world.subscribe(asker);
        for (const [at, changes] of commits.entries()) {
          const asker = world.askers[at % world.askers.length]!;
          if (at % 3 === 2) world.leave(asker);
          world.commit(changes);
          if (!world.clients.has(asker)) world.subscribe(asker);
        }
        for (const asker of world.askers) world.leave(asker);
        expect(world.manager.status()).toMatchObject({ liveQueries: 0, hashTables: 0 });
      }),
      { numRuns: runs, ...seed },
    );
  });

  test('and rules that random text makes are refused by their text, never with another error', () => {
    assert(
      property(
        fc.array(fc.constantFrom('SELECT', '*', 'doc', 'FROM', 'WHERE', 'who', '=', ':sender', 'JOIN')),
        (words) => {
          const rowLevelSecurity = [{ sql: words.join(' '), prefix: '' }];
          try {
            compileRowRules({ def: { rowLevelSecurity, views: [] }, tables: TABLES, strictCompat: false });
          } catch (error) {
            expect(error).toBeInstanceOf(SchemaError);
          }
        },
      ),
      { numRuns: runs, ...seed },
    );
  });
});
