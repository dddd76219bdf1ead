import { canonicalJson, type JsonValue } from '@inner-universe/nerv/values';

/**
 * The canonical text of what `JSON.parse` gave; undefined for what has none although it was parsed: numbers beyond a
 * double, lone surrogates, and what nests too deep.
 */
export function tryCanonical(json: JsonValue): string | undefined {
  try {
    return canonicalJson(json);
  } catch {
    return undefined;
  }
}

/** The length of a text in UTF-8 bytes. A lone surrogate counts three, as it is encoded. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (unit >= 0xd800 && unit <= 0xdbff && isLowSurrogate(text.charCodeAt(index + 1))) {
      bytes += 2;
      index += 1;
    } else bytes += 2;
  }
  return bytes;
}

/** Whether a text has more UTF-8 bytes than allowed; looks at the characters only where its length leaves doubt. */
export function isLongerThan(text: string, bytes: number): boolean {
  if (text.length > bytes) return true;
  return text.length * 3 > bytes && byteLength(text) > bytes;
}

/** Whether a text holds a control character: names must not, so that keys can be composed with line feeds. */
export function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return true;
  }
  return false;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
