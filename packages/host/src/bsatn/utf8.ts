/** Texts up to this many bytes are built without the decoder: the call to it would cost more than the string. */
export const SHORT_STRING_BYTES = 24;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Decodes UTF-8; a byte order mark is kept as a character. Undefined when the bytes are not valid UTF-8. */
export function tryDecodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start <= SHORT_STRING_BYTES) {
    const text = tryDecodeShortAscii(bytes, start, end);
    if (text !== undefined) return text;
  }
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    // The only error a strict decoder has; the caller knows what was decoded and reports it.
    return undefined;
  }
}

/** Decodes bytes that were found to be valid UTF-8 before. */
export function decodeValidUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_STRING_BYTES) {
    const text = tryDecodeShortAscii(bytes, start, end);
    if (text !== undefined) return text;
  }
  return decoder.decode(bytes.subarray(start, end));
}

/** Offset of the first byte that does not belong to valid UTF-8, or -1. Surrogates and overlong forms are invalid. */
export function findInvalidUtf8(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    // Most text is ASCII, which is passed over four bytes at a time.
    while (at + 4 <= end && isAsciiRun(bytes, at)) at += 4;
    if (at === end) break;
    if ((bytes[at] ?? 0) < 0x80) {
      at += 1;
      continue;
    }
    const length = sequenceLength(bytes, at, end);
    if (length === 0) return at;
    at += length;
  }
  return -1;
}

/** Writes `text` as UTF-8 and gives the position behind it; the target must have three bytes for each code unit. */
export function writeUtf8(text: string, target: Uint8Array, position: number): number {
  const length = text.length;
  if (length <= SHORT_STRING_BYTES) {
    let at = 0;
    for (; at < length; at += 1) {
      const unit = text.charCodeAt(at);
      if (unit >= 0x80) break;
      target[position + at] = unit;
    }
    if (at === length) return position + length;
  }
  return position + encoder.encodeInto(text, target.subarray(position)).written;
}

/** Decodes a short run of ASCII; undefined when it holds anything else. */
export function tryDecodeShortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at] ?? 0;
    const b = bytes[at + 1] ?? 0;
    const c = bytes[at + 2] ?? 0;
    const d = bytes[at + 3] ?? 0;
    if ((a | b | c | d) >= 0x80) return undefined;
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end; at += 1) {
    const a = bytes[at] ?? 0;
    if (a >= 0x80) return undefined;
    text += String.fromCharCode(a);
  }
  return text;
}

function isAsciiRun(bytes: Uint8Array, at: number): boolean {
  return ((bytes[at] ?? 0) | (bytes[at + 1] ?? 0) | (bytes[at + 2] ?? 0) | (bytes[at + 3] ?? 0)) < 0x80;
}

/** Length of the sequence of two to four bytes that starts at `at`, 0 when there is no valid one (Unicode table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] ?? 0;
  const second = at + 1 < end ? (bytes[at + 1] ?? 0) : 0;
  if (lead >= 0xc2 && lead <= 0xdf) return isContinuation(second) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const low = lead === 0xe0 ? 0xa0 : 0x80;
    const high = lead === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && at + 2 < end && isContinuation(bytes[at + 2] ?? 0) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const low = lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xf4 ? 0x8f : 0xbf;
    const isSound = second >= low && second <= high && at + 3 < end;
    return isSound && isContinuation(bytes[at + 2] ?? 0) && isContinuation(bytes[at + 3] ?? 0) ? 4 : 0;
  }
  return 0;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
