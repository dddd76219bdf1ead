import { BsatnError } from '../bsatn/bsatn-error.ts';
import { Datastore, type LoggedRows } from '../datastore/datastore.ts';
import { HostError } from '../errors.ts';
import { decodeRawModuleDef } from '../schema/decode-module-def.ts';
import type { DataMigration } from '../migration/carry-over.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import { validateModuleDef } from '../schema/validate.ts';
import type { RecoveryVisitor, Storage } from '../storage/storage.ts';
import { decodeLogged, type StoredChange, type StoredProgram } from './record-codec.ts';
import { carryAll, rebuildDatastore } from './rebuild-datastore.ts';
import { decodeSnapshotChunk, decodeSnapshotHead } from './snapshot-codec.ts';
import { TableIds } from './table-ids.ts';

/** A database as its storage had it. */
export interface RecoveredState {
  readonly program: StoredProgram;
  readonly def: ModuleDef;
  readonly datastore: Datastore;
}

/** What reading back the storage gave. */
export interface Recovered {
  /** Undefined when nothing was stored yet. */
  readonly state: RecoveredState | undefined;
  readonly lastTimestampMicros: bigint;
  readonly nextOffset: bigint;
  /** Bytes of the records that were replayed: what a new snapshot would spare the next start. */
  readonly replayedBytes: number;
}

/**
 * Reads a database back from its storage.
 * @throws {HostError} `database/corrupt` naming the record, `database/newer-version`; @throws {StorageError}
 */
export async function recoverDatabase(storage: Storage, hashSeed?: number): Promise<Recovered> {
  const replay = new Replay(hashSeed);
  const report = await storage.recover(replay);
  return {
    state: replay.state,
    lastTimestampMicros: replay.lastTimestampMicros,
    nextOffset: report.nextOffset,
    replayedBytes: replay.replayedBytes,
  };
}

/** The tables of a definition that was stored, under the numbers that were stored with it. */
function restoreDef(program: StoredProgram): ModuleDef {
  return validateModuleDef(decodeRawModuleDef(program.rawDef), new TableIds(program.tableIds));
}

class Replay implements RecoveryVisitor {
  state: RecoveredState | undefined;
  lastTimestampMicros = 0n;
  replayedBytes = 0;
  readonly #hashSeed: number | undefined;

  constructor(hashSeed: number | undefined) {
    this.#hashSeed = hashSeed;
  }

  async snapshot(offset: bigint, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let rowCount = 0;
    let isComplete = false;
    for await (const chunk of chunks) {
      guard(`the snapshot at offset ${offset}`, { offset }, () => {
        if (this.state === undefined) {
          this.#takeHead(chunk);
          return;
        }
        const part = decodeSnapshotChunk(chunk);
        if (part.type === 'rows') {
          this.state.datastore.loadRows(part.tableId, part.rows, part.count);
          rowCount += part.count;
        } else {
          isComplete = part.rowCount === rowCount;
        }
      });
    }
    if (!isComplete) throw corrupt(`the snapshot at offset ${offset} does not hold all its rows`, { offset });
  }

  record(offset: bigint, bytes: Uint8Array): void {
    guard(`the record at offset ${offset}`, { offset }, () => this.#apply(bytes));
    this.replayedBytes += bytes.length;
  }

  #takeHead(chunk: Uint8Array): void {
    const head = decodeSnapshotHead(chunk);
    this.#takeProgram(head.program);
    this.lastTimestampMicros = head.lastTimestampMicros;
    for (const sequence of head.sequences) this.state?.datastore.restoreSequence(sequence);
  }

  #takeProgram(program: StoredProgram, migration?: DataMigration): void {
    const def = restoreDef(program);
    const datastore = this.#makeDatastore(def, migration);
    datastore.putOffIndexes();
    this.state = { program, def, datastore };
  }

  #makeDatastore({ tables }: ModuleDef, migration: DataMigration | undefined): Datastore {
    const options = { hashSeed: this.#hashSeed };
    if (this.state === undefined) return new Datastore(tables, options);
    const { datastore } = this.state;
    return rebuildDatastore(datastore, { tables, migration: migration ?? carryAll(datastore) }, options);
  }

  #apply(bytes: Uint8Array): void {
    const { program, migration, transaction } = decodeLogged(bytes);
    if (program !== undefined) this.#takeProgram(program, migration);
    if (transaction === undefined) return;
    const { state } = this;
    if (state === undefined) throw corrupt('the first record names no program', {});
    for (const change of transaction.changes) applyChange(state.datastore, change);
    for (const sequence of transaction.sequences) state.datastore.restoreSequence(sequence);
    this.lastTimestampMicros = transaction.timestampMicros;
  }
}

function applyChange(datastore: Datastore, change: StoredChange<LoggedRows>): void {
  const deletes = change.isTruncated ? [...datastore.committed.table(change.tableId).scan()] : change.deletes;
  datastore.applyLogged(change.tableId, deletes, change.inserts);
}

/** Names the place of what does not fit: the storage's checksums were right, so it was written so or by other code. */
function guard(place: string, details: Readonly<Record<string, unknown>>, read: () => void): void {
  try {
    read();
  } catch (error) {
    if (error instanceof HostError && !(error instanceof BsatnError)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw corrupt(`${place} cannot be read: ${reason}`, details, error);
  }
}

function corrupt(what: string, details: Readonly<Record<string, unknown>>, cause?: unknown): HostError {
  return new HostError({
    code: 'database/corrupt',
    message: `${what}. Nothing was changed; restore the database from a backup.`,
    details,
    cause,
  });
}
