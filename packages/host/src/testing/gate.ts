/** Lets those through whose condition holds, whenever it is opened. */
export class Gate {
  #opening: Promise<void>;
  #open: () => void = () => undefined;

  constructor() {
    this.#opening = this.#next();
  }

  /** Resolves when the condition holds; asks it now and at each opening. Rejects with what it throws. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#opening;
  }

  /** Has every condition that is waited for asked again. */
  open(): void {
    const open = this.#open;
    this.#opening = this.#next();
    open();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#open = resolve;
    });
  }
}
