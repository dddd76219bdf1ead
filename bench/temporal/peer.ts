/** A state of numbers under keys, and its history, as one library keeps it. */
export interface History {
  /** Sets one key, as the next version. */
  commit(key: string, value: number): void;
  /** One key of an earlier version; 0 is the first. */
  read(version: number, key: string): unknown;
  /** How many places differ between two versions; undefined where the library has nothing to tell it. */
  diff(from: number, to: number): number | undefined;
  /** Merges a side where one key was set since the newest version, after another was set here; undefined where it cannot. */
  merge(ours: string, theirs: string, value: number): boolean | undefined;
  /** Characters or bytes to store the whole history; undefined where the library has no form for it. */
  storedBytes(): number | undefined;
}

/** A library that keeps versions of a state. */
export interface Peer {
  readonly name: string;
  open(initial: Readonly<Record<string, number>>): History;
}
