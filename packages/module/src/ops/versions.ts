import { chainHash } from '@inner-universe/nerv/hash';
import { refuse } from '../refusals/refused.ts';
import type { RecordDeltaOp, RecordSnapshotOp, RecordVersionOp } from '../schema/op-types.ts';
import type { StateVersionRow } from '../schema/rows.ts';
import {
  checkDelta,
  checkDescription,
  checkEncoding,
  checkId,
  checkLabel,
  checkObjectValue,
  checkScope,
  checkValue,
} from '../values/checks.ts';
import { byteLength } from '../values/text.ts';
import { micros } from '../values/library-values.ts';
import { MAX_PARENTS } from '../wire/limits.ts';
import { compareAndMove } from './branches.ts';
import { referToChunks, sizeOfValue } from './chunks.ts';
import { findVersion } from './known-versions.ts';
import { mayKnowStore, openStore, requireStoreAccess } from './stores.ts';
import type { KnownVersion, Work } from './work.ts';

/** Records a version with its delta, its snapshot and the move of a branch, as far as they are given. */
export function recordVersion(work: Work, op: RecordVersionOp): void {
  const scope = checkScope(op.scope);
  const store = checkId(op.store, 'store');
  work.access.require('commit', { kind: 'store', name: store, scope });
  const versionId = checkId(op.versionId, 'version id');
  const metadataEncoding = checkEncoding(op.metadataEncoding);
  const metadata = op.metadata === '' ? '{}' : op.metadata;
  checkObjectValue(metadata, metadataEncoding, 'metadata');
  checkDescription(op.description);
  checkLabel(op.author, 'author');
  checkId(op.dataHash, 'data hash');
  if (work.versions.has(versionId) || work.db.stateVersion.versionId.find(versionId) !== null) {
    refuse('state/id-taken', `The version id '${versionId}' is taken.`, { ids: [versionId] });
  }
  const parents = requireParents(work, op, store);
  requireChainHash(op, parents);
  const seq = work.log.change('STATE_VERSION_COMMITTED', scope, versionId, { id: versionId, store });
  openStore(work, store, scope, seq);
  referToChunks(work, scope, [metadata, metadataEncoding]);
  const deltaBytes = op.delta === undefined ? 0n : insertDelta(work, { ...op, delta: op.delta, scope, store });
  const row: StateVersionRow = {
    versionId,
    store,
    scope,
    parentVersionId: op.parents[0] ?? '',
    parentCount: op.parents.length,
    dataHash: op.dataHash,
    chainHash: op.chainHash,
    author: op.author,
    publisher: work.ctx.sender,
    authoredAt: op.authoredAt,
    recordedAt: work.now,
    seq,
    position: work.position,
    description: op.description,
    metadata,
    metadataEncoding,
    ...lineageOf(versionId, parents, { hasSnapshot: op.snapshot !== undefined, deltaBytes }),
  };
  work.db.stateVersion.insert(row);
  for (const [position, parentId] of op.parents.entries()) {
    work.db.versionParent.insert({ versionId, position, parentId });
  }
  work.versions.set(versionId, row);
  if (op.snapshot !== undefined) insertSnapshot(work, { versionId, store, scope, ...op.snapshot });
  if (op.move !== undefined) {
    compareAndMove(work, { store, scope, name: op.move.branch, expectedHead: op.move.expectedHead, head: versionId });
  }
}

/** Records the delta of a version that was recorded without one. */
export function recordDelta(work: Work, op: RecordDeltaOp): void {
  const version = requireOwnVersion(work, op.versionId);
  const existing = work.db.deltaRecord.versionId.find(op.versionId);
  if (existing !== null) {
    if (existing.delta === op.delta && existing.deltaEncoding === checkEncoding(op.deltaEncoding)) return;
    refuse('state/delta-taken', `The version '${op.versionId}' has another delta already.`, { ids: [op.versionId] });
  }
  insertDelta(work, { ...op, store: version.store, scope: version.scope });
}

/** Records the whole state of a version, if there is none yet. */
export function recordSnapshot(work: Work, op: RecordSnapshotOp): void {
  const version = requireOwnVersion(work, op.versionId);
  if (work.db.stateSnapshot.versionId.find(op.versionId) !== null) return;
  insertSnapshot(work, { ...op, store: version.store, scope: version.scope });
  const row = { ...version, nearestSnapshotId: version.versionId, deltasSinceSnapshot: 0, bytesSinceSnapshot: 0n };
  work.db.stateVersion.versionId.update(row);
  work.versions.set(row.versionId, row);
}

