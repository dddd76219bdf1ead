import { NervError, type NervErrorCode } from '@inner-universe/nerv';
import { RefusedError } from '../errors.ts';

/** What a refusal of the module is called by those who know stores and branches. */
const CODES: Readonly<Record<string, NervErrorCode>> = {
  'branch/not-found': 'state/branch-not-found',
  'state/unknown-version': 'state/version-not-found',
  'state/unknown-store': 'state/version-not-found',
  'tag/exists': 'state/tag-exists',
  'tag/not-found': 'state/tag-not-found',
  'value/malformed': 'state/invalid-argument',
};

/** The error as every `TemporalStore` throws it; any other error as it is. */
export function asStateError(error: unknown, store: string): unknown {
  if (!(error instanceof RefusedError)) return error;
  const code = CODES[error.code];
  if (code === undefined) return error;
  return new NervError(code, error.message, { details: { ...error.details, store }, cause: error });
}

/** The error for a branch that cannot be made because there is one of its name. */
export function makeBranchExists(store: string, branch: string, cause: unknown): NervError {
  return new NervError(
    'state/branch-exists',
    `Store '${store}' has a branch '${branch}' already. Choose another name.`,
    { details: { branch }, cause },
  );
}

/** The error for a branch that cannot be deleted because it is checked out. */
export function makeCheckedOut(branch: string): NervError {
  return new NervError(
    'state/invalid-argument',
    `Branch '${branch}' is checked out. Switch to another before deleting it.`,
    { details: { branch } },
  );
}

/** The error for a branch that cannot be moved on to a version because that does not descend from its head. */
export function makeNotFastForward(details: { branch: string; head: string; target: string }): NervError {
  const { branch, head, target } = details;
  return new NervError(
    'state/not-fast-forward',
    `Version '${target}' does not descend from '${head}', the head of '${branch}'. Merge it instead.`,
    { details },
  );
}
