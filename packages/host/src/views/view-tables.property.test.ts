import { assert, property } from 'fast-check';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { defineTable } from '../../test/sql-fixtures.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import { Datastore } from '../datastore/datastore.ts';
import type { IndexRange, Row, StateView, TableDelta } from '../datastore/state-view.ts';
import type { Transaction } from '../datastore/transaction.ts';
import type { ViewDef } from '../schema/module-def.ts';
import { ViewError } from './view-error.ts';
import type { ViewRequest } from './view-evaluator.ts';
import { ViewTables } from './view-tables.ts';

/*
 * Random views over random transactions, against evaluation from scratch. A view is a list of reads, and its rows are
 * what each read found; so it must be evaluated again exactly when one of its reads would find something else.
 */

const TABLES = [
  defineTable({
    name: 'a',
    columns: { id: 'u8', x: 'u8', y: 'f64' },
    primaryKey: 'id',
    indexes: [{ columns: ['x', 'y'] }, { columns: ['y'], algorithm: 'hash' }],
  }),
  defineTable({
    name: 'b',
    columns: { x: 'u8', text: 'string' },
    indexes: [{ columns: ['text'] }, { columns: ['x'] }],
  }),
];
const [A, B] = TABLES as [(typeof TABLES)[number], (typeof TABLES)[number]];
const codecs = new Map(TABLES.map((table) => [table.id, compileRowCodec(table.columns)]));
const resultCodec = compileRowCodec([{ algebraicType: { type: 'string' } }]);

const small = fc.integer({ min: 0, max: 3 });
const float = fc.constantFrom(0, -0, 1, Number.NaN);
const word = fc.constantFrom('', 'p', 'q');

/** A read: what it looks at, and with which precision a change of that is noticed. */
type Read =
  | { readonly type: 'count' | 'scan'; readonly table: number }
  | { readonly type: 'seek'; readonly table: number; readonly index: number; readonly range: IndexRange };

const tableNumber = fc.integer({ min: 0, max: 1 });
const included = (value: AlgebraicValue) => ({ type: 'included', value }) as const;
const read: fc.Arbitrary<Read> = fc.oneof(
  fc.record({ type: fc.constantFrom('count' as const, 'scan' as const), table: tableNumber }),
  small.map((id) => ({ type: 'seek' as const, table: 0, index: 0, range: { prefix: [id] } })),
  small.map((x) => ({ type: 'seek' as const, table: 0, index: 1, range: { prefix: [x] } })),
  fc.tuple(small, float).map(([x, y]) => ({ type: 'seek' as const, table: 0, index: 1, range: { prefix: [x, y] } })),
  small.map((x) => ({
    type: 'seek' as const,
    table: 0,
    index: 1,
    range: { prefix: [], start: included(x), end: included(x) },
  })),
  fc.tuple(small, small, fc.constantFrom('included' as const, 'excluded' as const)).map(([from, to, type]) => ({
    type: 'seek' as const,
    table: 0,
    index: 1,
    range: { prefix: [], start: included(from), end: { type, value: to } },
  })),
  float.map((y) => ({ type: 'seek' as const, table: 0, index: 2, range: { prefix: [y] } })),
  word.map((text) => ({ type: 'seek' as const, table: 1, index: 0, range: { prefix: [text] } })),
);

/** A view as a program: reads whose findings are its rows, or SQL. */
type Program = readonly Read[] | string;

