import { HostError, type HostErrorCode } from '../errors.ts';

/** HTTP statuses of the host's errors; any other error is 500. */
const STATUS_BY_CODE: Partial<Record<HostErrorCode, number>> = {
  'server/bad-request': 400,
  'host/invalid-name': 400,
  'identity/invalid-token': 401,
  'identity/unknown-issuer': 401,
  'identity/forbidden': 403,
  'host/database-not-found': 404,
  'database/closed': 503,
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
