/**
 * The subtree scheme `sha256-tree:`, defined over the encoded form of a value (values/encode.ts). ‖ joins bytes, and
 * every text is UTF-8.
 *
 *     leaf      SHA-256(00 ‖ canonical text)          null, booleans, numbers, strings, objects with one `$` tag
 *     entry     SHA-256(01 ‖ key ‖ digest of value)   the key as the encoded form has it
 *     chunk     SHA-256(02 ‖ level ‖ item digests)    level: one byte
 *     array     SHA-256(03 ‖ count ‖ root)            count: 8 bytes, big-endian
 *     object    SHA-256(04 ‖ count ‖ root)            an empty container has no root
 *
 * The root of a container comes from its list of items: for an array the digests of its elements in order, for an object
 * the digests of its entries in the order of their keys' UTF-16 code units. While the list has more than one item, it is
 * cut into chunks, from the left, and becomes the list of the chunks' digests (level 0 first, then 1, ...). The one item
 * that is left is the root. A chunk ends after the item with which it
 *
 *     holds 2 items or more, that last one's digest beginning with the hex digit 0, or
 *     holds 256 items, or
 *     holds the last item of the list.
 *
 * So where a chunk ends depends on the contents nearby and on nothing else: one changed item re-hashes about one chunk a
 * level, and equal parts have equal digests wherever they stand. Every chunk but the last holds at least 2 items, so
 * each level at most halves (rounded up) the list, and the cutting ends.
 */
import { canonicalJson } from '../values/canonical-json.ts';
import { leafTag } from '../values/decode.ts';
import { encode } from '../values/encode.ts';
import { compareKeys, type JsonObject, type JsonValue } from '../values/json.ts';
import { assert } from '../assert.ts';
import { toHex } from './digest.ts';
import { DIGEST_BYTES, Sha256 } from './sha256.ts';

/** The scheme's name, as it stands before the colon of a hash. */
export const TREE_SCHEME = 'sha256-tree';

/** A chunk holds at least this many items, unless the list ends first. */
export const CHUNK_ITEMS_MIN = 2;

/** A chunk holds at most this many items. */
export const CHUNK_ITEMS_MAX = 256;

const TAG_LEAF = 0;
const TAG_ENTRY = 1;
const TAG_CHUNK = 2;
const TAG_ARRAY = 3;
const TAG_OBJECT = 4;

/** The hasher of this file's functions; each of them begins and ends a whole message, so none sees another's. */
const hasher = new Sha256();

/** Whether a chunk with enough items ends at the item whose digest starts with this byte. One in sixteen does. */
export function isBoundary(firstByte: number): boolean {
  return firstByte < 16;
}

/** Writes the digest of a leaf, given its canonical text. */
export function writeLeafDigest(text: string, target: Uint8Array, at: number): void {
  hasher.byte(TAG_LEAF).utf8(text).digestInto(target, at);
}

/** Writes the digest of an object's entry, given its encoded key; the value's digest is `value[from..from+32)`. */
export function writeEntryDigest(key: string, value: { readonly bytes: Uint8Array; readonly from: number }, target: Uint8Array, at: number): void {
  hasher.byte(TAG_ENTRY).utf8(key).bytes(value.bytes, value.from, value.from + DIGEST_BYTES).digestInto(target, at);
}

/** Writes the digest of a chunk of that level, whose items' digests are `items[from..to)`. */
export function writeChunkDigest(level: number, items: Uint8Array, to: number, target: Uint8Array, at: number): void {
  hasher.byte(TAG_CHUNK).byte(level).bytes(items, 0, to).digestInto(target, at);
}

/** The digest of a container with that many items and that root (`undefined` when empty). */
export function containerDigest(kind: 'array' | 'object', count: number, root: Uint8Array | undefined): Uint8Array {
  assert((root === undefined) === (count === 0), 'only an empty container has no root');
  const digest = new Uint8Array(DIGEST_BYTES);
  hasher.byte(kind === 'array' ? TAG_ARRAY : TAG_OBJECT);
  for (let byte = 7; byte >= 0; byte -= 1) hasher.byte(Math.floor(count / 2 ** (8 * byte)) % 256);
  if (root !== undefined) hasher.bytes(root);
  hasher.digestInto(digest);
  return digest;
}

/** The `sha256-tree:` hash of a value, from nothing. Costs by the value's size. @throws as `encode` does */
export function treeHash(value: unknown): string {
  return formatTreeHash(digestOf(encode(value)));
}

/** A digest as a hash that names its scheme. */
export function formatTreeHash(digest: Uint8Array): string {
  return `${TREE_SCHEME}:${toHex(digest)}`;
}

function digestOf(json: JsonValue): Uint8Array {
  if (isJsonArray(json)) return containerDigest('array', json.length, rootOf(json.map(digestOf)));
  if (json !== null && typeof json === 'object' && leafTag(json, '') === undefined) {
    const entries = Object.keys(json).sort(compareKeys).map((key) => entryDigestOf(key, json));
    return containerDigest('object', entries.length, rootOf(entries));
  }
  const digest = new Uint8Array(DIGEST_BYTES);
  writeLeafDigest(canonicalJson(json), digest, 0);
  return digest;
}

function entryDigestOf(key: string, object: JsonObject): Uint8Array {
  const digest = new Uint8Array(DIGEST_BYTES);
  // `key` is one of the object's own keys.
  writeEntryDigest(key, { bytes: digestOf(object[key] as JsonValue), from: 0 }, digest, 0);
  return digest;
}

function rootOf(items: readonly Uint8Array[]): Uint8Array | undefined {
  let list = items;
  for (let level = 0; list.length > 1; level += 1) list = cut(list, level);
  return list[0];
}

function cut(items: readonly Uint8Array[], level: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const open = new Uint8Array(CHUNK_ITEMS_MAX * DIGEST_BYTES);
  let held = 0;
  for (const [index, item] of items.entries()) {
    open.set(item, held * DIGEST_BYTES);
    held += 1;
    const ends = (held >= CHUNK_ITEMS_MIN && isBoundary(item[0] ?? 0)) || held === CHUNK_ITEMS_MAX || index === items.length - 1;
    if (!ends) continue;
    const digest = new Uint8Array(DIGEST_BYTES);
    writeChunkDigest(level, open, held * DIGEST_BYTES, digest, 0);
    chunks.push(digest);
    held = 0;
  }
  return chunks;
}

/** `Array.isArray` does not narrow readonly arrays. */
function isJsonArray(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json);
}
