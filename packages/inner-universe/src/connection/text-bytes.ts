/** Texts up to this length may be kept with their bytes; those of ids and data come once. */
const KEPT_UNITS_MAX = 64;
/** How many are kept. */
const KEPT_MAX = 512;
/** Bytes of many texts lie in one buffer of this size. */
const BUFFER_BYTES = 65_536;
/** Up to this length a loop is faster than the call that encodes. */
const LOOP_UNITS_MAX = 256;

const encoder = new TextEncoder();

/**
 * Gives texts as UTF-8. What it gives never changes, and nobody may change it. An encoder makes a buffer for each text,
 * which takes longer than to encode one.
 */
export class TextBytes {
  readonly #kept = new Map<string, Uint8Array>();
  #buffer = new Uint8Array(0);
  #used = 0;

  /** The bytes of a text that comes again and again. */
  ofRepeated(text: string): Uint8Array {
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    // In a buffer of its own: one with others would be kept whole.
    const bytes = encoder.encode(text);
    if (typeof text !== 'string' || text.length > KEPT_UNITS_MAX) return bytes;
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(text, bytes);
    return bytes;
  }

  /** The bytes of any text. */
  of(text: string): Uint8Array {
    // What callers without types give is taken as the encoder takes it.
    if (typeof text !== 'string' || text.length * 3 > BUFFER_BYTES) return encoder.encode(text);
    if (this.#used + text.length * 3 > this.#buffer.length) {
      this.#buffer = new Uint8Array(BUFFER_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    const length = this.#tryWriteAscii(text) ?? encoder.encodeInto(text, this.#buffer.subarray(start)).written;
    this.#used = start + length;
    return new Uint8Array(this.#buffer.buffer, start, length);
  }

  /** How many bytes it wrote; undefined when the text is too long for that, or has other characters. */
  #tryWriteAscii(text: string): number | undefined {
    const { length } = text;
    if (length > LOOP_UNITS_MAX) return undefined;
    const buffer = this.#buffer;
    const start = this.#used;
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit > 0x7f) return undefined;
      buffer[start + index] = unit;
    }
    return length;
  }
}
