import { refuse } from '../refusals/refused.ts';
import type { CreateTagOp, DeleteBranchOp, DeleteTagOp, MoveBranchOp } from '../schema/op-types.ts';
import { checkDescription, checkId, checkLabel } from '../values/checks.ts';
import { findVersion } from './known-versions.ts';
import { requireStore } from './stores.ts';
import type { Work } from './work.ts';

/** The key of a branch or tag: names hold no line feed. */
export function referenceKey(store: string, name: string): string {
  return `${store}\n${name}`;
}

/** Creates a branch, or moves it from the head the caller expects. */
export function moveBranch(work: Work, op: MoveBranchOp): void {
  const store = checkId(op.store, 'store');
  const scope = requireStore(work, store);
  requireVersionOf(work, op.head, store);
  compareAndMove(work, { store, scope, name: op.name, expectedHead: op.expectedHead, head: op.head });
}

/** A move of a branch to a version that exists. */
export interface BranchMove {
  readonly store: string;
  readonly scope: string;
  readonly name: string;
  readonly expectedHead: string | undefined;
  readonly head: string;
}

/** Moves a branch if it has the head expected; undefined expects that there is no such branch. */
export function compareAndMove(work: Work, move: BranchMove): void {
  const { store, scope, expectedHead, head } = move;
  const name = checkId(move.name, 'branch');
  const branchKey = referenceKey(store, name);
  const existing = work.db.branch.branchKey.find(branchKey);
  if (existing?.head !== expectedHead) conflict(store, name, expectedHead, existing?.head);
  if (existing?.head === head) return;
  const from = existing?.head ?? '';
  const seq = work.log.change('BRANCH_MOVED', scope, name, { store, name, from, to: head });
  const publisher = work.ctx.sender;
  const row = { branchKey, store, name, scope, head, publisher, updatedAt: work.now, seq };
  if (existing === null) work.db.branch.insert({ ...row, createdAt: work.now });
  else work.db.branch.branchKey.update({ ...row, createdAt: existing.createdAt });
  writeMove(work, { ...row, fromHead: from, toHead: head });
}

/** Deletes a branch; its moves stay. */
export function deleteBranch(work: Work, op: DeleteBranchOp): void {
  const store = checkId(op.store, 'store');
  const scope = requireStore(work, store);
  const branchKey = referenceKey(store, op.name);
  const existing = work.db.branch.branchKey.find(branchKey);
  if (existing === null) {
    refuse('branch/not-found', `The store '${store}' has no branch '${op.name}'.`, {
      ids: [op.name],
      details: { store },
    });
  }
  if (op.expectedHead !== undefined && op.expectedHead !== existing.head) {
    conflict(store, op.name, op.expectedHead, existing.head);
  }
  const seq = work.log.change('BRANCH_DELETED', scope, op.name, { store, name: op.name, from: existing.head });
  work.db.branch.branchKey.delete(branchKey);
  writeMove(work, { branchKey, store, name: op.name, scope, fromHead: existing.head, toHead: '', seq });
}

/** Names a version. */
export function createTag(work: Work, op: CreateTagOp): void {
  const store = checkId(op.store, 'store');
  const scope = requireStore(work, store);
  const name = checkId(op.name, 'tag');
  requireVersionOf(work, op.versionId, store);
  const tagKey = referenceKey(store, name);
  const existing = work.db.tag.tagKey.find(tagKey);
  const { versionId } = op;
  if (existing?.versionId === versionId) return;
  if (existing !== null && !op.replace) {
    refuse('tag/exists', `The store '${store}' has a tag '${name}' on another version.`, {
      ids: [name, existing.versionId],
      details: { store },
    });
  }
  const seq = work.log.change('TAG_CREATED', scope, name, { store, name, version: versionId });
  const row = {
    tagKey,
    store,
    name,
    scope,
    versionId,
    description: checkDescription(op.description),
    author: checkLabel(op.author, 'author'),
    publisher: work.ctx.sender,
    recordedAt: work.now,
    seq,
  };
  if (existing === null) work.db.tag.insert(row);
  else work.db.tag.tagKey.update(row);
}

/** Deletes a tag. */
export function deleteTag(work: Work, op: DeleteTagOp): void {
  const store = checkId(op.store, 'store');
  const scope = requireStore(work, store);
  const existing = work.db.tag.tagKey.find(referenceKey(store, op.name));
  if (existing === null) {
    refuse('tag/not-found', `The store '${store}' has no tag '${op.name}'.`, { ids: [op.name], details: { store } });
  }
  work.log.change('TAG_DELETED', scope, op.name, { store, name: op.name, version: existing.versionId });
  work.db.tag.tagKey.delete(existing.tagKey);
}

interface MoveDraft {
  readonly branchKey: string;
  readonly store: string;
  readonly name: string;
  readonly scope: string;
  readonly fromHead: string;
  readonly toHead: string;
  readonly seq: bigint;
}

function writeMove(work: Work, draft: MoveDraft): void {
  const { branchKey, store, name, scope, fromHead, toHead, seq } = draft;
  work.db.branchMove.insert({
    branchKey,
    store,
    name,
    scope,
    fromHead,
    toHead,
    publisher: work.ctx.sender,
    recordedAt: work.now,
    seq,
    position: work.position,
  });
}

function requireVersionOf(work: Work, versionId: string, store: string): void {
  if (findVersion(work, versionId)?.store === store) return;
  refuse('state/unknown-version', `The store '${store}' has no version '${versionId}'.`, {
    ids: [versionId],
    details: { store },
  });
}

function conflict(store: string, branch: string, expected: string | undefined, actual: string | undefined): never {
  const now = actual === undefined ? 'does not exist' : `is at '${actual}'`;
  const wanted = expected === undefined ? 'not to exist' : `to be at '${expected}'`;
  refuse('state/version-conflict', `The branch '${branch}' of '${store}' ${now}, but was expected ${wanted}.`, {
    ids: actual === undefined ? [] : [actual],
    details: { store, branch, head: actual ?? null, expectedHead: expected ?? null },
  });
}
