/**
 * Every code a `HostError` may carry, by the part that raises it. Callers may rely on a code; messages may change.
 */
export type HostErrorCode =
  // bsatn
  | 'bsatn/malformed'
  | 'bsatn/unencodable'
  // schema
  | 'schema/invalid'
  | 'schema/unsupported'
  // datastore
  | 'datastore/not-in-transaction'
  | 'datastore/decode-failed'
  | 'datastore/no-such-table'
  | 'datastore/no-such-index'
  | 'datastore/range-unsupported'
  | 'datastore/unique-violation'
  | 'datastore/schedule-delay-too-long'
  | 'datastore/index-not-unique'
  | 'datastore/no-such-row'
  | 'datastore/malformed-row'
  | 'datastore/read-only'
  | 'datastore/constraint-unmet'
  // storage
  | 'storage/corrupt'
  | 'storage/write-failed'
  | 'storage/read-failed'
  | 'storage/in-use'
  | 'storage/overloaded'
  | 'storage/newer-version'
  | 'storage/not-a-database'
  | 'storage/closed'
  | 'storage/record-too-large'
  | 'storage/not-authentic'
  | 'salvage/no-program'
  // sats-json
  | 'sats-json/malformed'
  | 'sats-json/mismatch'
  | 'sats-json/limit'
  // query and subscriptions
  | 'query/invalid'
  | 'query/unsupported'
  | 'query/limit'
  | 'subscription/duplicate'
  | 'subscription/not-found'
  // views
  | 'view/failed'
  // module
  | 'module/not-found'
  | 'module/bundle-failed'
  | 'module/load-failed'
  | 'module/unsupported'
  | 'module/call-failed'
  | 'module/timeout'
  // outbound HTTP of modules
  | 'outbound-http/failed'
  // database
  | 'database/closed'
  | 'database/in-thread'
  | 'database/overloaded'
  | 'database/stopped'
  | 'database/thread-ended'
  | 'database/read-only'
  | 'database/busy'
  | 'database/corrupt'
  | 'database/init-failed'
  | 'database/migration-refused'
  | 'database/breaks-clients'
  | 'database/plan-outdated'
  | 'database/no-program'
  | 'database/newer-version'
  // host
  | 'host/closed'
  | 'host/database-not-found'
  | 'host/database-exists'
  | 'host/invalid-name'
  | 'host/name-taken'
  | 'host/names-damaged'
  | 'host/database-locked'
  | 'host/not-a-host'
  | 'host/credentials-missing'
  | 'host/newer-version'
  | 'host/key-required'
  | 'host/wrong-key'
  | 'host/key-damaged'
  | 'host/already-serving'
  | 'host/invalid-option'
  | 'host/not-serving'
  // protocol, session, identity, server
  | 'protocol/malformed'
  | 'protocol/limit'
  | 'session/closed'
  | 'session/limit'
  | 'identity/invalid-token'
  | 'identity/invalid-key'
  | 'identity/unknown-issuer'
  | 'identity/invalid-issuer'
  | 'identity/issuer-unavailable'
  | 'identity/forbidden'
  | 'identity/token-required'
  | 'server/address-in-use'
  | 'server/listen-failed'
  | 'server/bad-request'
  | 'server/unsupported-media-type'
  | 'server/body-too-large'
  | 'server/overloaded'
  | 'server/closed';

/** What an error of the host is made of; `details` is plain data and names the ids and values involved. */
export interface HostErrorInit {
  readonly code: HostErrorCode;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
  /** Whether the same call may succeed later without a change. Default false. */
  readonly retryable?: boolean | undefined;
}

/**
 * Root of every operating error that the host raises: a conflict, a limit, damage, bad input. Bugs of the host are
 * plain `Error`s thrown by `assert` and `unreachable`.
 */
export class HostError extends Error {
  readonly code: HostErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;

  constructor(init: HostErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = new.target.name;
    this.code = init.code;
    this.details = init.details ?? {};
    this.retryable = init.retryable ?? false;
  }
}

/** The text of a thrown value of any kind and realm, for messages and logs. */
export function errorMessage(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return String(thrown.message);
  return String(thrown);
}
