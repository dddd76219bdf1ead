/** Lets so many through at a time; the others wait in the order in which they came. */
export class Gate {
  readonly #places: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];
  readonly #onIdle: (() => void)[] = [];

  constructor(places: number) {
    this.#places = places;
    this.#free = places;
  }

  /** Resolves when there is a place, which is then the caller's until it calls what this gives. */
  async enter(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      const next = this.#waiting.shift();
      if (next !== undefined) {
        next();
        return;
      }
      this.#free += 1;
      if (this.#free < this.#places) return;
      for (const tell of this.#onIdle.splice(0)) tell();
    };
  }

  /** Resolves when nobody is inside, and nobody waits. */
  async idle(): Promise<void> {
    if (this.#free < this.#places) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }
}
