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
import { compareKeys, type JsonValue } from '../values/json.ts';
import { digestToHex, type Digest } from './digest.ts';
import { addByte, addDigest, addText, digest } from './sha256.ts';

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

/** Whether a chunk with enough items ends at the item with this digest. One in sixteen does. */
export function isBoundary(item: Digest): boolean {
  return item.charCodeAt(0) < 0x1000;
}

/** The digest of a leaf, given its canonical text. */
export function leafDigest(text: string): Digest {
  addByte(TAG_LEAF);
  addText(text);
  return digest();
}

/** The digest of an object's entry, given its encoded key and its value's digest. */
export function entryDigest(key: string, value: Digest): Digest {
  addByte(TAG_ENTRY);
  addText(key);
  addDigest(value);
  return digest();
}

/** The digest of a chunk of that level, given its items'. */
export function chunkDigest(level: number, items: readonly Digest[]): Digest {
  addByte(TAG_CHUNK);
  addByte(level);
  for (const item of items) addDigest(item);
  return digest();
}

/** The digest of a container with that many items and that root (`undefined` when empty). */
export function containerDigest(kind: 'array' | 'object', count: number, root: Digest | undefined): Digest {
  addByte(kind === 'array' ? TAG_ARRAY : TAG_OBJECT);
  for (let byte = 7; byte >= 0; byte -= 1) addByte(Math.floor(count / 256 ** byte) % 256);
  if (root !== undefined) addDigest(root);
  return digest();
}

/** The `sha256-tree:` hash of a value, from nothing. Costs by the value's size. @throws as `encode` does */
export function treeHash(value: unknown): string {
  return formatTreeHash(digestOf(encode(value)));
}

/** A digest as a hash that names its scheme. */
export function formatTreeHash(root: Digest): string {
  return `${TREE_SCHEME}:${digestToHex(root)}`;
}

function digestOf(json: JsonValue): Digest {
  if (isJsonArray(json)) return containerDigest('array', json.length, rootOf(json.map(digestOf)));
  if (json !== null && typeof json === 'object' && leafTag(json, '') === undefined) {
    const keys = Object.keys(json).sort(compareKeys);
    // Each key is one of the object's own.
    const entries = keys.map((key) => entryDigest(key, digestOf(json[key] as JsonValue)));
    return containerDigest('object', entries.length, rootOf(entries));
  }
  return leafDigest(canonicalJson(json));
}

function rootOf(items: readonly Digest[]): Digest | undefined {
  let list = items;
  for (let level = 0; list.length > 1; level += 1) list = cut(list).map((chunk) => chunkDigest(level, chunk));
  return list[0];
}

function cut(items: readonly Digest[]): Digest[][] {
  const chunks: Digest[][] = [];
  let open: Digest[] = [];
  for (const item of items) {
    open.push(item);
    if ((open.length < CHUNK_ITEMS_MIN || !isBoundary(item)) && open.length < CHUNK_ITEMS_MAX) continue;
    chunks.push(open);
    open = [];
  }
  if (open.length > 0) chunks.push(open);
  return chunks;
}

/** `Array.isArray` does not narrow readonly arrays. */
function isJsonArray(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json);
}
