import { BsatnError } from './bsatn-error.ts';
import { tryDecodeUtf8 } from './utf8.ts';

/** Most elements an array may have whose elements take no bytes: nothing else bounds their number. */
const MAX_EMPTY_ELEMENTS = 65_536;

/** For turning four or eight bytes into a float or a bigint without a view of every buffer. */
const scratch = new DataView(new ArrayBuffer(8));

/**
 * Reads BSATN from front to back: little-endian numbers, lengths as u32. Never reads past the end.
 * Every method throws `BsatnError` when the bytes do not hold what was asked for.
 */
export class BsatnReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  #offset: number;

  /** Reads `bytes` from `offset` up to `end`; both count from the start of `bytes`. */
  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    if (!(offset >= 0 && offset <= end && end <= bytes.length)) {
      throw new BsatnError(`there are ${bytes.length} bytes, not ${end}`, offset);
    }
    this.bytes = bytes;
    this.end = end;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.end - this.#offset;
  }

  /** Goes on at `offset`, which lies at or behind the current one. */
  advanceTo(offset: number): void {
    if (!(offset >= this.#offset && offset <= this.end)) this.fail(`cannot step to byte ${offset}`);
    this.#offset = offset;
  }

  /** @throws {BsatnError} unless everything was read. */
  expectEnd(): void {
    if (this.#offset !== this.end) this.fail(`${this.remaining} bytes are left over`);
  }

  u8(): number {
    return this.bytes[this.#take(1)] ?? 0;
  }

  u16(): number {
    const at = this.#take(2);
    return (this.bytes[at] ?? 0) | ((this.bytes[at + 1] ?? 0) << 8);
  }

  u32(): number {
    return readU32(this.bytes, this.#take(4));
  }

  u64(): bigint {
    return readU64(this.bytes, this.#take(8));
  }

  u128(): bigint {
    const low = this.u64();
    return (this.u64() << 64n) | low;
  }

  u256(): bigint {
    const low = this.u128();
    return (this.u128() << 128n) | low;
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  i16(): number {
    return (this.u16() << 16) >> 16;
  }

  i32(): number {
    return this.u32() | 0;
  }

  i64(): bigint {
    return BigInt.asIntN(64, this.u64());
  }

  i128(): bigint {
    return BigInt.asIntN(128, this.u128());
  }

  i256(): bigint {
    return BigInt.asIntN(256, this.u256());
  }

  f32(): number {
    return readF32(this.bytes, this.#take(4));
  }

  f64(): number {
    return readF64(this.bytes, this.#take(8));
  }

  bool(): boolean {
    const byte = this.u8();
    if (byte > 1) this.fail(`a bool is 0 or 1, not ${byte}`);
    return byte === 1;
  }

  string(): string {
    const length = this.u32();
    const start = this.#take(length);
    const text = tryDecodeUtf8(this.bytes, start, start + length);
    if (text === undefined) throw new BsatnError('a string is not valid UTF-8', start);
    return text;
  }

  /** A byte array with its length before it, as a view of the bytes that are read: copy what has to stay. */
  byteArray(): Uint8Array {
    return this.raw(this.u32());
  }

  /** The next `length` bytes as a view of the bytes that are read. */
  raw(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** The length of an array whose elements take at least `elementBytesMin` each; refuses one that cannot fit. */
  arrayLength(elementBytesMin: number): number {
    const length = this.u32();
    checkArrayLength(length, elementBytesMin, this.#offset, this.end);
    return length;
  }

  /** @throws {BsatnError} always, naming the current offset. */
  fail(problem: string): never {
    throw new BsatnError(problem, this.#offset);
  }

  #take(length: number): number {
    const start = this.#offset;
    if (length > this.end - start) throw new BsatnError(`${length} bytes expected, ${this.end - start} left`, start);
    this.#offset = start + length;
    return start;
  }
}

/** Refuses an array length that the bytes left cannot hold, before anybody allocates for it. @throws {BsatnError} */
export function checkArrayLength(length: number, elementBytesMin: number, offset: number, end: number): void {
  if (elementBytesMin > 0 ? length * elementBytesMin > end - offset : length > MAX_EMPTY_ELEMENTS) {
    throw new BsatnError(`an array of ${length} elements cannot be in the ${end - offset} bytes left`, offset);
  }
}

/** Little-endian u32 at `at`, which the caller has checked. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0
  );
}

/** Little-endian u64 at `at`, which the caller has checked. */
export function readU64(bytes: Uint8Array, at: number): bigint {
  scratch.setUint32(0, readU32(bytes, at), true);
  scratch.setUint32(4, readU32(bytes, at + 4), true);
  return scratch.getBigUint64(0, true);
}

/** Little-endian f32 at `at`, which the caller has checked. */
export function readF32(bytes: Uint8Array, at: number): number {
  scratch.setUint32(0, readU32(bytes, at), true);
  return scratch.getFloat32(0, true);
}

/** Little-endian f64 at `at`, which the caller has checked. */
export function readF64(bytes: Uint8Array, at: number): number {
  scratch.setUint32(0, readU32(bytes, at), true);
  scratch.setUint32(4, readU32(bytes, at + 4), true);
  return scratch.getFloat64(0, true);
}
