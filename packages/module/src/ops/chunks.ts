import type { ChunkValueRow } from '../schema/rows.ts';
import type { UploadChunkOp } from '../schema/op-types.ts';
import { refuse } from '../refusals/refused.ts';
import { checkId, checkScope, parseChunkReference } from '../values/checks.ts';
import { MAX_CHUNK_BYTES, MAX_CHUNKS, MAX_VALUE_BYTES } from '../wire/limits.ts';
import type { Work } from './work.ts';

/** The key of a large value within its scope. */
export function valueKeyOf(scope: string, digest: string): string {
  return `${scope}\n${digest}`;
}

/** Stores one piece of a large value; the same piece again changes nothing. */
export function uploadChunk(work: Work, op: UploadChunkOp): void {
  const scope = checkScope(op.scope);
  requireUpload(work, scope);
  const digest = checkId(op.digest, 'digest');
  checkPiece(op);
  const valueKey = valueKeyOf(scope, digest);
  const known = work.db.chunkValue.valueKey.find(valueKey);
  if (known !== null && known.count !== op.count) {
    mismatch(digest, op.position, `it was begun with ${known.count} pieces, not ${op.count}`);
  }
  const chunkKey = `${valueKey}\n${op.position}`;
  const stored = work.db.chunk.chunkKey.find(chunkKey);
  if (stored !== null) {
    if (!isSameBytes(stored.bytes, op.bytes)) mismatch(digest, op.position, 'other bytes were uploaded for this piece');
    // Whoever uploads it again is about to refer to it, so its day begins anew.
    if (known !== null) work.db.chunkValue.valueKey.update({ ...known, recordedAt: work.now });
    return;
  }
  work.db.chunk.insert({ chunkKey, valueKey, digest, position: op.position, bytes: op.bytes, recordedAt: work.now });
  countPiece(work, known, { valueKey, scope, digest, count: op.count, bytes: op.bytes.byteLength });
}

/** Notes that a row refers to large values, and refuses if one is not wholly there. Takes [text, encoding] pairs. */
export function referToChunks(work: Work, scope: string, ...values: readonly (readonly [string, string])[]): void {
  for (const [text, encoding] of values) {
    if (encoding !== 'chunks/1') continue;
    const { digest, count, byteLength } = parseChunkReference(text, 'value');
    if (byteLength > MAX_VALUE_BYTES) {
      refuse('value/too-large', `The value ${digest} has ${byteLength} bytes; ${MAX_VALUE_BYTES} are allowed.`, {
        ids: [digest],
        details: { bytes: byteLength, limit: MAX_VALUE_BYTES },
      });
    }
    const known = work.db.chunkValue.valueKey.find(valueKeyOf(scope, digest));
    if (known === null || !isWhole(known, count, byteLength)) {
      refuse(
        'chunk/missing',
        `The value ${digest} is not wholly uploaded to scope ${scope}. Upload its pieces first.`,
        {
          ids: [digest],
          details: { received: known?.received ?? 0, count },
        },
      );
    }
    work.db.chunkValue.valueKey.update({ ...known, references: known.references + 1n });
  }
}

/** Notes that rows that referred to large values are gone. What nothing refers to any more is pruned after a day. */
export function releaseChunks(
  work: Pick<Work, 'db' | 'now'>,
  scope: string,
  ...values: readonly (readonly [string, string])[]
): void {
  for (const [text, encoding] of values) {
    if (encoding !== 'chunks/1') continue;
    const { digest } = parseChunkReference(text, 'value');
    const known = work.db.chunkValue.valueKey.find(valueKeyOf(scope, digest));
    if (known === null) continue;
    const references = known.references > 0n ? known.references - 1n : 0n;
    // The day begins now: pruning does not come back to what it has passed.
    work.db.chunkValue.valueKey.update({ ...known, references, recordedAt: work.now });
  }
}

/** Whether all pieces are there, as many and as large as the reference says. */
function isWhole(known: ChunkValueRow, count: number, byteLength: number): boolean {
  return known.count === count && known.received === count && known.byteLength === BigInt(byteLength);
}

/** The size of a value's text as it was meant: of the whole value where it lies in chunks. */
export function sizeOfValue(text: string, encoding: string, inlineBytes: number): bigint {
  return BigInt(encoding === 'chunks/1' ? parseChunkReference(text, 'value').byteLength : inlineBytes);
}

/** Whoever may write anything in a scope may upload there: what is never referred to is pruned after a day. */
function requireUpload(work: Work, scope: string): void {
  if (!work.access.mayWriteSome(scope)) work.access.deny(`upload to scope ${scope}`);
}

function checkPiece(op: UploadChunkOp): void {
  if (op.count < 1 || op.count > MAX_CHUNKS || op.position >= op.count) {
    refuse(
      'value/malformed',
      `Piece ${op.position} of ${op.count} does not exist; 1 to ${MAX_CHUNKS} pieces are allowed.`,
      {
        ids: [op.digest],
      },
    );
  }
  if (op.bytes.byteLength > MAX_CHUNK_BYTES) {
    refuse('value/too-large', `The piece has ${op.bytes.byteLength} bytes; ${MAX_CHUNK_BYTES} are allowed.`, {
      ids: [op.digest],
      details: { bytes: op.bytes.byteLength, limit: MAX_CHUNK_BYTES },
    });
  }
}

interface Piece {
  readonly valueKey: string;
  readonly scope: string;
  readonly digest: string;
  readonly count: number;
  readonly bytes: number;
}

function countPiece(work: Work, known: ChunkValueRow | null, piece: Piece): void {
  const { bytes, ...columns } = piece;
  const row = {
    ...columns,
    received: (known?.received ?? 0) + 1,
    byteLength: (known?.byteLength ?? 0n) + BigInt(bytes),
    references: known?.references ?? 0n,
    publisher: known?.publisher ?? work.ctx.sender,
    recordedAt: work.now,
  };
  if (known === null) work.db.chunkValue.insert(row);
  else work.db.chunkValue.valueKey.update(row);
}

function mismatch(digest: string, position: number, why: string): never {
  refuse('chunk/mismatch', `Piece ${position} of ${digest} was not stored: ${why}.`, {
    ids: [digest],
    details: { position },
  });
}

function isSameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === right.byteLength && left.every((byte, index) => byte === right[index]);
}
