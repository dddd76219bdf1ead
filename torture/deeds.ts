import { join } from 'node:path';

/** One thing that a writer wants done. Its `id` is of the event, version, entity or relation. */
export type Deed =
  | { readonly type: 'event'; readonly id: string; readonly key: string }
  | { readonly type: 'commit'; readonly id: string; readonly style: 'own-field' | 'shared-total' }
  | { readonly type: 'create'; readonly id: string }
  | { readonly type: 'create-pair'; readonly id: string; readonly other: string; readonly relation: string }
  | { readonly type: 'update'; readonly id: string; readonly value: number }
  | { readonly type: 'delete'; readonly id: string }
  /** A name for a version of the board that was acknowledged to this writer. */
  | { readonly type: 'tag'; readonly id: string; readonly version: string }
  /** A branch of the writer's own store: a commit on it, one beside it, and the merge of both. */
  | { readonly type: 'merge'; readonly id: string }
  /** An entity with a property that nobody without the key can read. */
  | { readonly type: 'secret'; readonly id: string };

/** A line in the journal of a writer. Deeds are numbered over all its runs. */
export type WriterEntry =
  | { readonly at: number; readonly run: number; readonly pid: number }
  | { readonly at: number; readonly begin: number; readonly deed: Deed }
  | { readonly at: number; readonly done: number }
  | { readonly at: number; readonly refused: number; readonly code: string }
  /** What was begun up to there is answered, or lies in the outbox durably. */
  | { readonly at: number; readonly secured: number }
  /** What the outbox set aside, by the ids of its ops. */
  | { readonly at: number; readonly rejected: readonly string[]; readonly code: string }
  | { readonly at: number; readonly error: string };

/** A line in the journal of a reader. */
export type ReaderEntry =
  | { readonly at: number; readonly run: number; readonly pid: number }
  | { readonly seq: number; readonly id: string }
  | { readonly at: number; readonly error: string };

/** What a reader holds when it has caught up. */
export interface Held {
  readonly lastSeq: number;
  readonly entities: string;
  readonly relations: string;
  readonly board: string;
  readonly boardVersion: string;
}

/** A state that all writers commit to. */
export interface Board {
  /** Commits that raised it. Only these touch it. */
  total: number;
  /** The last commit of each writer to a field of its own. */
  own: Record<string, number>;
}

/** A state that one writer branches and merges: what was committed on branches, and beside them. */
export interface Side {
  branched: Record<string, number>;
  beside: Record<string, number>;
}

export const EMPTY_SIDE: Side = { branched: {}, beside: {} };

/** The store that a writer branches. */
export function sideOf(writer: string): string {
  return `side-${writer}`;
}

/** What handlers commit for each partition. */
export interface Tally {
  count: number;
  lastSeq: number;
}

export const BOARD = 'board';
export const CONSUMER = 'tally';
export const PARTITIONS = 4;
export const EMPTY_BOARD: Board = { total: 0, own: {} };

/** What a worker publishes for each event that it handled. */
export interface Counted {
  readonly of: string;
  readonly seq: number;
  readonly partition: number;
  readonly by: string;
}
/** The consumer that begins when everything is over. */
export const LATE_CONSUMER = 'late';
/** Between these lies what the archiver leaves in the log. */
export const KEPT_MIN = 20;
export const KEPT_MAX = 400;

/** Where the archive of a run lies. */
export function archiveIn(directory: string): string {
  return join(directory, 'archive');
}
