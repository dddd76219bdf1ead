import { NervError } from '../errors.ts';
import { chainHash } from '../hash/version-hash.ts';

/** One immutable version: a node of the history. Its state is told apart, by `at`. */
export interface Version {
  readonly id: string;
  /** All parents, in order; the delta is against the first. None for a root. */
  readonly parents: readonly string[];
  /** The hash of the state, with its scheme. */
  readonly dataHash: string;
  /** Covers the parents' chain hashes, the data hash, author, authoring time and description (hash/version-hash.ts). */
  readonly chainHash: string;
  /** A label that the author claims, as in git. */
  readonly author: string;
  readonly authoredAtMicros: bigint;
  /** When the store took it in; not part of any hash. */
  readonly recordedAtMicros: bigint;
  readonly description: string;
}

/** A version as it is stored and sent. */
export interface VersionRecord extends Version {
  /** The JSON Patch, as canonical text, from the first parent's state; from `null` for a root. */
  readonly delta: string;
  /** The whole state as canonical text, where reading would otherwise take too many deltas. */
  readonly snapshot?: string | undefined;
}

/** One move of a branch. */
export interface BranchMove {
  readonly branch: string;
  /** Where it stood before; `undefined` when it was made. */
  readonly previous: string | undefined;
  /** Where it stands since; `undefined` when it was deleted. */
  readonly head: string | undefined;
  readonly recordedAtMicros: bigint;
}

/** A name for a version. */
export interface Tag {
  readonly name: string;
  readonly versionId: string;
}

/** A whole history as plain data: what `TemporalStore.restore` takes. */
export interface HistoryExport {
  readonly format: 'nerv/history/1';
  /** Each after its parents. */
  readonly versions: readonly VersionRecord[];
  readonly moves: readonly BranchMove[];
  readonly tags: readonly Tag[];
  /** The branch that is checked out. */
  readonly branch: string;
}

/** The chain hash that a version must have. */
export function expectedChainHash(
  version: Omit<Version, 'chainHash' | 'id' | 'recordedAtMicros'>,
  chainHashOf: (versionId: string) => string,
): string {
  return chainHash({ ...version, parents: version.parents.map(chainHashOf) });
}

/** The error for a version that nobody has. */
export function versionNotFound(reference: string): NervError {
  return new NervError('state/version-not-found', `There is no version, tag or branch '${reference}'. See log().`, {
    details: { reference },
  });
}