const SQL = [
  `SELECT * FROM b WHERE text = 'p'`,
  'SELECT * FROM b WHERE x > 1',
  'SELECT b.* FROM a JOIN b ON a.x = b.x',
  'SELECT b.* FROM a JOIN b ON a.x = b.x WHERE a.id = 1',
  'SELECT b.* FROM b JOIN b AS c ON b.x = c.x',
  `SELECT b.* FROM b JOIN a ON a.id = b.x WHERE b.text = 'p' AND a.x > 0`,
  'SELECT b.* FROM b JOIN a ON a.id = b.x WHERE a.x = b.x',
  // Three tables: these rows are found anew.
  'SELECT b.* FROM b JOIN a ON a.x = b.x JOIN b AS c ON c.x = a.id',
];
const program: fc.Arbitrary<Program> = fc.oneof(
  { weight: 3, arbitrary: fc.array(read, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(...SQL) },
);

interface Change {
  readonly table: number;
  readonly insert: boolean;
  readonly values: readonly AlgebraicValue[];
}
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    table: fc.constant(0),
    insert: fc.boolean(),
    values: fc.tuple(small, small, float).map((values) => values),
  }),
  fc.record({ table: fc.constant(1), insert: fc.boolean(), values: fc.tuple(small, word) }),
);
const transaction = fc.record({
  changes: fc.array(change, { maxLength: 4 }),
  end: fc.constantFrom('commit', 'commit', 'commit', 'roll-back', 'fail'),
});

function rowsOf(state: StateView, { table, ...rest }: Read): Row[] {
  const view = state.table((table === 0 ? A : B).id);
  return rest.type === 'seek' ? [...view.seek(view.def.indexes[rest.index]!, rest.range)] : [...view.scan()];
}

/** What a read finds. */
function found(state: StateView, read: Read, index: number): string {
  if (read.type === 'count') return `${index}: ${state.table((read.table === 0 ? A : B).id).rowCount}`;
  const rows = rowsOf(state, read).map((row) => Buffer.from(row).toString('hex'));
  return `${index}: ${rows.sort().join()}`;
}

/** What of a state decides whether a read must be made again: the whole table, or what it finds. */
function watched(state: StateView, read: Read): string {
  const isPrecise = read.type === 'seek' && (read.range.prefix.length > 0 || isPoint(read.range));
  const wide: Read = isPrecise ? read : { type: 'scan', table: read.table };
  return found(state, wide, 0);
}

function isPoint({ start, end }: IndexRange): boolean {
  return start?.type === 'included' && end?.type === 'included' && start.value === end.value;
}

/** What decides whether a program must be run again; for SQL, at the most. */
function watchedBy(state: StateView, program: Program): string {
  if (typeof program !== 'string') return program.map((each) => watched(state, each)).join('; ');
  const tables = program.includes(' a ') ? [0, 1] : [1];
  return tables.map((table) => watched(state, { type: 'scan', table })).join('; ');
}

function viewOf(id: number, program: Program): ViewDef {
  const column = { name: 'found', accessor: 'found', algebraicType: { type: 'string' } as const };
  const [columns, primaryKey] = typeof program === 'string' ? [B.columns, undefined] : [[column], 0];
  const name = `v${id}`;
  return { id, name, accessor: name, isAnonymous: id % 2 === 0, isPublic: true, columns, primaryKey };
}

/** Runs programs as a module would. */
function runner(programs: readonly Program[], fails: () => boolean, onRun: (view: number) => void) {
  return ({ view, sender, state }: ViewRequest) => {
    onRun(view.id);
    if (fails()) return { type: 'user-error', message: 'it fails' } as const;
    const program = programs[view.id]!;
    const writer = new BsatnWriter();
    writer.u8(typeof program === 'string' ? 1 : 0);
    if (typeof program === 'string') {
      writer.string(program);
      return { type: 'returned', bytes: writer.toBytes() } as const;
    }
    const rows = program.map((each, index) => resultCodec.encode([`${sender} ${found(state, each, index)}`]));
    writer.u32(rows.length);
    return { type: 'returned', bytes: Buffer.concat([writer.toBytes(), ...rows]) } as const;
  };
}

class World {
  readonly datastore = new Datastore(TABLES);
  readonly programs: readonly Program[];
  readonly defs: readonly ViewDef[];
  readonly views: ViewTables;
  readonly runs: number[] = [];
  fails = false;

