import { SystemCallError } from './system-functions.ts';

// Taken to be called on values of any realm, as `call` does below.
// oxlint-disable-next-line typescript/unbound-method
const readByteLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')?.get;

/** Views of the first bytes of a buffer are kept up to this length. */
const KEPT_HEAD_BYTES_MAX = 256;

/**
 * Bytes of a module's buffers. The library passes the same few buffers again and again, so the last view is kept.
 * What is read must be copied before the system call returns: the module writes to its buffers at will.
 */
export class ModuleBuffers {
  #lastBuffer: unknown;
  #lastBytes: Uint8Array = new Uint8Array(0);
  /** Views of the last buffer's first bytes, by their number, as far as they were asked for. */
  #lastHeads: (Uint8Array | undefined)[] = [];

  /** All bytes of a buffer. @throws {SystemCallError} a type error when it is no `ArrayBuffer` */
  bytes(buffer: unknown): Uint8Array {
    // A buffer that was detached since has a view of no bytes, as has a fresh view of it.
    if (buffer === this.#lastBuffer) return this.#lastBytes;
    assertArrayBuffer(buffer);
    this.#lastBytes = new Uint8Array(buffer);
    this.#lastBuffer = buffer;
    this.#lastHeads = [];
    return this.#lastBytes;
  }

  /** A view of the first `length` bytes. @throws {SystemCallError} a range error when the buffer is shorter */
  head(buffer: unknown, length: unknown): Uint8Array {
    const bytes = this.bytes(buffer);
    const count = checkLength(length, bytes.length);
    // Keys and rows of one table mostly have one length: a view of each is kept, too.
    if (count > KEPT_HEAD_BYTES_MAX) return bytes.subarray(0, count);
    return (this.#lastHeads[count] ??= bytes.subarray(0, count));
  }
}

/** Checks that a count is one, and lies within what there is. */
export function checkLength(length: unknown, limit: number): number {
  const count = toCount(length);
  if (count > limit)
    throw new SystemCallError({ type: 'range-error' }, 'length argument was out of bounds for `ArrayBuffer`');
  return count;
}

/** Checks that a value is a count or an id. */
export function toCount(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new SystemCallError({ type: 'type-error' }, 'a non-negative integer is needed');
  }
  return value;
}

/** Checks that a value is text. */
export function toText(value: unknown): string {
  if (typeof value !== 'string') throw new SystemCallError({ type: 'type-error' }, 'a string is needed');
  return value;
}

/** Works across realms, where `instanceof` does not. */
function assertArrayBuffer(buffer: unknown): asserts buffer is ArrayBuffer {
  try {
    readByteLength?.call(buffer);
  } catch (error) {
    throw new SystemCallError({ type: 'type-error' }, 'an ArrayBuffer is needed', error);
  }
}
