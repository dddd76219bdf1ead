import { utf8Length } from '../client/op-size.ts';
import type { LocalCopies } from './local-copies.ts';

/** Bytes of text that are kept as local copies where nothing else is said. */
export const COPIES_BYTES_MAX = 67_108_864;

/** Copies that end with the process. Beyond `bytesMax` those go that were not used for the longest time. */
export class MemoryCopies implements LocalCopies {
  readonly #texts: Map<string, { readonly text: string; readonly bytes: number }> = new Map();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = COPIES_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  async get(name: string): Promise<string | undefined> {
    const kept = this.#texts.get(name);
    if (kept === undefined) return undefined;
    this.#texts.delete(name);
    this.#texts.set(name, kept);
    return kept.text;
  }

  set(name: string, text: string): void {
    this.delete(name);
    const bytes = utf8Length(name) + utf8Length(text);
    if (bytes > this.#bytesMax) return;
    this.#texts.set(name, { text, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#texts.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.delete(oldest);
    }
  }

  delete(name: string): void {
    this.#bytes -= this.#texts.get(name)?.bytes ?? 0;
    this.#texts.delete(name);
  }
}
