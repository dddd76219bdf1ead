/**
 * Git hands out bytes. A path that is valid UTF-8 is its own key; any other becomes `bytes:` and base64, and a real
 * path that starts so is escaped by doubling the prefix. The mapping is injective: two paths never share a key.
 */
const BYTES_PREFIX = 'bytes:';
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The key of a path (or of any name whose identity matters). */
export function makePathKey(path: Uint8Array): string {
  const text = tryDecodeUtf8(path);
  if (text === undefined) return BYTES_PREFIX + Buffer.from(path).toString('base64');
  return text.startsWith(BYTES_PREFIX) ? BYTES_PREFIX + text : text;
}

/** Text for people: invalid bytes show as U+FFFD, and nothing can be told from it but what it looks like. */
export function decodeForDisplay(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function tryDecodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}
