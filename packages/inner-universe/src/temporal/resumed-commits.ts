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

/** What recovered commits came to. */
export interface Resumed {
  /** By version, in the order they were first made; of one that was made anew, the last form. */
  readonly commits: ReadonlyMap<string, ResumableCommit>;
  /** Of these nobody can say now what they were made on. */
  readonly later: readonly RecoveredCommit[];
}

/**
 * Works out the states that recovered commits leave, each from the very one it was made on: its hash tells. Nothing is
 * put on another state: what it changed might undo there what others did. One whose base is lost goes on alone, without
 * being shown. `made` holds the states of those that were worked out before, and takes those of these.
 */
export async function resumeCommits(
  recovered: readonly RecoveredCommit[],
  source: ResumeSource,
  made: Map<string, ReadyVersion>,
): Promise<Resumed> {
  const commits = new Map<string, ResumableCommit>();
  for (const [index, { op, answer, loadDelta }] of recovered.entries()) {
    const reading = findBase(op, made, source);
    // Those behind it may be made on it.
    if (reading === undefined) return { commits, later: recovered.slice(index) };
    const base = await reading;
    const delta = await loadDelta();
    const after = base === undefined ? undefined : tryApply(base.tree, delta);
    if (base === undefined || after?.hash !== op.dataHash) continue;
    const pair = { tree: after, open: await source.open(after) };
    const version = {
      ...pair,
      prepared: { op: { tag: 'recordVersion', value: op }, link: linkOf(op, delta, source), chunks: [] },
    } as const;
    made.set(op.versionId, version);
    commits.set(op.versionId, { commit: makeCommit(op, base, pair), version, answer });
  }
  return { commits, later: [] };
}

type Base = StatePair & { readonly versionId: string };

/** Undefined where it cannot be had now; resolves with undefined where there is none. */
function findBase(
  { parents }: RecordVersionOp,
  made: ReadonlyMap<string, ReadyVersion>,
  source: ResumeSource,
): Promise<Base | undefined> | undefined {
  const [versionId = ''] = parents;
  const before = made.get(versionId);
  if (before !== undefined) return Promise.resolve({ versionId, tree: before.tree, open: before.open });
  const head = source.head();
  if (head.versionId === versionId) return Promise.resolve(head);
  return source.treeOf(versionId)?.then(async (tree) => tree && { versionId, tree, open: await source.open(tree) });
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
  base: Base,
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
