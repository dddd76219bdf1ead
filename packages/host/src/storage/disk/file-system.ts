/**
 * The few operations that disk storage needs of a file system. Errors are the file system's own, with their `code`
 * (`ENOSPC`, `EIO`, ...); storage gives them meaning.
 *
 * What is durable: a file's bytes and length after its `sync`; that a name exists, is gone or was renamed after
 * `syncDirectory` of the directory that holds it. Everything else may be lost, in part and in any order.
 */
export interface FileSystem {
  /** Opens a file: `read` and `write` an existing one, `create` an empty one in place of what was there. */
  open(path: string, mode: FileMode): Promise<OpenFile>;
  /** Names in a directory in any order, or `undefined` when there is no such directory. */
  list(directory: string): Promise<readonly string[] | undefined>;
  /** Makes a directory and those above it, each durably; nothing happens when it is there. */
  makeDirectory(directory: string): Promise<void>;
  /** Gives a file another name in the same directory, replacing what had that name, in one step. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  syncDirectory(directory: string): Promise<void>;
}

/** How a file is opened. */
export type FileMode = 'read' | 'write' | 'create';

/** An open file; positions are absolute. */
export interface OpenFile {
  size(): Promise<number>;
  /** Fills `into` from `position`; gives the number of bytes read, which is less only where the file ends. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`, which must not change before the promise settles. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Makes the file's bytes and length durable. */
  sync(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}
