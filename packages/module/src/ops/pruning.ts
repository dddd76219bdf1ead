import type { PruneVersionsOp } from '../schema/op-types.ts';
import { checkId } from '../values/checks.ts';
import { requireStore } from './stores.ts';
import {
  checkCount,
  childrenOf,
  refuseInUse,
  removeVersion,
  requireUnnamed,
  requireVersionRow,
} from './version-removal.ts';
import type { Work } from './work.ts';

/** Removes versions that nothing leads to, children before parents. */
export function pruneVersions(work: Work, op: PruneVersionsOp): void {
  work.access.requireOwner('prune versions');
  const store = checkId(op.store, 'store');
  const scope = requireStore(work, store);
  checkCount(op.versionIds);
  for (const versionId of op.versionIds) {
    const row = requireVersionRow(work, versionId, store);
    const [child] = childrenOf(work, versionId);
    if (child !== undefined) refuseInUse(versionId, store, `'${child}' descends from it`);
    requireUnnamed(work, row);
    for (const { parentId } of [...work.db.versionParent.byVersion.filter(versionId)]) {
      // A line that was left out has one child: with this version, nothing needs it any more.
      work.db.compactedRun.runId.delete(parentId);
    }
    removeVersion(work, row);
    work.log.change('VERSIONS_PRUNED', scope, versionId, { id: versionId, store });
  }
}
