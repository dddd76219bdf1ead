/** The values that were asked for most recently, by key; the others are forgotten. */
export class Recent<Key, Value> {
  readonly #max: number;
  /** The least recently used first. */
  readonly #values: Map<Key, Value> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: Key): Value | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#max) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }

  /** Forgets a key, if it still has this value. */
  forget(key: Key, value: Value): void {
    if (this.#values.get(key) === value) this.#values.delete(key);
  }
}
