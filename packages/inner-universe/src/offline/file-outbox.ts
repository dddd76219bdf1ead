/*
 * An outbox in a directory:
 *
 *   lock/            who has it; the system releases it when that process dies
 *   <owner>/writes   the records, see record-frames.ts
 *   <owner>/copies/  confirmed data, a file each
 *
 * Directories have mode 0700, files 0600. One process at a time has the directory, whoever the owner is.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lockDirectory, type DirectoryLock } from '@inner-universe/host/directory-lock';
import { FileCopies } from './file-copies.ts';
import type { LocalCopies } from './local-copies.ts';
import { COPIES_BYTES_MAX } from './memory-copies.ts';
import { makeInUse, makeStorageFailed } from './outbox-errors.ts';
import { ownerKey } from './outbox-owner.ts';
import type { Outbox, OutboxOwner, OutboxRecords, OutboxSigns, RecordChange } from './outbox.ts';
import { RecordFile } from './record-file.ts';

/** An outbox in files of Node: what is in it survives the process, and the loss of power. */
export class FileOutbox implements Outbox {
  readonly isDurable = true;
  readonly #directory: string;
  readonly #copiesBytesMax: number;

  constructor(directory: string, options: { readonly copiesBytesMax?: number | undefined } = {}) {
    this.#directory = directory;
    this.#copiesBytesMax = options.copiesBytesMax ?? COPIES_BYTES_MAX;
  }

  async open(owner: OutboxOwner, { onError }: OutboxSigns): Promise<OutboxRecords> {
    const lock = await takeLock(this.#directory);
    try {
      const folder = join(this.#directory, ownerKey(owner));
      const file = await openRecords(folder);
      try {
        const copiesFolder = join(folder, 'copies');
        const copies = await FileCopies.open({ folder: copiesFolder, bytesMax: this.#copiesBytesMax, onError });
        return new FileRecords(folder, lock, file, copies);
      } catch (error) {
        await file.close();
        throw makeStorageFailed(folder, error);
      }
    } catch (error) {
      await lock.release();
      throw error;
    }
  }
}

class FileRecords implements OutboxRecords {
  readonly place: string;
  readonly recovered: ReadonlyMap<string, string>;
  readonly #lock: DirectoryLock;
  readonly #file: RecordFile;
  readonly #copies: FileCopies;
  #closing: Promise<void> | undefined;

  constructor(place: string, lock: DirectoryLock, file: RecordFile, copies: FileCopies) {
    this.place = place;
    this.#lock = lock;
    this.#file = file;
    this.#copies = copies;
    this.recovered = file.snapshot();
  }

  get copies(): LocalCopies {
    return this.#copies;
  }

  write(changes: readonly RecordChange[], keep: 'durable' | 'soon'): Promise<void> {
    return this.#file.write(changes, keep === 'durable');
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await Promise.all([this.#file.close(), this.#copies.close()]);
    } finally {
      await this.#lock.release();
    }
  }
}

async function takeLock(directory: string): Promise<DirectoryLock> {
  try {
    return await lockDirectory(directory, { command: 'an application with this outbox' });
  } catch (error) {
    const { code, details } = error as { readonly code?: unknown; readonly details?: object };
    throw code === 'storage/in-use' ? makeInUse(directory, error, details) : makeStorageFailed(directory, error);
  }
}

async function openRecords(folder: string): Promise<RecordFile> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw makeStorageFailed(folder, error);
  }
  return RecordFile.open(join(folder, 'writes'));
}
