import type { AlgebraicValue } from '../../src/bsatn/algebraic-type.ts';
import { compileCodec } from '../../src/bsatn/codec.ts';
import { BsatnReader } from '../../src/bsatn/reader.ts';
import { compileRowCodec } from '../../src/bsatn/row-codec.ts';
import { BsatnWriter } from '../../src/bsatn/writer.ts';
import { silentLogger } from '../../src/clock/clock.ts';
import type { Caller, CallResult } from '../../src/database/calls.ts';
import { Database } from '../../src/database/database.ts';
import type { DatabaseOptions } from '../../src/database/options.ts';
import type { HookCall, HookOutcome, LoadedProgram, ModuleRealm, ProgramLoader } from '../../src/module/realm-port.ts';
import type { SystemCallTarget } from '../../src/module/system-functions.ts';
import { createMemoryStorage, makeMemoryContents, type MemoryContents } from '../../src/storage/memory-storage.ts';
import { ManualTime } from '../../src/testing/manual-time.ts';
import { type ModuleSpec, WRITE, writeModuleDef } from './definition.ts';

/*
 * A database whose modules are written down as specs and run without JavaScript: their one reducer inserts rows through
 * the system calls that a real module makes. All else is real.
 */

const CALLER: Caller = { identity: 0xadan, connectionId: 1n };

const argsCodec = compileCodec({
  type: 'product',
  elements: [
    { name: 'table', algebraicType: { type: 'string' } },
    { name: 'rows', algebraicType: { type: 'array', element: { type: 'array', element: { type: 'u8' } } } },
  ],
});

/** Loads what `textOf` gave. */
export const specPrograms: ProgramLoader = {
  load: async (program) => new SpecProgram(program),
};

/** The text of the program of a spec. */
export function textOf(spec: ModuleSpec): string {
  return String.fromCharCode(...writeModuleDef(spec));
}

class SpecProgram implements LoadedProgram {
  readonly text: string;
  readonly hash: string;

  constructor(text: string) {
    this.text = text;
    this.hash = text;
  }

  instantiate(target: SystemCallTarget): ModuleRealm {
    const nothing: HookOutcome = { type: 'returned', bytes: new Uint8Array(0) };
    return {
      isBroken: false,
      describe: () => Uint8Array.from(this.text, (unit) => unit.charCodeAt(0)),
      callReducer: (call) => writeRows(target, call),
      callProcedure: () => nothing,
      callView: () => nothing,
      callHttpHandler: () => nothing,
      close: () => undefined,
    };
  }
}

function writeRows({ functions }: SystemCallTarget, { args }: HookCall): HookOutcome {
  const [table, rows] = argsCodec.decode(new BsatnReader(args)) as [string, Uint8Array[]];
  try {
    const id = functions.table_id_from_name(table);
    for (const row of rows) {
      const buffer = new ArrayBuffer(row.length + 64);
      new Uint8Array(buffer).set(row);
      functions.datastore_insert_bsatn(id, buffer, row.length);
    }
    return { type: 'returned', bytes: new Uint8Array(0) };
  } catch (error) {
    return { type: 'user-error', message: String(error) };
  }
}

export class SpecDatabase {
  readonly database: Database;
  readonly contents: MemoryContents;

  private constructor(database: Database, contents: MemoryContents) {
    this.database = database;
    this.contents = contents;
  }

  /** Opens what `contents` hold; with the program of `spec`, or the one that is stored. */
  static async open(
    spec: ModuleSpec | undefined,
    contents: MemoryContents = makeMemoryContents(),
    options: Partial<DatabaseOptions> = {},
  ): Promise<SpecDatabase> {
    const time = new ManualTime();
    const database = await Database.open({
      name: 'test',
      program: spec === undefined ? undefined : textOf(spec),
      storage: createMemoryStorage({ contents }),
      identity: 0xdbn,
      owner: 0x0an,
      clock: time,
      timers: time,
      logger: silentLogger,
      programs: specPrograms,
      ...options,
    });
    return new SpecDatabase(database, contents);
  }

  /** Inserts rows in one transaction. */
  insert(table: string, ...rows: readonly (readonly AlgebraicValue[])[]): CallResult {
    const def = this.database.def.tables.find(({ name }) => name === table)!;
    const codec = compileRowCodec(def.columns);
    const writer = new BsatnWriter();
    argsCodec.encode(writer, [table, rows.map((row) => codec.encode(row))]);
    return this.database.callReducer(CALLER, WRITE, writer.toBytes());
  }

  /** The rows of a table, decoded, sorted by their text. */
  rows(table: string): AlgebraicValue[][] {
    const def = this.database.def.tables.find(({ name }) => name === table)!;
    const codec = compileRowCodec(def.columns);
    return sorted([...this.database.committed.table(def.id).scan()].map((row) => codec.decode(row)));
  }

  /** What there is, for comparison: the definition with numbers, and all rows. */
  everything(): unknown {
    const { def, programHash } = this.database;
    return { def, programHash, rows: Object.fromEntries(def.tables.map(({ name }) => [name, this.rows(name)])) };
  }

  /** The same contents in another database, as after a crash. */
  async reopened(): Promise<SpecDatabase> {
    return SpecDatabase.open(undefined, this.contents);
  }
}

/** Rows in the order of their text. */
export function sorted(rows: AlgebraicValue[][]): AlgebraicValue[][] {
  return rows.sort((a, b) => (keyText(a) < keyText(b) ? -1 : 1));
}

export function keyText(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
}
