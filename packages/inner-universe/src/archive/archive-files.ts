/**
 * What an archive needs of a file system: files of one directory, by their names. Errors are the file system's own,
 * with their `code`.
 *
 * What is durable: a file's bytes and length after its `sync`; that a name exists or is gone after `syncDirectory`.
 * Everything else may be lost, in part and in any order.
 */
export interface ArchiveFiles {
  /** For messages. */
  readonly directory: string;
  /** Names of all files, in any order; none where there is no such directory. */
  list(): Promise<readonly string[]>;
  size(name: string): Promise<number>;
  /** The bytes there are from `position` on, at most `length`. */
  read(name: string, position: number, length: number): Promise<Uint8Array>;
  /** Writes all of `bytes`; a file that is not there is made. */
  write(name: string, position: number, bytes: Uint8Array): Promise<void>;
  truncate(name: string, size: number): Promise<void>;
  remove(name: string): Promise<void>;
  sync(name: string): Promise<void>;
  syncDirectory(): Promise<void>;
  /**
   * Makes the directory if need be, and keeps other writers away until the result is called, or this process ends.
   * @throws {NervPersistenceError} `archive/in-use`
   */
  lock(): Promise<() => Promise<void>>;
}
