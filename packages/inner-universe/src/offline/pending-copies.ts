/** Texts on their way to where copies are kept: written one after another, the last one of a name wins. */
export class PendingCopies {
  readonly #write: (name: string, text: string | undefined) => Promise<void>;
  readonly #onError: (error: unknown) => void;
  /** What is still to be written, by name; undefined: to be deleted. */
  readonly #texts: Map<string, string | undefined> = new Map();
  #writing: Promise<void> | undefined;

  /** `write` keeps a text, or forgets a name; what it throws is told, and the next one follows. */
  constructor(write: (name: string, text: string | undefined) => Promise<void>, onError: (error: unknown) => void) {
    this.#write = write;
    this.#onError = onError;
  }

  has(name: string): boolean {
    return this.#texts.has(name);
  }

  get(name: string): string | undefined {
    return this.#texts.get(name);
  }

  /** Writes a text in the background; undefined deletes. */
  set(name: string, text: string | undefined): void {
    this.#texts.set(name, text);
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  /** Resolves when everything is written. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (let [next] = this.#texts; next !== undefined; [next] = this.#texts) {
      const [name, text] = next;
      try {
        await this.#write(name, text);
      } catch (error) {
        this.#onError(error);
      }
      // A later text may have come meanwhile.
      if (this.#texts.get(name) === text) this.#texts.delete(name);
    }
  }
}
