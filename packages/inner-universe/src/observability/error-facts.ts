import { NervError } from '@inner-universe/nerv';

/** Messages of these codes quote what they are about, or what somebody else's code said. */
const QUOTING_CODES: ReadonlySet<string> = new Set([
  'value/malformed',
  'event/invalid-data',
  'connection/failed',
  'module/internal',
]);

/** What is told of an error where nobody may read what it is about: plain data. */
export interface ErrorFacts {
  /** Name of its class. */
  readonly name: string;
  /** Its code; `other` where it has none of ours. */
  readonly code: string;
  /** What it says; only of errors of ours whose messages name ids and limits, and hold no data. */
  readonly message?: string | undefined;
  readonly retryable?: boolean | undefined;
}

/** The code of an error of ours, of whatever package; `aborted` when it was called off, `other` for any other. */
export function errorCodeOf(error: unknown): string {
  if (error instanceof NervError) return error.code;
  if (!(error instanceof Error)) return 'other';
  if (error.name === 'AbortError') return 'aborted';
  // The classes of the host and of encryption are no NervErrors, and are known by the form of their codes.
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && /^[a-z-]{1,32}\/[a-z-]{1,48}$/.test(code) ? code : 'other';
}

/** What may be written down of an error. Messages of other people's errors may hold anything, and are left out. */
export function errorFactsOf(error: unknown): ErrorFacts {
  const code = errorCodeOf(error);
  if (!(error instanceof Error)) return { name: typeof error, code };
  const { name } = error;
  if (!(error instanceof NervError)) return { name, code };
  const { message, retryable } = error;
  return QUOTING_CODES.has(code) ? { name, code, retryable } : { name, code, message, retryable };
}
