/**
 * UUIDv7 (RFC 9562, section 5.7), strictly rising within one source.
 *
 *     bits   0..47   milliseconds since 1970
 *     bits  48..51   version, 7
 *     bits  52..63   random                    (method 2 of section 6.2: random bits, drawn anew for each
 *     bits  64..67   variant, binary 10, and 00  millisecond; the last 24, of which the first is clear when
 *     bits  68..103  random                      drawn, are raised by one for each further id of that
 *     bits 104..127  random, then counted up     millisecond)
 *
 * Invariants:
 * - An id is greater, as text, than all ids made before it by the same source.
 * - The time in an id never runs backwards; when the counter is full, it runs ahead of the clock by a millisecond.
 */
import { NervError } from '../errors.ts';
import { millisecondsOf, type Clock, type IdSource, type Random } from './clock.ts';

const COUNTER_MAX = 0xff_ffff;
const TIME_LIMIT_MS = 2 ** 48;

/** All bytes as two hexadecimal digits. */
const HEX: readonly string[] = Array.from({ length: 0x100 }, (_, byte) => (byte + 0x100).toString(16).slice(1));

/** Makes UUIDv7 in lower case, each greater than the one before. Tens of millions a second. */
export class UuidV7Source implements IdSource {
  readonly #nowMs: () => number;
  readonly #random: Random;
  readonly #bytes = new Uint8Array(9);
  #timeMs = -Infinity;
  /** What all ids of this millisecond have in common: all but the counter. */
  #stem = '';
  #counter = 0;
  /** The stem, and all but the last byte of the counter. */
  #start = '';

  constructor(clock: Clock, random: Random) {
    this.#nowMs = millisecondsOf(clock);
    this.#random = random;
  }

  /** @throws NervError `id/exhausted` past the year 10889, when 48 bits of milliseconds are full. */
  nextId(nowMs: number = this.#nowMs()): string {
    if (!(nowMs <= this.#timeMs)) this.#begin(nowMs);
    else if (this.#counter >= COUNTER_MAX) this.#begin(this.#timeMs + 1);
    else {
      this.#counter += 1;
      if ((this.#counter & 0xff) === 0) this.#count();
    }
    return `${this.#start}${HEX[this.#counter & 0xff]}`;
  }

  #begin(timeMs: number): void {
    if (!(timeMs >= 0 && timeMs < TIME_LIMIT_MS)) {
      throw new NervError('id/exhausted', `No UUIDv7 holds ${timeMs} ms. Set the clock.`, {
        details: { timeMs },
      });
    }
    const bytes = this.#bytes;
    this.#random.fill(bytes);
    const time = timeMs.toString(16).padStart(12, '0');
    const bits = Array.from(bytes, (byte) => HEX[byte]).join('');
    this.#timeMs = timeMs;
    this.#stem = `${time.slice(0, 8)}-${time.slice(8)}-7${bits.slice(0, 3)}-8${bits.slice(3, 6)}-${bits.slice(6, 12)}`;
    this.#counter = Number.parseInt(bits.slice(12), 16) >>> 1;
    this.#count();
  }

  #count(): void {
    this.#start = `${this.#stem}${HEX[this.#counter >>> 16]}${HEX[(this.#counter >>> 8) & 0xff]}`;
  }
}

/** The milliseconds since 1970 inside a UUIDv7, or `undefined` when the text is none. */
export function tryUuidV7TimeMs(id: string): number | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(id)) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