  constructor(programs: readonly Program[]) {
    this.programs = programs;
    this.defs = programs.map((each, id) => viewOf(id, each));
    this.views = this.makeViews((view) => this.runs.push(view));
  }

  makeViews(onRun: (view: number) => void = () => undefined): ViewTables {
    return new ViewTables({
      tables: TABLES,
      views: this.defs,
      committed: this.datastore.committed,
      run: runner(this.programs, () => this.fails, onRun),
      onInvalidResult: (_view, error) => {
        throw error;
      },
    });
  }

  write(changes: readonly Change[]): Transaction {
    const transaction = this.datastore.begin();
    for (const { table, insert, values } of changes) {
      const { id } = table === 0 ? A : B;
      const row = codecs.get(id)!.encode(values);
      const key = table === 0 ? A.indexes[0] : undefined;
      if (!insert) transaction.deleteRows(id, [row]);
      else if (key === undefined || [...transaction.table(id).seek(key, { prefix: [values[0]!] })].length === 0)
        transaction.insert(id, row);
      else transaction.update(id, key.id, row);
    }
    return transaction;
  }

  /** The rows of a view as it gives them when it is asked for the first time now. */
  fromScratch(view: ViewDef): string[] {
    const fresh = this.makeViews();
    const table = fresh.tableOf(view, 5n);
    fresh.acquire(table);
    return texts(fresh.over(this.datastore.committed).table(table.id).scan());
  }
}

const texts = (rows: Iterable<Row>) => Array.from(rows, (row) => Buffer.from(row).toString('hex')).sort();

function applyTo(rows: Set<string>, { inserts, deletes }: TableDelta): void {
  for (const row of texts(deletes)) expect(rows.delete(row)).toBe(true);
  for (const row of texts(inserts)) {
    expect(rows.has(row)).toBe(false);
    rows.add(row);
  }
}

test('views equal their evaluation from scratch, and are evaluated only when a read would find something else', () => {
  assert(
    property(fc.array(program, { minLength: 1, maxLength: 4 }), fc.array(transaction, { maxLength: 8 }), (...given) => {
      const [programs, transactions] = given;
      const world = new World(programs);
      const tables = world.defs.map((view) => world.views.tableOf(view, 5n));
      for (const table of tables) world.views.acquire(table);
      const state = world.views.over(world.datastore.committed);
      const held = tables.map((table) => new Set(texts(state.table(table.id).scan())));
      for (const { changes, end } of transactions) {
        const before = programs.map((each) => watchedBy(world.datastore.committed, each));
        const open = world.write(changes);
        const stale = programs.flatMap((each, id) => (before[id] === watchedBy(open, each) ? [] : [id]));
        const certain = stale.filter((id) => typeof programs[id] !== 'string');
        world.runs.length = 0;
        world.fails = end === 'fail';
        if (world.fails && certain.length > 0) {
          expect(() => world.views.refresh(open, 'refuse')).toThrow(ViewError);
          open.rollback();
        } else {
          world.fails = false;
          const refresh = world.views.refresh(open, 'refuse');
          expect(world.runs.filter((id) => typeof programs[id] !== 'string')).toEqual(certain);
          for (const id of world.runs) expect(stale).toContain(id);
          if (end === 'roll-back') {
            open.rollback();
          } else {
            open.commit();
            for (const delta of refresh.apply()) applyTo(held[tables.indexOf(delta.table)]!, delta);
          }
        }
        world.fails = false;
        for (const [id, view] of world.defs.entries()) {
          const rows = texts(state.table(tables[id]!.id).scan());
          expect(rows).toEqual(world.fromScratch(view));
          expect([...held[id]!].toSorted()).toEqual(rows);
        }
      }
      for (const table of tables) world.views.release(table);
      expect(world.views.instances).toEqual({ used: 0, idle: tables.length });
    }),
    {
      numRuns: 400 * Number(process.env['RUNS'] ?? 1),
      ...(process.env['SEED'] ? { seed: Number(process.env['SEED']) } : {}),
    },
  );
});
