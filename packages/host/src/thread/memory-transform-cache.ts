import type { TransformCache } from '../module/program-loader.ts';

/** Prepared bundles kept; a host rarely runs more different programs. */
const TEXTS_MAX = 8;

/** Prepared bundles in memory: spares the workers of one host to prepare the same bundle again. */
export class MemoryTransformCache implements TransformCache {
  /** The least recently used first. */
  readonly #texts: Map<string, string> = new Map();

  async read(key: string): Promise<string | undefined> {
    const text = this.#texts.get(key);
    if (text !== undefined) await this.write(key, text);
    return text;
  }

  async write(key: string, text: string): Promise<void> {
    this.#texts.delete(key);
    this.#texts.set(key, text);
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= TEXTS_MAX) return;
      this.#texts.delete(oldest);
    }
  }
}
