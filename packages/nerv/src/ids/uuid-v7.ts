/**
 * UUIDv7 (RFC 9562, section 5.7), strictly rising within one source.
 *
 *     bits   0..47   milliseconds since 1970
 *     bits  48..51   version, 7
 *     bits  52..63   counter, high 12 bits     (method 1 of section 6.2: a counter seeded at random each
 *     bits  64..65   variant, binary 10         millisecond, top bit clear, raised by one for each id)
 *     bits  66..77   counter, low 12 bits
 *     bits  78..127  random
 *
 * Invariants:
 * - An id is greater, as text, than all ids made before it by the same source.
 * - The time in an id never runs backwards; when the counter is full, it runs ahead of the clock by a millisecond.
 */
import { NervError } from '../errors.ts';
import { millisecondsOf, type Clock, type IdSource, type Random } from './clock.ts';

const COUNTER_LIMIT = 0x1_000_000;
const COUNTER_SEED_MASK = 0x7f_ffff;
const TIME_LIMIT_MS = 2 ** 48;
const RANDOM_POOL_BYTES = 512;
const RANDOM_PER_ID_BYTES = 10;

/** All numbers of twelve bits as three hexadecimal digits. */
const HEX: readonly string[] = Array.from({ length: 0x1000 }, (_, bits) => bits.toString(16).padStart(3, '0'));
/** The variant and the two bits after it as a digit, with the dash before. */
const VARIANTS: readonly string[] = ['-8', '-9', '-a', '-b'];

/** Makes UUIDv7 in lower case, each greater than the one before. Some millions a second. */
export class UuidV7Source implements IdSource {
  readonly #nowMs: () => number;
  readonly #random: Random;
  readonly #pool = new Uint8Array(RANDOM_POOL_BYTES);
  #poolAt = RANDOM_POOL_BYTES;
  #timeMs = -1;
  #timeText = '';
  #counter = 0;

  /** `nowMs` is the clock's time in milliseconds, where there is a cheaper way to it than the clock's bigint. */
  constructor(clock: Clock, random: Random, nowMs: () => number = millisecondsOf(clock)) {
    this.#nowMs = nowMs;
    this.#random = random;
  }

  /** @throws `id/exhausted` past the year 10889, when 48 bits of milliseconds are full. */
  nextId(): string {
    const at = this.#takeRandom();
    const pool = this.#pool;
    const nowMs = this.#nowMs();
    if (nowMs > this.#timeMs || this.#timeText === '') {
      this.#setTime(nowMs);
      this.#counter =
        ((byteAt(pool, at) << 16) | (byteAt(pool, at + 1) << 8) | byteAt(pool, at + 2)) & COUNTER_SEED_MASK;
    } else {
      this.#counter += 1;
      if (this.#counter >= COUNTER_LIMIT) {
        this.#setTime(this.#timeMs + 1);
        this.#counter = 0;
      }
    }
    return this.#format(at + 3);
  }

  #takeRandom(): number {
    if (this.#poolAt + RANDOM_PER_ID_BYTES > RANDOM_POOL_BYTES) {
      this.#random.fill(this.#pool);
      this.#poolAt = 0;
    }
    const at = this.#poolAt;
    this.#poolAt += RANDOM_PER_ID_BYTES;
    return at;
  }

  #setTime(timeMs: number): void {
    if (timeMs < 0 || timeMs >= TIME_LIMIT_MS) {
      throw new NervError('id/exhausted', `The clock gives ${timeMs} ms, which a UUIDv7 cannot hold. Set the clock.`, {
        details: { timeMs },
      });
    }
    const digits = timeMs.toString(16).padStart(12, '0');
    this.#timeMs = timeMs;
    this.#timeText = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
  }

  // Twelve bits at a time, from a table; the engine joins the parts when somebody first reads the text.
  #format(randomAt: number): string {
    const pool = this.#pool;
    const low = this.#counter & 0xfff;
    const rest = ((low & 0x3ff) << 2) | (byteAt(pool, randomAt) & 0x03);
    const middle = byteAt(pool, randomAt + 2);
    const last = byteAt(pool, randomAt + 5);
    return (
      this.#timeText +
      hex(this.#counter >>> 12) +
      (VARIANTS[low >>> 10] ?? '') +
      hex(rest) +
      '-' +
      hex((byteAt(pool, randomAt + 1) << 4) | (middle >>> 4)) +
      hex(((middle & 0xf) << 8) | byteAt(pool, randomAt + 3)) +
      hex((byteAt(pool, randomAt + 4) << 4) | (last >>> 4)) +
      hex(((last & 0xf) << 8) | byteAt(pool, randomAt + 6))
    );
  }
}

/** The milliseconds since 1970 inside a UUIDv7, or `undefined` when the text is none. */
export function tryUuidV7TimeMs(id: string): number | undefined {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(id)) return undefined;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function hex(bits: number): string {
  return HEX[bits] ?? '';
}
