import { MAX_REQUEST_BYTES, type Op } from '@inner-universe/module/wire';

/** Bytes of UTF-8 that a text takes. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A surrogate pair is two units and four bytes: each of its halves counts for two.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/** What an op counts against the size limit of a request: all its texts, ids and chunks together, in bytes. */
export function opByteLength(op: Op): number {
  return sizeOf(op.value);
}

/** Groups ops into requests that fit by size, in order. */
export function cutByBytes(ops: readonly Op[]): readonly (readonly Op[])[] {
  const batches: Op[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const op of ops) {
    const size = opByteLength(op);
    if (bytes + size > MAX_REQUEST_BYTES) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(op);
    bytes += size;
  }
  return batches;
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return utf8Length(value);
  if (value instanceof Uint8Array) return value.byteLength;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + sizeOf(item), 0);
  if (typeof value === 'object' && value !== null) {
    let sum = 0;
    // Ops are plain: they inherit nothing that is listed. An array of the values would be made for each op.
    for (const key in value) sum += sizeOf((value as Readonly<Record<string, unknown>>)[key]);
    return sum;
  }
  return 0;
}
