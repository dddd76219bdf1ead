import { HostError } from '../errors.ts';
import { tryParseIdentity } from '../identity/identity.ts';

/*
 * Invariants:
 * - A name belongs to one database at most; a database may have several names, or none.
 * - What is remembered changes only after the store has taken it; but a database that is gone is forgotten at once, as
 *   the next start would do.
 */

type Entries = ReadonlyMap<string, DatabaseEntry>;

/** Most names of one database, and most bytes of one name. */
export const NAMES_MAX = 64;
const NAME_LENGTH_MAX = 128;

/** What a host remembers of a database beside its data. */
export interface DatabaseEntry {
  /** The first is the one that the host itself uses. */
  readonly names: readonly string[];
  /** Whether publishing, resetting and deleting are refused. */
  readonly isLocked: boolean;
}

/** Keeps entries between processes. A database that is not there has its default entry. */
export interface NameStore {
  read(): Promise<ReadonlyMap<string, DatabaseEntry>>;
  /** Replaces what is kept; durable when the promise resolves. */
  write(entries: ReadonlyMap<string, DatabaseEntry>): Promise<void>;
}

/**
 * Which names lead to which database. Databases are known by a key that never changes: the first name, or the identity
 * in hex of a database that was made without one or whose first name was a key already. Not re-entrant: the host
 * changes one thing after the other.
 */
export class NameRegistry {
  readonly #store: NameStore | undefined;
  #entries: ReadonlyMap<string, DatabaseEntry>;

  private constructor(store: NameStore | undefined, entries: ReadonlyMap<string, DatabaseEntry>) {
    this.#store = store;
    this.#entries = entries;
  }

  /**
   * Takes up what a store keeps of the databases with these keys; without a store nothing is kept.
   * @throws {HostError} `host/names-damaged` when the store's content is not one of ours.
   */
  static async open(store: NameStore | undefined, keys: readonly string[]): Promise<NameRegistry> {
    const stored = (await store?.read()) ?? new Map<string, DatabaseEntry>();
    const entries = new Map(keys.map((key) => [key, stored.get(key) ?? defaultEntry(key)]));
    assertDistinct(entries);
    return new NameRegistry(store, entries);
  }

  /** The key of the database that has a name. */
  keyOf(name: string): string | undefined {
    for (const [key, { names }] of this.#entries) if (names.includes(name)) return key;
    return undefined;
  }

  /** @throws nothing: an unknown key has no names and is not locked */
  entry(key: string): DatabaseEntry {
    return this.#entries.get(key) ?? { names: [], isLocked: false };
  }

  /**
   * Registers a new database and gives its key.
   * @throws {HostError} `host/invalid-name`, `host/name-taken`
   */
  async add(name: string | undefined, identityHex: string): Promise<string> {
    const names = name === undefined ? [] : [name];
    this.#assertFree(names, undefined);
    const key = name === undefined || this.#entries.has(name) ? identityHex : name;
    await this.#replace(new Map(this.#entries).set(key, { names, isLocked: false }));
    return key;
  }

  /** Forgets a database that is gone; its names are free then, also when the store does not take it. */
  async remove(key: string): Promise<void> {
    const before = this.#entries;
    const entries = new Map(before);
    entries.delete(key);
    this.#entries = entries;
    await this.#keep(entries, before);
  }

  /** @throws {HostError} `host/invalid-name`, `host/name-taken` */
  async setNames(key: string, names: readonly string[]): Promise<void> {
    const distinct = [...new Set(names)];
    if (distinct.length > NAMES_MAX) {
      const message = `a database has ${NAMES_MAX} names at most, and ${distinct.length} were given`;
      throw new HostError({ code: 'host/invalid-name', message, details: { count: distinct.length, max: NAMES_MAX } });
    }
    this.#assertFree(distinct, key);
    await this.#replace(new Map(this.#entries).set(key, { ...this.entry(key), names: distinct }));
  }

  async setLocked(key: string, isLocked: boolean): Promise<void> {
    await this.#replace(new Map(this.#entries).set(key, { ...this.entry(key), isLocked }));
  }

  #assertFree(names: readonly string[], key: string | undefined): void {
    for (const name of names) {
      assertName(name);
      const holder = this.keyOf(name);
      if (holder === undefined || holder === key) continue;
      const message = `there is a database "${name}" already: choose another name, or take the name from that one first`;
      throw new HostError({ code: 'host/name-taken', message, details: { name } });
    }
  }

  async #replace(entries: ReadonlyMap<string, DatabaseEntry>): Promise<void> {
    await this.#keep(entries, this.#entries);
    this.#entries = entries;
  }

  /** Writes what says more than the keys do, where that has changed. */
  async #keep(entries: Entries, before: Entries): Promise<void> {
    const [telling, toldBefore] = [onlyTelling(entries), onlyTelling(before)];
    if (JSON.stringify([...telling]) !== JSON.stringify([...toldBefore])) await this.#store?.write(telling);
  }
}

/** @throws {HostError} `host/invalid-name` */
export function assertName(name: string): void {
  const isWellFormed = /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && name.length <= NAME_LENGTH_MAX;
  if (isWellFormed && tryParseIdentity(name) === undefined) return;
  const reason = isWellFormed
    ? 'it reads as an identity'
    : `use lower-case letters and digits, with single dashes between them, ${NAME_LENGTH_MAX} at most`;
  throw new HostError({
    code: 'host/invalid-name',
    message: `"${name.slice(0, 2 * NAME_LENGTH_MAX)}" is no name for a database: ${reason}`,
    details: { name },
  });
}

/** What a database is called of which nothing else is known. */
function defaultEntry(key: string): DatabaseEntry {
  return { names: tryParseIdentity(key) === undefined ? [key] : [], isLocked: false };
}

function onlyTelling(entries: Entries): Entries {
  return new Map([...entries].filter(([key, entry]) => !isDefault(key, entry)));
}

function isDefault(key: string, { names, isLocked }: DatabaseEntry): boolean {
  const expected = defaultEntry(key).names;
  return !isLocked && names.length === expected.length && names.every((name, at) => name === expected[at]);
}

function assertDistinct(entries: ReadonlyMap<string, DatabaseEntry>): void {
  const names = [...entries.values()].flatMap((entry) => entry.names);
  const repeated = names.find((name, at) => names.indexOf(name) !== at);
  if (repeated === undefined) return;
  const message = `two databases are called "${repeated}": restore databases.json from the backup of this data directory`;
  throw new HostError({ code: 'host/names-damaged', message, details: { name: repeated } });
}
