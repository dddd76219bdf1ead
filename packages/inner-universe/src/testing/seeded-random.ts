import { createHash } from 'node:crypto';
import type { Random } from '@inner-universe/nerv';

/** Bytes that follow from a text alone: the same text, the same bytes. For tests: nothing about them is secret. */
export class SeededRandom implements Random {
  readonly #text: string;
  #block = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 32) {
      const block = createHash('sha256').update(`${this.#text}\n${this.#block}`).digest();
      bytes.set(block.subarray(0, bytes.length - at), at);
      this.#block += 1;
    }
  }

  /** A number in [0, 1). */
  next(): number {
    const bytes = new Uint8Array(4);
    this.fill(bytes);
    return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
  }
}
