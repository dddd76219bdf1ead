import {
  MAX_CHUNK_BYTES,
  MAX_INLINE_VALUE_BYTES,
  MAX_VALUE_BYTES,
  type Op,
  type ValueEncoding,
} from '@inner-universe/module/wire';
import { sha256Hex } from '@inner-universe/nerv/hash';
import { NervPersistenceError } from '../errors.ts';
import { utf8Length } from './op-size.ts';
import type { ReadPage } from './change-source.ts';

/** A value's text as a column holds it: the text itself, or what names its chunks. */
export interface StoredText {
  readonly text: string;
  readonly encoding: ValueEncoding;
  /** Chunks that must be uploaded, in earlier requests, before anything refers to them. */
  readonly chunks: readonly Op[];
}

/** What a column holds instead of a text that lies in chunks. */
interface ChunkReference {
  readonly digest: string;
  readonly count: number;
  readonly bytes: number;
}

const NO_CHUNKS: readonly Op[] = [];
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A text that lies in its column whatever its characters take; undefined for one that is not surely so short. */
export function tryInlineText(text: string): StoredText | undefined {
  // A unit of UTF-16 takes three bytes at most.
  return text.length * 3 <= MAX_INLINE_VALUE_BYTES ? { text, encoding: 'json/1', chunks: NO_CHUNKS } : undefined;
}

/**
 * Prepares a canonical text for a column: as it is up to 256 KiB, else cut into chunks named by the digest of the
 * whole.
 * @throws {NervPersistenceError} `value/too-large` over 64 MiB.
 */
export function makeStoredText(text: string, scope: string, what: string): StoredText {
  const byteLength = utf8Length(text);
  if (byteLength <= MAX_INLINE_VALUE_BYTES) return { text, encoding: 'json/1', chunks: [] };
  if (byteLength > MAX_VALUE_BYTES) {
    throw new NervPersistenceError(
      'value/too-large',
      `${what} has ${byteLength} bytes; at most ${MAX_VALUE_BYTES} can be stored. Split it.`,
      { details: { what, bytes: byteLength, max: MAX_VALUE_BYTES } },
    );
  }
  const bytes = encoder.encode(text);
  const digest = sha256Hex(bytes);
  const count = Math.ceil(bytes.byteLength / MAX_CHUNK_BYTES);
  const chunks = Array.from({ length: count }, (_, position): Op => {
    const start = position * MAX_CHUNK_BYTES;
    return {
      tag: 'uploadChunk',
      value: { scope, digest, position, count, bytes: bytes.slice(start, start + MAX_CHUNK_BYTES) },
    };
  });
  const reference: ChunkReference = { bytes: bytes.byteLength, count, digest };
  return { text: JSON.stringify(reference), encoding: 'chunks/1', chunks };
}

/**
 * The text that a column stands for, fetched from its chunks where it lies there.
 * @throws {NervPersistenceError} `chunk/mismatch` when the chunks are not what the reference says.
 */
export async function loadStoredText(
  read: ReadPage,
  stored: { text: string; encoding: string; scope: string },
): Promise<string> {
  if (stored.encoding !== 'chunks/1') return stored.text;
  const reference = JSON.parse(stored.text) as ChunkReference; // the module checked its form when it was written
  const bytes = new Uint8Array(reference.bytes);
  let position = 0;
  let offset = 0;
  while (position < reference.count) {
    const { pieces } = await read('readChunk', { scope: stored.scope, digest: reference.digest, position });
    for (const piece of pieces) {
      if (offset + piece.byteLength > bytes.byteLength) throw makeMismatch(reference);
      bytes.set(piece, offset);
      offset += piece.byteLength;
    }
    if (pieces.length === 0) throw makeMismatch(reference);
    position += pieces.length;
  }
  if (offset !== bytes.byteLength || sha256Hex(bytes) !== reference.digest) throw makeMismatch(reference);
  return decoder.decode(bytes);
}

function makeMismatch(reference: ChunkReference): NervPersistenceError {
  return new NervPersistenceError(
    'chunk/mismatch',
    `The chunks of value ${reference.digest} are not what was stored (${reference.bytes} bytes in ${reference.count} chunks). ` +
      'The database is damaged or was written by something else; restore a backup.',
    { details: { ...reference } },
  );
}
