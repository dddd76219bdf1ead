/**
 * SHA-256 (FIPS 180-4), synchronous, for many small messages: nothing is allocated for a message but its digest.
 *
 * Invariants:
 * - There is one message at a time: whoever adds to one ends it with `digest` before anybody else runs.
 */
import type { Digest } from './digest.ts';

const BLOCK_BYTES = 64;

const initial = new Int32Array(8);
const rounds = new Int32Array(64);
const state = new Int32Array(8);
const schedule = new Int32Array(64);
/** What is not processed yet: the first `filled` bytes of it. */
const block = new Uint8Array(BLOCK_BYTES);
/** Counts the messages hashed since the program began. Tests compare it before and after; nothing else reads it. */
export const hashWork: { messages: number } = { messages: 0 };

let filled = 0;
let length = 0;

prepare();

/** Adds one byte. */
export function addByte(value: number): void {
  block[filled] = value;
  filled += 1;
  if (filled === BLOCK_BYTES) process();
}

/** Adds bytes. */
export function addBytes(bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    const run = bytes.subarray(at, at + BLOCK_BYTES - filled);
    block.set(run, filled);
    at += run.length;
    filled += run.length;
    if (filled === BLOCK_BYTES) process();
  }
}

/** Adds a digest. */
export function addDigest(digest: Digest): void {
  for (let i = 0; i < digest.length; i += 1) {
    const pair = digest.charCodeAt(i);
    addByte(pair >>> 8);
    addByte(pair & 0xff);
  }
}

/** Adds a string as UTF-8. A lone surrogate becomes U+FFFD, as everywhere on the web. */
export function addText(text: string): void {
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      addByte(unit);
      continue;
    }
    let point = text.codePointAt(i) as number; // `i` is inside
    if (point > 0xffff) i += 1;
    else if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    let more = point > 0xffff ? 3 : point > 0x7ff ? 2 : 1;
    // As many leading ones as there are bytes; six bits in each that follows.
    addByte(((0xff00 >> (more + 1)) & 0xff) | (point >> (6 * more)));
    while (more > 0) {
      more -= 1;
      addByte(0x80 | ((point >> (6 * more)) & 0x3f));
    }
  }
}

/** Ends the message (FIPS 180-4, 5.1.1) and gives its digest. */
export function digest(): Digest {
  let bits = (length + filled) * 8;
  hashWork.messages += 1;
  addByte(0x80);
  block.fill(0, filled);
  if (filled > BLOCK_BYTES - 8) {
    process();
    block.fill(0);
  }
  for (let i = BLOCK_BYTES - 1; bits > 0; i -= 1) {
    block[i] = bits; // its last eight
    bits = Math.floor(bits / 256);
  }
  process();
  const text = toDigest(state);
  state.set(initial);
  length = 0;
  return text;
}

/** The compression function (FIPS 180-4, 6.2.2) over the block. */
function process(): void {
  const w = schedule;
  length += filled;
  filled = 0;
  for (let i = 0; i < 16; i += 1) {
    const j = i * 4;
    w[i] = (byteAt(j) << 24) | (byteAt(j + 1) << 16) | (byteAt(j + 2) << 8) | byteAt(j + 3);
  }
  for (let i = 16; i < 64; i += 1) {
    const x = word(w, i - 15);
    const y = word(w, i - 2);
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    w[i] = word(w, i - 16) + s0 + word(w, i - 7) + s1;
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
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + word(rounds, i) + word(w, i)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
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

/** Eight words as a digest. One call, as pieces joined would not be flat; spelled out, as it runs for every item. */
function toDigest(words: Int32Array): Digest {
  return String.fromCharCode(
    word(words, 0) >>> 16,
    word(words, 0) & 0xffff,
    word(words, 1) >>> 16,
    word(words, 1) & 0xffff,
    word(words, 2) >>> 16,
    word(words, 2) & 0xffff,
    word(words, 3) >>> 16,
    word(words, 3) & 0xffff,
    word(words, 4) >>> 16,
    word(words, 4) & 0xffff,
    word(words, 5) >>> 16,
    word(words, 5) & 0xffff,
    word(words, 6) >>> 16,
    word(words, 6) & 0xffff,
    word(words, 7) >>> 16,
    word(words, 7) & 0xffff,
  );
}

function rotate(value: number, by: number): number {
  return (value >>> by) | (value << (32 - by));
}

function byteAt(index: number): number {
  return block[index] as number; // see `word`
}

/** Typed arrays of known length: the index is always inside, which the type checker cannot see. */
function word(words: Int32Array, index: number): number {
  return words[index] as number;
}

/**
 * The constants are the first 32 bits of the fractions of the roots of the first primes (FIPS 180-4, 4.2.2 and 5.3.3).
 * A double has 18 bits more than that, and none of these fractions is that near to a whole number.
 */
function prepare(): void {
  let found = 0;
  for (let candidate = 2; found < 64; candidate += 1) {
    let divisor = 2;
    while (candidate % divisor > 0) divisor += 1;
    if (divisor < candidate) continue;
    initial[found] = (candidate ** 0.5 % 1) * 2 ** 32; // what lies beyond the eighth is not kept
    rounds[found] = (Math.cbrt(candidate) % 1) * 2 ** 32;
    found += 1;
  }
  state.set(initial);
}
