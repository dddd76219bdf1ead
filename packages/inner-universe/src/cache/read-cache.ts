/*
 * Keeps what was read. Invariants:
 * - entries and bytes stay within their bounds, the entry used longest ago goes first, and none is given out after `ttlMs`;
 * - of a key there is one load at a time, which all who ask share; what was dropped meanwhile is not kept when it comes,
 *   and nobody who asks after the drop is given it;
 * - a load that fails is told to all who wait for it, and is not kept.
 */

/** The bounds of a cache. */
export interface CacheBounds {
  readonly entriesMax: number;
  readonly bytesMax: number;
  /** How long an entry is given out at most, in milliseconds; may be `Infinity`. */
  readonly ttlMs: number;
}

/** What a cache has done since it was made, and what it holds now. */
export interface CacheStats {
  /** Answers that were here. */
  readonly hits: number;
  /** Answers that had to be loaded, by a load of their own or by one that was under way. */
  readonly misses: number;
  /** Loads that were begun: fewer than misses where some shared one. */
  readonly loads: number;
  /** Entries that were dropped for want of room, or because they were too old. */
  readonly evictions: number;
  readonly entries: number;
  /** About how many bytes the entries take. */
  readonly bytes: number;
}

export interface ReadCacheOptions<V> extends CacheBounds {
  readonly nowMs: () => number;
  /** About how many bytes a value takes. Default: nothing, so that only entries are bounded. */
  readonly sizeOf?: ((value: V) => number) | undefined;
  /** Whether a value that was loaded may be kept. Default: all. */
  readonly keeps?: ((value: V) => boolean) | undefined;
  /** Told what happens, for metrics. */
  readonly onCount?: ((name: 'hits' | 'misses' | 'evictions') => void) | undefined;
}

/** Options for what never changes once it is there: only the number of entries is bounded. */
export const LASTING: Pick<ReadCacheOptions<unknown>, 'bytesMax' | 'ttlMs' | 'nowMs'> = {
  bytesMax: Infinity,
  ttlMs: Infinity,
  nowMs: () => 0,
};

interface Entry<V> {
  readonly value: V;
  readonly bytes: number;
  readonly sinceMs: number;
}

interface Flight<V> {
  readonly value: Promise<V>;
}

/** A bounded cache of what is read by key, with one load at a time for each. A value may be undefined: not found. */
export class ReadCache<K, V> {
  readonly #options: ReadCacheOptions<V>;
  /** The one used longest ago first. */
  readonly #entries = new Map<K, Entry<V>>();
  readonly #flights = new Map<K, Flight<V>>();
  readonly #counts = { hits: 0, misses: 0, loads: 0, evictions: 0 };
  #bytes = 0;

  constructor(options: ReadCacheOptions<V>) {
    this.#options = options;
  }

  get stats(): CacheStats {
    return { ...this.#counts, entries: this.#entries.size, bytes: this.#bytes };
  }

  /**
   * The value of a key: kept, on its way, or loaded now. One that `isGood` does not accept is loaded anew; what that load
   * brings is given out as it is. Rejects with what the load rejects with.
   */
  async get(key: K, load: () => Promise<V>, isGood: (value: V) => boolean = () => true): Promise<V> {
    const kept = this.#fresh(key);
    if (kept !== undefined && isGood(kept.value)) {
      this.#count('hits');
      this.#touch(key, kept);
      return kept.value;
    }
    this.#count('misses');
    // What is on its way stays: `isGood` is asked again when it is here.
    if (kept !== undefined) this.#remove(key, kept);
    const flight = this.#flights.get(key);
    if (flight === undefined) return this.#load(key, load);
    const shared = await flight.value;
    if (isGood(shared)) return shared;
    const entry = this.#entries.get(key);
    if (entry?.value === shared) this.drop(key);
    return (this.#flights.get(key) ?? { value: this.#load(key, load) }).value;
  }

  /** The value of a key if it is kept. It counts as used, not as a hit. */
  peek(key: K): V | undefined {
    const kept = this.#fresh(key);
    if (kept !== undefined) this.#touch(key, kept);
    return kept?.value;
  }

  /** Whether a value is kept. It does not count as used. */
  has(key: K): boolean {
    return this.#fresh(key) !== undefined;
  }

  /** Keeps a value that is known, unless it alone is more than there is room for. */
  put(key: K, value: V): void {
    const { entriesMax, bytesMax, sizeOf, nowMs } = this.#options;
    this.drop(key);
    const bytes = sizeOf?.(value) ?? 0;
    if (bytes > bytesMax || entriesMax < 1) return;
    this.#entries.set(key, { value, bytes, sinceMs: nowMs() });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= entriesMax && this.#bytes <= bytesMax) return;
      this.#remove(oldest, entry);
      this.#count('evictions');
    }
  }

  /** Forgets a key; what is on its way is not kept. A kept value for which `when` is false stays. */
  drop(key: K, when: (value: V) => boolean = () => true): void {
    this.#flights.delete(key);
    const entry = this.#entries.get(key);
    if (entry !== undefined && when(entry.value)) this.#remove(key, entry);
  }

  /** Forgets every key that is meant. */
  dropWhere(isMeant: (key: K) => boolean): void {
    for (const key of [...this.#flights.keys(), ...this.#entries.keys()]) if (isMeant(key)) this.drop(key);
  }

  /** Forgets everything; what is on its way is not kept. */
  clear(): void {
    this.#flights.clear();
    this.#entries.clear();
    this.#bytes = 0;
  }

  #load(key: K, load: () => Promise<V>): Promise<V> {
    this.#counts.loads += 1;
    const value = load().then(
      (loaded) => {
        if (this.#flights.get(key) === flight) {
          this.#flights.delete(key);
          if (this.#options.keeps?.(loaded) ?? true) this.put(key, loaded);
        }
        return loaded;
      },
      (error: unknown) => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
        throw error;
      },
    );
    const flight: Flight<V> = { value };
    this.#flights.set(key, flight);
    return value;
  }

  #fresh(key: K): Entry<V> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const ageMs = this.#options.ttlMs === Infinity ? 0 : this.#options.nowMs() - entry.sinceMs;
    // A clock that went back says nothing about the age.
    if (ageMs >= 0 && ageMs < this.#options.ttlMs) return entry;
    this.#remove(key, entry);
    this.#count('evictions');
    return undefined;
  }

  #touch(key: K, entry: Entry<V>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }

  #remove(key: K, entry: Entry<V>): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  #count(name: 'hits' | 'misses' | 'evictions'): void {
    this.#counts[name] += 1;
    this.#options.onCount?.(name);
  }
}
