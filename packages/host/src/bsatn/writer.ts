import { copyBytes } from './copy-bytes.ts';
import { writeUtf8 } from './utf8.ts';

/**
 * Writes BSATN into one growing buffer. Numbers are taken as they are: whoever has values from outside checks them
 * first (`Codec.encode` does). Reusable through `reset`.
 */
export class BsatnWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Count of bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Forgets what was written and keeps the buffer. */
  reset(): void {
    this.#length = 0;
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** What was written, as a view that the next write may change. */
  peek(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
  }

  u128(value: bigint): void {
    this.u64(value);
    this.u64(value >> 64n);
  }

  u256(value: bigint): void {
    this.u128(value);
    this.u128(value >> 128n);
  }

  i8(value: number): void {
    this.u8(value);
  }

  i16(value: number): void {
    this.u16(value);
  }

  i32(value: number): void {
    this.u32(value);
  }

  i64(value: bigint): void {
    this.u64(value);
  }

  i128(value: bigint): void {
    this.u128(value);
  }

  i256(value: bigint): void {
    this.u256(value);
  }

  f32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setFloat32(at, value, true);
  }

  f64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value, true);
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  /** A string with its length before it; lone surrogates become U+FFFD. */
  string(value: string): void {
    const start = this.#length;
    this.#reserve(4 + value.length * 3);
    const end = writeUtf8(value, this.#bytes, start + 4);
    this.#view.setUint32(start, end - start - 4, true);
    this.#length = end;
  }

  /** A byte array with its length before it. */
  byteArray(value: Uint8Array): void {
    this.u32(value.length);
    this.raw(value);
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): void {
    const at = this.#reserve(value.length);
    copyBytes(value, this.#bytes, at);
  }

  arrayLength(length: number): void {
    this.u32(length);
  }

  /** Call it before `#view` or `#bytes` is looked at: it may replace both. */
  #reserve(length: number): number {
    const start = this.#length;
    const end = start + length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#length = end;
    return start;
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
