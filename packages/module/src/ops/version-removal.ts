import { refuse } from '../refusals/refused.ts';
import type { StateVersionRow } from '../schema/rows.ts';
import { MAX_TRIM_ROWS } from '../wire/limits.ts';
import { releaseChunks } from './chunks.ts';
import type { Work } from './work.ts';

/** A version of a store that an op names. */
export function requireVersionRow(work: Work, versionId: string, store: string): StateVersionRow {
  const row = work.db.stateVersion.versionId.find(versionId);
  if (row !== null && row.store === store) return row;
  return refuse('state/unknown-version', `The store '${store}' has no version '${versionId.slice(0, 128)}'.`, {
    ids: [versionId.slice(0, 128)],
    details: { store },
  });
}

/** Refuses lists that are empty or longer than one op may remove. */
export function checkCount(versionIds: readonly string[]): void {
  if (versionIds.length === 0) refuse('value/malformed', 'No version is named that is to be removed.');
  if (versionIds.length <= MAX_TRIM_ROWS) return;
  refuse('value/too-large', `One op removes at most ${MAX_TRIM_ROWS} versions, not ${versionIds.length}.`, {
    details: { what: 'versions', count: versionIds.length, limit: MAX_TRIM_ROWS },
  });
}

/** Refuses to remove what a branch or a tag names. */
export function requireUnnamed(work: Work, { versionId, store }: StateVersionRow): void {
  for (const { name } of work.db.branch.head.filter(versionId))
    refuseInUse(versionId, store, `branch '${name}' is there`);
  for (const { name } of work.db.tag.versionId.filter(versionId))
    refuseInUse(versionId, store, `tag '${name}' names it`);
}

/** The versions, and the lines that were left out, that come right after a version. */
export function childrenOf(work: Work, versionId: string): readonly string[] {
  const children = [...work.db.versionParent.parentId.filter(versionId)].map((row) => row.versionId);
  const runs = [...work.db.compactedRun.ancestor.filter(versionId)].map((row) => row.runId);
  return [...children, ...runs];
}

/** Removes a version with all that belongs to it. */
export function removeVersion(work: Work, row: StateVersionRow): void {
  const { versionId, scope, metadata, metadataEncoding } = row;
  const { deltaRecord, stateSnapshot, stateVersion, versionParent } = work.db;
  releaseChunks(work, scope, [metadata, metadataEncoding]);
  removeDelta(work, versionId);
  const snapshot = stateSnapshot.versionId.find(versionId);
  if (snapshot !== null) releaseChunks(work, scope, [snapshot.state, snapshot.stateEncoding]);
  stateSnapshot.versionId.delete(versionId);
  deltaRecord.versionId.delete(versionId);
  versionParent.byVersion.delete(versionId);
  stateVersion.versionId.delete(versionId);
  work.versions.delete(versionId);
}

/** Removes the delta of a version, if it has one. */
export function removeDelta(work: Work, versionId: string): void {
  const delta = work.db.deltaRecord.versionId.find(versionId);
  if (delta === null) return;
  releaseChunks(work, delta.scope, [delta.delta, delta.deltaEncoding]);
  work.db.deltaRecord.versionId.delete(versionId);
}

/** Refuses to remove a version that has to stay. */
export function refuseInUse(versionId: string, store: string, why: string): never {
  refuse('state/in-use', `The version '${versionId}' stays: ${why}.`, { ids: [versionId], details: { store } });
}
