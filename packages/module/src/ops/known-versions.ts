import type { KnownVersion, Work } from './work.ts';

/** A version by its id, from this request or from the table. */
export function findVersion(work: Work, versionId: string): KnownVersion | undefined {
  const known = work.versions.get(versionId);
  if (known !== undefined) return known;
  const row = work.db.stateVersion.versionId.find(versionId);
  if (row === null) return undefined;
  work.versions.set(versionId, row);
  return row;
}
