import { HostError, type HostErrorCode } from '../errors.ts';

/** HTTP statuses of the host's errors; any other error is 500. */
const STATUS_BY_CODE: Partial<Record<HostErrorCode, number>> = {
  'server/bad-request': 400,
  'server/unsupported-media-type': 415,
  'host/invalid-name': 400,
  'identity/token-required': 401,
  'identity/invalid-token': 401,
  'identity/unknown-issuer': 401,
  'identity/forbidden': 403,
  'host/database-locked': 403,
  'host/database-not-found': 404,
  'host/database-exists': 409,
  'host/name-taken': 409,
  'server/body-too-large': 413,
  'server/overloaded': 503,
  'identity/issuer-unavailable': 503,
  'database/closed': 503,
  'database/overloaded': 503,
  'database/stopped': 503,
  'database/thread-ended': 503,
  'database/read-only': 503,
  'storage/write-failed': 503,
  'storage/overloaded': 503,
  'host/closed': 503,
  'server/closed': 503,
};

/** An answer that tells a client of an error. */
export interface HttpFailure {
  readonly status: number;
  readonly text: string;
}

/** What a client is told of an error: its message when it is meant for clients, else nothing but that it happened. */
export function describeFailure(error: unknown): HttpFailure {
  const status = error instanceof HostError ? STATUS_BY_CODE[error.code] : undefined;
  if (status === undefined || !(error instanceof HostError)) return { status: 500, text: 'internal error of the host' };
  return { status, text: error.message };
}
