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
import type { Clock, IdSource, Random } from './clock.ts';

const COUNTER_LIMIT = 0x1_000_000;
const COUNTER_SEED_MASK = 0x7f_ffff;
const TIME_LIMIT_MS = 2 ** 48;
const RANDOM_POOL_BYTES = 512;
const RANDOM_PER_ID_BYTES = 10;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Makes UUIDv7 in lower case, each greater than the one before. About a million a second. */
export class UuidV7Source implements IdSource {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pool = new Uint8Array(RANDOM_POOL_BYTES);
  #poolAt = RANDOM_POOL_BYTES;
  #timeMs = -1;
  #counter = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** @throws `id/exhausted` past the year 10889, when 48 bits of milliseconds are full. */
  nextId(): string {
    const at = this.#takeRandom();
    const pool = this.#pool;
    const nowMs = Number(this.#clock.nowMicros() / 1000n);
    if (nowMs > this.#timeMs) {
      this.#timeMs = nowMs;
      this.#counter = (((byteAt(pool, at) << 16) | (byteAt(pool, at + 1) << 8) | byteAt(pool, at + 2)) & COUNTER_SEED_MASK);
    } else {
      this.#counter += 1;
      if (this.#counter >= COUNTER_LIMIT) {
        this.#timeMs += 1;
        this.#counter = 0;
      }
    }
    if (this.#timeMs < 0 || this.#timeMs >= TIME_LIMIT_MS) {
      throw new NervError('id/exhausted', `The clock gives ${this.#timeMs} ms, which a UUIDv7 cannot hold. Set the clock.`, {
        details: { timeMs: this.#timeMs },
      });
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

  #format(randomAt: number): string {
    const pool = this.#pool;
    const time = this.#timeMs.toString(16).padStart(12, '0');
    const high = (this.#counter >>> 12).toString(16).padStart(3, '0');
    const low = this.#counter & 0xfff;
    const variant = hexByte(0x80 | (low >>> 6));
    const rest = hexByte(((low & 0x3f) << 2) | (byteAt(pool, randomAt) & 0x03));
    let tail = '';
    for (let i = 1; i < 7; i += 1) tail += hexByte(byteAt(pool, randomAt + i));
    return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${variant}${rest}-${tail}`;
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

function hexByte(byte: number): string {
  return HEX[byte] ?? '00';
}
