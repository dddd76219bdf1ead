import { resolve } from 'node:path';
import { systemRandom } from '../clock/system-clock.ts';
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
import { nodeFileSystem } from '../storage/disk/node-file-system.ts';
import { type DamagedRange, salvageDiskStorage } from '../storage/disk/salvage.ts';
import type { SealedPlace } from '../storage/sealed/sealer.ts';
import { makeSealer, readSealing, type StorageKeyOptions } from '../storage/sealed/storage-key.ts';
import { StorageError } from '../storage/storage-error.ts';
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
  /** Of a directory that is encrypted. */
  readonly storageKey?: StorageKeyOptions | undefined;
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
 * `host/not-a-host`, `host/key-required`, `host/wrong-key`; @throws {StorageError} `storage/not-a-database`, `storage/read-failed`
 */
export async function salvageDatabase(options: SalvageOptions): Promise<SalvagedDatabase> {
  const { data, database, bundle } = options;
  const directory = new HostDirectory(resolve(data));
  await directory.check();
  const key = await findKey(directory, database);
  const open = await openerOf(directory, key, options.storageKey);
  const tables = new SalvagedTables(bundle === undefined ? undefined : await describeAsFirst(bundle));
  const damage: DamagedRange[] = [];
  let unopened = 0;
  const opened = (bytes: Uint8Array, place: SealedPlace, take: (plain: Uint8Array) => void): void => {
    const plain = open(bytes, place);
    if (plain === undefined) unopened += 1;
    else take(plain);
  };
  await salvageDiskStorage(directory.databasePath(key), {
    snapshotChunk: (offset, index, chunk) =>
      opened(chunk, { kind: 'snapshot', offset, index }, (plain) => tables.snapshotChunk(offset, index, plain)),
    record: (offset, record) =>
      opened(record, { kind: 'record', offset, index: 0 }, (plain) => tables.record(offset, plain)),
    damaged: (range) => void damage.push(range),
  });
  if (!tables.hasProgram) {
    throw new HostError({
      code: 'salvage/no-program',
      message: `nothing that is left of ${database} tells which tables it has. Give the bundle that was published to it.`,
      details: { database, damage },
    });
  }
  return { bundle: tables.bundle, tables: tables.tables, damage, unreadable: tables.unreadable + unopened };
}

/** Opens what is sealed; undefined for bytes that cannot be opened. Without a key file, bytes are as they are. */
async function openerOf(
  directory: HostDirectory,
  key: string,
  options: StorageKeyOptions | undefined,
): Promise<(bytes: Uint8Array, place: SealedPlace) => Uint8Array | undefined> {
  const sealing = await readSealing({ file: directory.storageKey, fileSystem: nodeFileSystem }, options);
  if (sealing === undefined) return (bytes) => bytes;
  const sealer = makeSealer(sealing(key), systemRandom);
  return (bytes, place) => {
    try {
      return sealer.open(bytes, place);
    } catch (error) {
      if (error instanceof StorageError) return undefined; // counted as unreadable
      throw error;
    }
  };
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
