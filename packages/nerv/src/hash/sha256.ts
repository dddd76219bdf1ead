/**
 * SHA-256 (FIPS 180-4), synchronous, for many small messages: one set of scratch buffers, no allocation per message.
 *
 * Invariants:
 * - `Sha256` objects hold all their state; a message begun is ended by exactly one `digestInto`.
 * - Only `process` reads and writes the shared message schedule, and it never calls out.
 */
import { assert } from '../assert.ts';

const BLOCK_BYTES = 64;

/** Bytes of a SHA-256 digest. */
export const DIGEST_BYTES = 32;

const INITIAL = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
const ROUND = makeRoundConstants();
const SCHEDULE = new Int32Array(64);

/** One SHA-256 computation at a time; reusable after `digestInto`. */
export class Sha256 {
  readonly #state = new Int32Array(8);
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #filled = 0;
  #length = 0;

  constructor() {
    this.#state.set(INITIAL);
  }

  /** Adds one byte. */
  byte(value: number): this {
    this.#block[this.#filled] = value;
    this.#filled += 1;
    this.#length += 1;
    if (this.#filled === BLOCK_BYTES) {
      process(this.#state, this.#block, 0);
      this.#filled = 0;
    }
    return this;
  }

  /** Adds `bytes[from..to)`. */
  bytes(bytes: Uint8Array, from = 0, to: number = bytes.length): this {
    this.#length += to - from;
    let at = from;
    if (this.#filled > 0 || to - from < BLOCK_BYTES) at = this.#fill(bytes, at, to);
    while (to - at >= BLOCK_BYTES) {
      process(this.#state, bytes, at);
      at += BLOCK_BYTES;
    }
    if (at < to) this.#fill(bytes, at, to);
    return this;
  }

  /** Adds a binary string, as `digest` gives it: each character one byte. */
  binary(text: string): this {
    const block = this.#block;
    let filled = this.#filled;
    for (let i = 0; i < text.length; i += 1) {
      block[filled] = text.charCodeAt(i);
      filled += 1;
      if (filled === BLOCK_BYTES) {
        process(this.#state, block, 0);
        filled = 0;
      }
    }
    this.#filled = filled;
    this.#length += text.length;
    return this;
  }

  /** Adds a string as UTF-8. A lone surrogate becomes U+FFFD, as everywhere on the web. */
  utf8(text: string): this {
    const length = text.length;
    for (let i = 0; i < length; i += 1) {
      const unit = text.charCodeAt(i);
      if (unit < 0x80) {
        this.byte(unit);
      } else {
        const point = text.codePointAt(i) as number; // `i` is inside
        if (point > 0xffff) i += 1;
        this.#multiByte(point >= 0xd800 && point <= 0xdfff ? 0xfffd : point);
      }
    }
    return this;
  }

  /** Ends the message, writes its 32 bytes into `target` and is ready for the next one. */
  digestInto(target: Uint8Array): void {
    assert(target.length === DIGEST_BYTES, 'a digest has room');
    this.#end();
    for (let i = 0; i < 8; i += 1) writeWord(target, i * 4, word(this.#state, i));
    this.#state.set(INITIAL);
  }

  /**
   * Ends the message and gives its 32 bytes as a binary string (a character a byte), which is smaller than a typed
   * array, is compared by `===` and is a key of maps; ready for the next message.
   */
  digest(): string {
    this.#end();
    const digest = toBinary(this.#state);
    this.#state.set(INITIAL);
    return digest;
  }

  /** Pads and processes the last blocks (FIPS 180-4, 5.1.1). */
  #end(): void {
    const block = this.#block;
    const length = this.#length;
    block[this.#filled] = 0x80;
    block.fill(0, this.#filled + 1);
    if (this.#filled >= 56) {
      process(this.#state, block, 0);
      block.fill(0);
    }
    writeWord(block, 56, Math.floor(length / 0x2000_0000));
    writeWord(block, 60, (length << 3) >>> 0);
    process(this.#state, block, 0);
    this.#filled = 0;
    this.#length = 0;
  }

  /** Puts bytes into the open block; returns where it stopped: at `to`, or where whole blocks can follow. */
  #fill(bytes: Uint8Array, from: number, to: number): number {
    const block = this.#block;
    const end = Math.min(to, from + BLOCK_BYTES - this.#filled);
    let filled = this.#filled;
    for (let i = from; i < end; i += 1) {
      block[filled] = word8(bytes, i);
      filled += 1;
    }
    if (filled === BLOCK_BYTES) {
      process(this.#state, block, 0);
      filled = 0;
    }
    this.#filled = filled;
    return end;
  }

  #multiByte(point: number): void {
    if (point < 0x800) {
      this.byte(0xc0 | (point >>> 6));
    } else {
      if (point < 0x10000) {
        this.byte(0xe0 | (point >>> 12));
      } else {
        this.byte(0xf0 | (point >>> 18));
        this.byte(0x80 | ((point >>> 12) & 0x3f));
      }
      this.byte(0x80 | ((point >>> 6) & 0x3f));
    }
    this.byte(0x80 | (point & 0x3f));
  }
}

/** The compression function (FIPS 180-4, 6.2.2) over the 64 bytes at `at`. */
function process(state: Int32Array, bytes: Uint8Array, at: number): void {
  const w = SCHEDULE;
  for (let i = 0; i < 16; i += 1) {
    const j = at + i * 4;
    w[i] = (word8(bytes, j) << 24) | (word8(bytes, j + 1) << 16) | (word8(bytes, j + 2) << 8) | word8(bytes, j + 3);
  }
  for (let i = 16; i < 64; i += 1) {
    const x = word(w, i - 15);
    const y = word(w, i - 2);
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    w[i] = (word(w, i - 16) + s0 + word(w, i - 7) + s1) | 0;
  }
  let a = word(state, 0);
  let b = word(state, 1);
  let c = word(state, 2);
  let d = word(state, 3);
  let e = word(state, 4);
  let f = word(state, 5);
  let g = word(state, 6);
  let h = word(state, 7);
  for (let i = 0; i < 64; i += 1) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + word(ROUND, i) + word(w, i)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = word(state, 0) + a;
  state[1] = word(state, 1) + b;
  state[2] = word(state, 2) + c;
  state[3] = word(state, 3) + d;
  state[4] = word(state, 4) + e;
  state[5] = word(state, 5) + f;
  state[6] = word(state, 6) + g;
  state[7] = word(state, 7) + h;
}

/** Eight words as 32 characters. One call, as pieces joined would not be flat; spelled out, as it runs for every item. */
function toBinary(words: Int32Array): string {
  const a = word(words, 0);
  const b = word(words, 1);
  const c = word(words, 2);
  const d = word(words, 3);
  const e = word(words, 4);
  const f = word(words, 5);
  const g = word(words, 6);
  const h = word(words, 7);
  return String.fromCharCode(
    a >>> 24,
    (a >>> 16) & 255,
    (a >>> 8) & 255,
    a & 255,
    b >>> 24,
    (b >>> 16) & 255,
    (b >>> 8) & 255,
    b & 255,
    c >>> 24,
    (c >>> 16) & 255,
    (c >>> 8) & 255,
    c & 255,
    d >>> 24,
    (d >>> 16) & 255,
    (d >>> 8) & 255,
    d & 255,
    e >>> 24,
    (e >>> 16) & 255,
    (e >>> 8) & 255,
    e & 255,
    f >>> 24,
    (f >>> 16) & 255,
    (f >>> 8) & 255,
    f & 255,
    g >>> 24,
    (g >>> 16) & 255,
    (g >>> 8) & 255,
    g & 255,
    h >>> 24,
    (h >>> 16) & 255,
    (h >>> 8) & 255,
    h & 255,
  );
}

function rotate(value: number, by: number): number {
  return (value >>> by) | (value << (32 - by));
}

/** Typed arrays of known length: the index is always inside, which the type checker cannot see. */
function word(words: Int32Array, index: number): number {
  return words[index] as number;
}

/** See `word`. */
function word8(bytes: Uint8Array, index: number): number {
  return bytes[index] as number;
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function makeRoundConstants(): Int32Array {
  const constants = new Int32Array(64);
  let found = 0;
  for (let candidate = 2; found < 64; candidate += 1) {
    if (!isPrime(candidate)) continue;
    constants[found] = cubeRootFraction(candidate);
    found += 1;
  }
  return constants;
}

function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) {
    if (candidate % divisor === 0) return false;
  }
  return true;
}

/** 32 bits behind the point of the cube root, in integers: the floor of the cube root of n * 2^96, modulo 2^32. */
function cubeRootFraction(n: number): number {
  const target = BigInt(n) << 96n;
  let low = 0n;
  let high = 1n << 36n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle * middle * middle <= target) low = middle;
    else high = middle;
  }
  return Number(BigInt.asIntN(32, low));
}
