import { microsOf, type RecordVersionOp } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { parsePatch, type StateTree } from '@inner-universe/nerv/temporal';
import type { StatePair } from '../encryption/state-sealer.ts';
import { utf8Length } from '../client/op-size.ts';
import type { ReadyVersion } from './commit-line.ts';
import type { Answer, RecoveredCommit } from './recovered-commits.ts';
import { StateCommit } from './state-commit.ts';
import type { VersionLink } from './version-log.ts';

/** Where the states are that recovered commits were made on. */
export interface ResumeSource {
  readonly head: () => StatePair & { readonly versionId: string };
  readonly open: (tree: StateTree) => Promise<StateTree>;
  /** Undefined where it cannot be had now; resolves with undefined where there is no such version. */
  readonly treeOf: (versionId: string) => Promise<StateTree | undefined> | undefined;
  readonly linkOf: (versionId: string) => VersionLink | undefined;
}

/** A recovered commit that can go on. */
export interface ResumableCommit {
  readonly commit: StateCommit;
  readonly version: ReadyVersion;
  readonly answer: Promise<Answer>;
}

/**
 * Works out the states that recovered commits leave, each from the one it was made on. Of one whose base cannot be had
 * now, what it changed is put on the head; if it does not fit there, it goes on alone, without being shown. So does
 * one whose base was lost: on another state, what it changed might undo what others did.
 */
export async function* resumeCommits(
  recovered: readonly RecoveredCommit[],
  source: ResumeSource,
): AsyncGenerator<ResumableCommit, void, undefined> {
  const made = new Map<string, ReadyVersion>();
  for (const { op, answer, loadDelta } of recovered) {
    const delta = await loadDelta();
    const base = await findBase(op, made, source);
    const after = base === undefined ? undefined : tryApply(base.tree, delta);
    if (base === undefined || after === undefined) continue;
    const pair = { tree: after, open: await source.open(after) };
    const version = {
      ...pair,
      prepared: { op: { tag: 'recordVersion', value: op }, link: linkOf(op, delta, source), chunks: [] },
    } as const;
    made.set(op.versionId, version);
    yield { commit: makeCommit(op, base, pair), version, answer };
  }
}

async function findBase(
  { parents }: RecordVersionOp,
  made: ReadonlyMap<string, ReadyVersion>,
  source: ResumeSource,
): Promise<(StatePair & { readonly versionId: string }) | undefined> {
  const [versionId = ''] = parents;
  const before = made.get(versionId);
  if (before !== undefined) return { versionId, tree: before.tree, open: before.open };
  const head = source.head();
  if (head.versionId === versionId) return head;
  const reading = source.treeOf(versionId);
  if (reading === undefined) return head;
  const tree = await reading;
  return tree === undefined ? undefined : { versionId, tree, open: await source.open(tree) };
}

function tryApply(tree: StateTree, delta: string): StateTree | undefined {
  try {
    return tree.apply(parsePatch(delta));
  } catch (error) {
    if (error instanceof NervError) return undefined;
    throw error;
  }
}

function makeCommit(
  { versionId: id, store, author, authoredAt, description, move }: RecordVersionOp,
  base: StatePair & { readonly versionId: string },
  after: StatePair,
): StateCommit {
  const patch = base.open.diff(after.open);
  return new StateCommit(
    {
      store,
      branch: move?.branch ?? '',
      options: { id, author, authoredAtMicros: microsOf(authoredAt), description },
      onConflict: 'rebase',
      isOptimistic: true,
      change: (open) => open.apply(patch),
    },
    { base, after: after.open },
  );
}

function linkOf(op: RecordVersionOp, delta: string, { linkOf: kept }: ResumeSource): VersionLink {
  const { versionId: id, parents, chainHash, snapshot } = op;
  // Where the parent's is not known, a state may be stored whole a little later than it should.
  const { versions, bytes } = kept(parents[0] ?? '')?.sinceSnapshot ?? { versions: 0, bytes: 0 };
  const since = { versions: versions + 1, bytes: bytes + utf8Length(delta) };
  return { id, parents, chainHash, sinceSnapshot: snapshot === undefined ? since : { versions: 0, bytes: 0 } };
}
