import { fileURLToPath } from 'node:url';
import type { AlgebraicValue } from '../src/bsatn/algebraic-type.ts';
import { compileCodec } from '../src/bsatn/codec.ts';
import { BsatnReader } from '../src/bsatn/reader.ts';
import { compileRowCodec } from '../src/bsatn/row-codec.ts';
import { BsatnWriter } from '../src/bsatn/writer.ts';
import type { LogRecord } from '../src/clock/clock.ts';
import type { Caller, CallResult, ProcedureResult } from '../src/database/calls.ts';
import { Database } from '../src/database/database.ts';
import type { DatabaseOptions } from '../src/database/options.ts';
import { bundleModule } from '../src/module/bundle-module.ts';
import { makeProgramLoader } from '../src/module/program-loader.ts';
import { createMemoryStorage } from '../src/storage/memory-storage.ts';
import { ManualTime } from '../src/testing/manual-time.ts';
import { bundleWith, RELEASES } from './releases/library.ts';

export const IDENTITY = 0xdbn;
export const OWNER = 0x0an;
export const ADA: Caller = { identity: 0xadan, connectionId: 0x1n };
export const BOB: Caller = { identity: 0xb0bn, connectionId: 0x2n };

/** Shared by all tests of a file, as the databases of one host share it. */
export const programs = makeProgramLoader();

const bundles = new Map<string, Promise<string>>();

/** The bundle of a fixture, made once; with `SPACETIMEDB_RELEASE=2.8.3` with that release of the library. */
export function bundleOf(fixture: string): Promise<string> {
  const path = fileURLToPath(new URL(`fixtures/${fixture}`, import.meta.url));
  let bundle = bundles.get(path);
  if (bundle === undefined) {
    const release = RELEASES.find(({ version }) => version === process.env['SPACETIMEDB_RELEASE']);
    bundle = release === undefined ? bundleModule(path) : bundleWith(release.library, fixture);
    bundles.set(path, bundle);
  }
  return bundle;
}

/** A database of a fixture, with what tests look at. */
export class ModuleDatabase {
  readonly database: Database;
  readonly time: ManualTime;
  readonly logs: readonly LogRecord[];

  constructor(database: Database, time: ManualTime, logs: readonly LogRecord[]) {
    this.database = database;
    this.time = time;
    this.logs = logs;
  }

  /** Calls a reducer with values in the order of its parameters. */
  call(caller: Caller, name: string, ...values: AlgebraicValue[]): CallResult {
    const reducer = this.database.def.reducers.find((def) => def.name === name);
    return this.database.callReducer(caller, name, encodeArgs(reducer?.params ?? [], values));
  }

  /** Calls a procedure and decodes what it returns. */
  run(
    caller: Caller,
    name: string,
    ...values: AlgebraicValue[]
  ): { result: ProcedureResult; value: AlgebraicValue | undefined } {
    const procedure = this.database.def.procedures.find((def) => def.name === name);
    const result = this.database.callProcedure(caller, name, encodeArgs(procedure?.params ?? [], values));
    if (result.outcome.type !== 'returned' || procedure === undefined) return { result, value: undefined };
    const value = compileCodec(procedure.returnType).decode(new BsatnReader(result.outcome.bytes));
    return { result, value };
  }

  /** Every row of a table, decoded, sorted by its text. */
  rows(table: string): AlgebraicValue[][] {
    const id = this.database.def.tables.find(({ name }) => name === table)?.id ?? SYSTEM_IDS[table]!;
    const view = this.database.committed.table(id);
    const codec = compileRowCodec(view.def.columns);
    return [...view.scan()].map((row) => codec.decode(row)).sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  }

  /** What the module noted under a key. */
  result(key: string): string | undefined {
    return this.rows('result').find(([name]) => name === key)?.[1] as string | undefined;
  }

  logTexts(): string[] {
    return this.logs.map(({ level, message }) => `${level}: ${message}`);
  }
}

const SYSTEM_IDS: Record<string, number> = { st_client: 7, st_connection_credentials: 11 };

export interface OpenOptions extends Partial<DatabaseOptions> {
  readonly time?: ManualTime;
}

export async function openModule(fixture: string, options: OpenOptions = {}): Promise<ModuleDatabase> {
  const logs: LogRecord[] = [];
  const time = options.time ?? new ManualTime();
  const database = await Database.open({
    name: 'test',
    program: await bundleOf(fixture),
    storage: createMemoryStorage(),
    identity: IDENTITY,
    owner: OWNER,
    clock: time,
    timers: time,
    logger: { log: (record) => logs.push(record) },
    programs,
    ...options,
  });
  return new ModuleDatabase(database, time, logs);
}

function encodeArgs(
  params: readonly { name: string; algebraicType: Parameters<typeof compileCodec>[0] }[],
  values: AlgebraicValue[],
): Uint8Array {
  const writer = new BsatnWriter();
  for (const [index, param] of params.entries()) compileCodec(param.algebraicType).encode(writer, values[index]!);
  return writer.toBytes();
}

function sortKey(row: readonly AlgebraicValue[]): string {
  return JSON.stringify(row, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value).padStart(40, '0') : value,
  );
}