function requireOwnVersion(work: Work, versionId: string): StateVersionRow {
  const version = work.db.stateVersion.versionId.find(versionId);
  if (version === null || !mayKnowStore(work, version.store, version.scope)) {
    if (!work.access.isOwner) work.access.deny('record states');
    refuse('state/unknown-version', `There is no version '${versionId}'.`, { ids: [versionId] });
  }
  requireStoreAccess(work, version.store, version.scope);
  return version;
}

function requireParents(work: Work, op: RecordVersionOp, store: string): readonly KnownVersion[] {
  if (op.parents.length > MAX_PARENTS) {
    refuse(
      'value/too-large',
      `The version '${op.versionId}' has ${op.parents.length} parents; ${MAX_PARENTS} are allowed.`,
      {
        ids: [op.versionId],
        details: { what: 'parents', count: op.parents.length, limit: MAX_PARENTS },
      },
    );
  }
  return op.parents.map((parentId) => {
    const parent = findVersion(work, parentId);
    if (parent === undefined || parent.store !== store) {
      refuse(
        'state/unknown-parent',
        `The version '${op.versionId}' names the parent '${parentId}', which store '${store}' has not.`,
        {
          ids: [op.versionId, parentId],
          details: { store },
        },
      );
    }
    return parent;
  });
}

function requireChainHash(op: RecordVersionOp, parents: readonly KnownVersion[]): void {
  const expected = chainHash({
    parents: parents.map((parent) => parent.chainHash),
    dataHash: op.dataHash,
    author: op.author,
    authoredAtMicros: micros(op.authoredAt),
    description: op.description,
  });
  if (expected === op.chainHash) return;
  refuse('state/bad-chain-hash', `The chain hash of version '${op.versionId}' does not cover what was sent.`, {
    ids: [op.versionId],
    details: { expected, actual: op.chainHash.slice(0, 128) },
  });
}

type Lineage = Pick<
  StateVersionRow,
  'depth' | 'generation' | 'nearestSnapshotId' | 'deltasSinceSnapshot' | 'bytesSinceSnapshot'
>;

function lineageOf(
  versionId: string,
  parents: readonly KnownVersion[],
  { hasSnapshot, deltaBytes }: { readonly hasSnapshot: boolean; readonly deltaBytes: bigint },
): Lineage {
  const first = parents[0];
  const generation = parents.reduce((most, parent) => (parent.generation > most ? parent.generation : most), 0n) + 1n;
  const depth = (first?.depth ?? 0n) + 1n;
  if (hasSnapshot) {
    return { depth, generation, nearestSnapshotId: versionId, deltasSinceSnapshot: 0, bytesSinceSnapshot: 0n };
  }
  return {
    depth,
    generation,
    nearestSnapshotId: first?.nearestSnapshotId ?? '',
    deltasSinceSnapshot: (first?.deltasSinceSnapshot ?? 0) + 1,
    bytesSinceSnapshot: (first?.bytesSinceSnapshot ?? 0n) + deltaBytes,
  };
}

/** What is stored of a delta. */
export interface DeltaDraft {
  readonly versionId: string;
  readonly store: string;
  readonly scope: string;
  readonly delta: string;
  readonly deltaEncoding: string;
}

/** Stores a delta and gives its size. */
export function insertDelta(work: Work, draft: DeltaDraft): bigint {
  const { versionId, store, scope, delta } = draft;
  const deltaEncoding = checkEncoding(draft.deltaEncoding);
  checkDelta(delta, deltaEncoding);
  referToChunks(work, scope, [delta, deltaEncoding]);
  const size = sizeOfValue(delta, deltaEncoding, byteLength(delta));
  const seq = work.log.change('DELTA_RECORDED', scope, versionId);
  work.db.deltaRecord.insert({
    versionId,
    store,
    scope,
    delta,
    deltaEncoding,
    byteLength: size,
    publisher: work.ctx.sender,
    recordedAt: work.now,
    seq,
  });
  return size;
}

interface SnapshotDraft {
  readonly versionId: string;
  readonly store: string;
  readonly scope: string;
  readonly state: string;
  readonly stateEncoding: string;
}

/** Stores a whole state. */
export function insertSnapshot(work: Work, draft: SnapshotDraft): void {
  const { versionId, store, scope, state } = draft;
  const stateEncoding = checkEncoding(draft.stateEncoding);
  checkValue(state, stateEncoding, 'state');
  referToChunks(work, scope, [state, stateEncoding]);
  const seq = work.log.change('SNAPSHOT_RECORDED', scope, versionId);
  work.db.stateSnapshot.insert({
    versionId,
    store,
    scope,
    state,
    stateEncoding,
    byteLength: sizeOfValue(state, stateEncoding, byteLength(state)),
    publisher: work.ctx.sender,
    recordedAt: work.now,
    seq,
  });
}
