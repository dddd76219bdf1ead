const COMPACT_FROM = 64;

/** First in, first out, each step in constant time on average. The owner keeps its limit. */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the oldest item; undefined if there is none. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#head += 1;
    if (this.size === 0 || (this.#head >= COMPACT_FROM && this.#head >= this.size)) this.#items = this.#take();
    return item;
  }

  /** Takes all items, oldest first. */
  drain(): readonly T[] {
    const items = this.#take();
    this.#items = [];
    return items;
  }

  #take(): T[] {
    const items = this.#items.slice(this.#head);
    this.#head = 0;
    return items;
  }
}
