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
