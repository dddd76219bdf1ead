/**
 * Every error that NERV throws on purpose. Callers may rely on `code` and `details`; messages may change.
 * Mistakes of NERV itself are `AssertionError`s (assert.ts) and never carry a code.
 */

/** The codes of all operating errors of NERV. The list is closed: a new code is added here first. */
export type NervErrorCode =
  | 'value/unsupported'
  | 'value/malformed'
  | 'value/too-deep'
  | 'value/too-large'
  | 'hash/malformed'
  | 'id/exhausted'
  | 'event/invalid'
  | 'event/invalid-pattern'
  | 'event/buffer-full'
  | 'event/timeout'
  | 'event/closed'
  | 'event/id-taken'
  | 'event/limit'
  | 'event/no-log'
  | 'event/no-history'
  | 'event/invalid-data'
  | 'state/invalid-argument'
  | 'state/invalid-patch'
  | 'state/patch-test-failed'
  | 'state/read-only'
  | 'state/draft-closed'
  | 'state/version-conflict'
  | 'state/version-not-found'
  | 'state/version-compacted'
  | 'state/id-taken'
  | 'state/not-fast-forward'
  | 'state/branch-not-found'
  | 'state/branch-exists'
  | 'state/tag-not-found'
  | 'state/tag-exists'
  | 'state/merge-conflict'
  | 'state/corrupt-version'
  | 'entity/not-found'
  | 'entity/id-taken'
  | 'entity/invalid'
  | 'entity/has-relations'
  | 'entity/seq-mismatch'
  | 'relation/not-found'
  | 'relation/id-taken'
  | 'relation/invalid'
  | 'relation/seq-mismatch'
  | 'relation/endpoint-missing'
  | 'graph/invalid-query'
  | 'graph/invalid-cursor'
  | 'graph/limit'
  | 'graph/cycle'
  | 'graph/closed'
  | 'graph/invalid-argument'
  | 'graph/no-history'
  | 'graph/history-trimmed'
  | 'pending/conflict'
  | 'pending/limit'
  | 'projection/invalid'
  | 'projection/failed'
  | 'projection/gap'
  | 'projection/limit'
  | 'projection/view-failed';

/** What an error is about, as plain data: ids, paths, limits. Never a live object. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Extras that any `NervError` takes. */
export interface NervErrorOptions {
  readonly details?: ErrorDetails | undefined;
  readonly cause?: unknown;
  readonly retryable?: boolean | undefined;
}

/**
 * The root of all operating errors. `code` is stable, `details` is plain data, `cause` is what led to it,
 * `retryable` says whether the same call may succeed later unchanged. Persistence adds codes of its own.
 */
export class NervError<Code extends string = NervErrorCode> extends Error {
  override readonly name: string = 'NervError';
  readonly code: Code;
  readonly details: ErrorDetails;
  readonly retryable: boolean;

  constructor(code: Code, message: string, options: NervErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.retryable = options.retryable ?? false;
  }
}

/** The error for a name, the first of the details, that nothing has. Internal, as the two below. */
export function missing(code: NervErrorCode, what: string, details: ErrorDetails): NervError {
  return new NervError(code, noSuch(what, firstOf(details)), { details });
}

/** The error for a name, the first of the details, that something else has. */
export function taken(code: NervErrorCode, what: string, details: ErrorDetails): NervError {
  const message = `There is already a ${what} '${firstOf(details)}': change that, or choose another name.`;
  return new NervError(code, message, { details });
}

/** The error for what was closed. */
export function closed(code: NervErrorCode, what: string): NervError {
  return new NervError(code, `The ${what} is closed. Make a new one.`);
}

function firstOf(details: ErrorDetails): string {
  return String(Object.values(details)[0]);
}

function noSuch(what: string, name: string): string {
  return `There is no ${what} '${name}': it was never made, or was deleted.`;
}

/** Where a branch really stands when a write expected it elsewhere. */
export interface VersionConflictDetails extends ErrorDetails {
  readonly branch: string;
  readonly expectedHead: string | undefined;
  readonly actualHead: string | undefined;
}

/** A write lost the race for a branch: `details` names the head it expected and the head there is. */
export class VersionConflictError extends NervError<'state/version-conflict'> {
  override readonly name: string = 'VersionConflictError';
  declare readonly details: VersionConflictDetails;

  constructor(details: VersionConflictDetails, options: { readonly cause?: unknown } = {}) {
    super(
      'state/version-conflict',
      `Branch '${details.branch}' is at ${details.actualHead ?? 'no version'}, not at ` +
        `${details.expectedHead ?? 'no version'}. Merge with its new head, or commit anew.`,
      { details, cause: options.cause },
    );
  }
}

/** One place that both sides of a merge changed differently. `undefined` stands for "is not there". */
export interface MergeConflict {
  /** RFC 6901 pointer into the encoded form. */
  readonly path: string;
  readonly base: unknown;
  readonly ours: unknown;
  readonly theirs: unknown;
}

/** What a merge could not decide. */
export interface MergeConflictDetails extends ErrorDetails {
  readonly ours: string;
  readonly theirs: string;
  readonly base: string | undefined;
  readonly conflicts: readonly MergeConflict[];
}

/** A merge that needs a decision; nothing was written. `details.conflicts` lists every place. */
export class MergeConflictError extends NervError<'state/merge-conflict'> {
  override readonly name: string = 'MergeConflictError';
  declare readonly details: MergeConflictDetails;

  constructor(details: MergeConflictDetails) {
    const places = details.conflicts.map((conflict) => `'${conflict.path}'`);
    const shown = places.slice(0, 5).join(', ') + (places.length > 5 ? ` and ${places.length - 5} more` : '');
    super(
      'state/merge-conflict',
      `Merging ${details.theirs} into ${details.ours} conflicts at ${shown}. ` +
        `Choose strategy 'ours' or 'theirs', or give a resolver.`,
      { details },
    );
  }
}

/** No entity has this id. */
export class EntityNotFoundError extends NervError<'entity/not-found'> {
  override readonly name: string = 'EntityNotFoundError';

  constructor(entityId: string, options: { readonly cause?: unknown } = {}) {
    super('entity/not-found', noSuch('entity', entityId), {
      details: { entityId },
      cause: options.cause,
    });
  }
}

/** No relation has this id. */
export class RelationNotFoundError extends NervError<'relation/not-found'> {
  override readonly name: string = 'RelationNotFoundError';

  constructor(relationId: string, options: { readonly cause?: unknown } = {}) {
    super('relation/not-found', noSuch('relation', relationId), {
      details: { relationId },
      cause: options.cause,
    });
  }
}
