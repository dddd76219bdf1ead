import { resolve } from 'node:path';
import { TableIds } from '../database/table-ids.ts';
import { HostError } from '../errors.ts';
import { HostDirectory } from '../host-directory.ts';
import { describeProgram } from '../module/describe-program.ts';
import { makeProgramLoader } from '../module/program-loader.ts';
import { makeNameFile } from '../names/name-file.ts';
import { NameRegistry } from '../names/name-registry.ts';
import { decodeRawModuleDef } from '../schema/decode-module-def.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import { validateModuleDef } from '../schema/validate.ts';
import { type DamagedRange, salvageDiskStorage } from '../storage/disk/salvage.ts';
import { type SalvagedTable, SalvagedTables } from './salvaged-tables.ts';

/** What to read out. */
export interface SalvageOptions {
  /** The data directory. No host may be running on it. */
  readonly data: string;
  /** A name of the database, or that of its folder. */
  readonly database: string;
  /**
   * The bundle that was published first. It stands for the program where the stored one is lost: then its tables are
   * numbered as in a new database, which rows that were written after migrations may not fit.
   */
  readonly bundle?: string | undefined;
}

/** What is sound of a database. */
export interface SalvagedDatabase {
  /** The newest bundle that was found; undefined when the given one stands for it. */
  readonly bundle: string | undefined;
  readonly tables: readonly SalvagedTable[];
  /** Where the files are not what was written, and where they do not go on. */
  readonly damage: readonly DamagedRange[];
  /** Rows and parts of the files that are whole but could not be understood without what is missing. */
  readonly unreadable: number;
}

/**
 * Reads out what is sound of a database that does not open any more because its files are damaged. Changes nothing.
 * Where changes are missing, rows that they deleted may still be there, and those they inserted are not.
 * @throws {HostError} `host/database-not-found`, `salvage/no-program` when nothing tells which tables there are,
 * `host/not-a-host`; @throws {StorageError} `storage/not-a-database`, `storage/read-failed`
 */
export async function salvageDatabase({ data, database, bundle }: SalvageOptions): Promise<SalvagedDatabase> {
  const directory = new HostDirectory(resolve(data));
  await directory.check();
  const path = directory.databasePath(await findKey(directory, database));
  const tables = new SalvagedTables(bundle === undefined ? undefined : await describeAsFirst(bundle));
  const damage: DamagedRange[] = [];
  await salvageDiskStorage(path, {
    snapshotChunk: (offset, index, chunk) => tables.snapshotChunk(offset, index, chunk),
    record: (offset, record) => tables.record(offset, record),
    damaged: (range) => void damage.push(range),
  });
  if (!tables.hasProgram) {
    throw new HostError({
      code: 'salvage/no-program',
      message: `nothing that is left of ${database} tells which tables it has. Give the bundle that was published to it.`,
      details: { database, damage },
    });
  }
  return { bundle: tables.bundle, tables: tables.tables, damage, unreadable: tables.unreadable };
}

/** Names that cannot be read are no reason to give up what can: folders are still there. */
async function findKey(directory: HostDirectory, database: string): Promise<string> {
  const keys = await directory.databaseKeys();
  if (keys.includes(database)) return database;
  const key = (await NameRegistry.open(makeNameFile(directory.names), keys)).keyOf(database);
  if (key !== undefined) return key;
  throw new HostError({
    code: 'host/database-not-found',
    message: `${directory.path} holds no database '${database}'; there are: ${keys.join(', ') || 'none'}`,
    details: { name: database, keys },
  });
}

async function describeAsFirst(bundle: string): Promise<ModuleDef> {
  const { raw } = describeProgram(await makeProgramLoader().load(bundle));
  return validateModuleDef(decodeRawModuleDef(raw), new TableIds(new Map()));
}
