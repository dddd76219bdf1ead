/**
 * Leaving out versions for good. Invariants:
 * - what is left out lies on a line: each version has one parent, and one child, which is the next; so who descends from
 *   whom stays as it was;
 * - what the chain hashes of a line cover is kept, so the history verifies from the roots to the heads;
 * - the version after a line can be read: its delta is against the version before the line, or it is stored whole.
 */
import { refuse } from '../refusals/refused.ts';
import type { CompactVersionsOp } from '../schema/op-types.ts';
import type { CompactedRunRow, StateVersionRow } from '../schema/rows.ts';
import { checkId } from '../values/checks.ts';
import { micros } from '../values/library-values.ts';
import { byteLength } from '../values/text.ts';
import { MAX_INLINE_VALUE_BYTES } from '../wire/limits.ts';
import { requireStore } from './stores.ts';
import { insertDelta, insertSnapshot } from './versions.ts';
import {
  checkCount,
  childrenOf,
  refuseInUse,
  removeDelta,
  removeVersion,
  requireUnnamed,
  requireVersionRow,
} from './version-removal.ts';
import type { Work } from './work.ts';

/** Leaves out a line of versions before a child that stays. */
export function compactVersions(work: Work, op: CompactVersionsOp): void {
  work.access.requireOwner('leave versions out');
  const store = checkId(op.store, 'store');
  const scope = requireStore(work, store);
  checkCount(op.leftOut);
  const child = requireVersionRow(work, checkId(op.child, 'version id'), store);
  const rows = op.leftOut.map((versionId) => requireVersionRow(work, versionId, store));
  const line = new Line(work, store);
  for (const [index, row] of rows.entries()) line.add(row, rows[index + 1]?.versionId);
  const run = line.close(child);
  for (const row of rows) removeVersion(work, row);
  const seq = work.log.change('VERSIONS_COMPACTED', scope, run.runId, {
    id: run.runId,
    store,
    versions: rows.length,
  });
  work.db.compactedRun.insert({ ...run, store, scope, publisher: work.ctx.sender, recordedAt: work.now, seq });
  if (child.parentVersionId === run.runId) rebase(work, op, { child, ancestor: run.ancestor });
  else if (op.delta !== undefined) {
    refuse('value/malformed', `The line is not the first parent of '${child.versionId}': its delta stays.`);
  }
}

type ClosedRun = Pick<CompactedRunRow, 'runId' | 'ancestor' | 'chainHash' | 'versions' | 'headers'>;

/** A line that is being left out, from its oldest version on. Lines that were left out earlier become part of it. */
class Line {
  readonly #work: Work;
  readonly #store: string;
  readonly #headers: unknown[] = [];
  #ancestor = '';
  #last: StateVersionRow | undefined;

  constructor(work: Work, store: string) {
    this.#work = work;
    this.#store = store;
  }

  /** Adds the next version of the line; `next` is the one that follows in it, if it is not the last. */
  add(row: StateVersionRow, next: string | undefined): void {
    const { versionId, parentCount, parentVersionId } = row;
    if (parentCount !== 1) refuseInUse(versionId, this.#store, `it has ${parentCount} parents`);
    requireUnnamed(this.#work, row);
    const before = this.#absorb(parentVersionId);
    if (this.#last === undefined) this.#ancestor = before;
    else if (before !== this.#last.versionId) this.#refuseGap(versionId);
    this.#requireOneChild(versionId, next);
    this.#headers.push([row.dataHash, row.author, micros(row.authoredAt).toString(), row.description]);
    this.#last = row;
  }

  /** The whole line, before the version that stays. */
  close(child: StateVersionRow): ClosedRun {
    const last = this.#last;
    if (last === undefined) return refuse('value/malformed', 'A line that is left out has a version.');
    const parents = [...this.#work.db.versionParent.byVersion.filter(child.versionId)].map((row) => row.parentId);
    const link = parents.find(
      (parentId) => parentId === last.versionId || this.#runOf(parentId)?.ancestor === last.versionId,
    );
    if (link === undefined) this.#refuseGap(child.versionId);
    const chainHash = this.#runOf(link)?.chainHash ?? last.chainHash;
    if (link !== last.versionId) this.#absorb(link);
    const headers = JSON.stringify(this.#headers);
    const bytes = byteLength(headers);
    if (bytes > MAX_INLINE_VALUE_BYTES) {
      refuse('value/too-large', `What is kept of the line has ${bytes} bytes; ${MAX_INLINE_VALUE_BYTES} are allowed.`, {
        ids: [link],
        details: { what: 'headers', bytes, limit: MAX_INLINE_VALUE_BYTES },
      });
    }
    return { runId: link, ancestor: this.#ancestor, chainHash, versions: BigInt(this.#headers.length), headers };
  }

  /** The version before a parent: itself, or the one before the line it ends, which becomes part of this one. */
  #absorb(parentId: string): string {
    const run = this.#runOf(parentId);
    if (run === undefined) return parentId;
    // The module wrote it, as JSON of lists.
    for (const header of JSON.parse(run.headers) as readonly unknown[]) this.#headers.push(header);
    this.#work.db.compactedRun.runId.delete(run.runId);
    return run.ancestor;
  }

  #runOf(versionId: string): CompactedRunRow | undefined {
    return this.#work.db.compactedRun.runId.find(versionId) ?? undefined;
  }

  #requireOneChild(versionId: string, next: string | undefined): void {
    const children = childrenOf(this.#work, versionId);
    if (children.length !== 1) refuseInUse(versionId, this.#store, `${children.length} versions descend from it`);
    if (next === undefined) return;
    const [child = ''] = children;
    const isNext = child === next || this.#work.db.stateVersion.versionId.find(next)?.parentVersionId === child;
    if (!isNext) this.#refuseGap(next);
  }

  #refuseGap(versionId: string): never {
    return refuse('value/malformed', `The versions are no line: '${versionId}' does not follow the one before it.`, {
      ids: [versionId],
      details: { store: this.#store },
    });
  }
}

/** Makes the version after the line readable from the one before it. */
function rebase(
  work: Work,
  op: CompactVersionsOp,
  { child, ancestor }: { readonly child: StateVersionRow; readonly ancestor: string },
): void {
  const { versionId, store, scope } = child;
  const before = requireVersionRow(work, ancestor, store);
  const isWhole = work.db.stateSnapshot.versionId.find(versionId) !== null;
  if (op.delta === undefined && op.snapshot === undefined && !isWhole) {
    refuse('state/incomplete', `The version '${versionId}' needs a delta against '${ancestor}', or its whole state.`, {
      ids: [versionId, ancestor],
      details: { store },
    });
  }
  removeDelta(work, versionId);
  const bytes =
    op.delta === undefined
      ? 0n
      : insertDelta(work, { versionId, store, scope, delta: op.delta, deltaEncoding: op.deltaEncoding });
  if (op.snapshot !== undefined && !isWhole) insertSnapshot(work, { versionId, store, scope, ...op.snapshot });
  const row =
    isWhole || op.snapshot !== undefined
      ? { ...child, nearestSnapshotId: versionId, deltasSinceSnapshot: 0, bytesSinceSnapshot: 0n }
      : {
          ...child,
          nearestSnapshotId: before.nearestSnapshotId,
          deltasSinceSnapshot: before.deltasSinceSnapshot + 1,
          bytesSinceSnapshot: before.bytesSinceSnapshot + bytes,
        };
  work.db.stateVersion.versionId.update(row);
  work.versions.set(versionId, row);
}
