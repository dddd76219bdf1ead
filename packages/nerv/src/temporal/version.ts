import { missing, NervError } from '../errors.ts';
import { chainHash, type ChainHashParts } from '../hash/version-hash.ts';
import { parseJson } from '../values/decode.ts';

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
  /**
   * The JSON Patch, as canonical text, from the first parent's state (after compaction, from the nearest one before it
   * that is there); from `null` for a root.
   */
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

/**
 * A line of versions that compaction left out, each the only parent of the next. What their chain hashes cover is kept,
 * so the chain verifies from end to end.
 */
export interface CompactedRun {
  /** The last one's id: what the version after the run has as its parent. */
  readonly id: string;
  /** The last one's chain hash. */
  readonly chainHash: string;
  /** The version before the run. */
  readonly ancestor: string;
  /** JSON text: for each, oldest first, `[data hash, author, "authored at, in microseconds", description]`. */
  readonly headers: string;
}

/** A whole history as plain data: what `restoreHistory` takes. */
export interface HistoryExport {
  readonly format: 'nerv/history/1';
  /** Each after its parents. */
  readonly versions: readonly VersionRecord[];
  /** What compaction left out between them. */
  readonly compacted?: readonly CompactedRun[] | undefined;
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
  return missing('state/version-not-found', 'version, tag or branch', { reference });
}

/** The error for a version that compaction left out. */
export function versionCompacted(reference: string): NervError {
  return new NervError(
    'state/version-compacted',
    `Version '${reference}' was left out when the history was compacted. Tag what must stay, or read it from a backup.`,
    { details: { reference } },
  );
}

/** What a compacted run keeps of each version, oldest first. @throws `state/corrupt-version`, `value/malformed` */
export function readHeaders({ id, headers }: CompactedRun): Omit<ChainHashParts, 'parents'>[] {
  const list: unknown = parseJson(headers);
  if (!Array.isArray(list)) throw badHeaders(id);
  return list.map((header: unknown) => {
    if (!Array.isArray(header) || header.length !== 4 || header.some((part) => typeof part !== 'string')) {
      throw badHeaders(id);
    }
    const [dataHash, author, micros, description] = header as [string, string, string, string]; // checked above
    if (!/^-?[0-9]+$/.test(micros)) throw badHeaders(id);
    return { dataHash, author, authoredAtMicros: BigInt(micros), description };
  });
}

function badHeaders(id: string): NervError {
  return new NervError(
    'state/corrupt-version',
    `What is kept of the versions left out up to '${id}' is damaged. Restore the history from a good copy.`,
    { details: { versionId: id } },
  );
}
