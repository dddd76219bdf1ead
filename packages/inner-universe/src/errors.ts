import {
  EntityNotFoundError,
  NervError,
  RelationNotFoundError,
  VersionConflictError,
  type NervErrorOptions,
} from '@inner-universe/nerv';
import { tryParseRefusal, type Refusal, type RefusalCode } from '@inner-universe/module/wire';

/** Codes of what only persistence can throw, beside the module's own refusals. */
export type PersistenceErrorCode =
  | RefusalCode
  | 'config/invalid'
  | 'connection/unreachable'
  | 'connection/refused'
  | 'connection/unauthorized'
  | 'connection/no-such-database'
  | 'connection/schema-mismatch'
  | 'connection/lost'
  | 'connection/closed'
  | 'connection/timeout'
  | 'connection/failed'
  | 'connection/identity-changed'
  | 'connection/no-token'
  | 'connection/circuit-open'
  | 'connection/untrusted'
  | 'server/unreachable'
  | 'server/unauthorized'
  | 'server/forbidden'
  | 'server/no-such-database'
  | 'server/refused'
  | 'server/failed'
  | 'deployment/not-a-universe'
  | 'deployment/refused'
  | 'deployment/not-allowed'
  | 'deployment/needs-migration'
  | 'deployment/not-verified'
  | 'migration/invalid'
  | 'migration/changed'
  | 'migration/out-of-order'
  | 'migration/function-failed'
  | 'migration/contended'
  | 'migration/no-progress'
  | 'universe/in-use'
  | 'universe/not-a-universe'
  | 'universe/newer-version'
  | 'universe/corrupt'
  | 'universe/key-required'
  | 'universe/wrong-key'
  | 'universe/storage-failed'
  | 'universe/open-failed'
  | 'universe/closed'
  | 'page/gap'
  | 'page/scopes-cut'
  | 'graph/too-large'
  | 'client/queue-full'
  | 'consumer/mismatch'
  | 'consumer/running'
  | 'consumer/closed'
  | 'consumer/event-failed'
  | 'consumer/event-gone'
  | 'consumer/effects-too-large'
  | 'consumer/transaction-ended'
  | 'client/outcome-unknown'
  | 'outbox/full'
  | 'outbox/in-use'
  | 'outbox/corrupt'
  | 'outbox/storage-failed'
  | 'outbox/kept'
  | 'outbox/not-rejected'
  | 'outbox/discarded'
  | 'encryption/invalid-policy'
  | 'encryption/invalid-keys'
  | 'encryption/key-store-busy'
  | 'encryption/not-authentic'
  | 'encryption/in-list'
  | 'encryption/not-searchable'
  | 'encryption/not-indexable'
  | 'event/newer-version'
  | 'event/missing-upcaster'
  | 'event/upcast-failed'
  | 'archive/damaged'
  | 'archive/gap'
  | 'archive/in-use'
  | 'archive/newer-format'
  | 'archive/not-owner'
  | 'archive/other-universe';

/**
 * The root of every error that only persistence can cause: a lost connection, a refusal, a damaged directory.
 * `retryable` says whether the same call may succeed later unchanged.
 */
export class NervPersistenceError extends NervError<PersistenceErrorCode> {
  override readonly name: string = 'NervPersistenceError';
}

/**
 * The connection ended, or never was. A call that was on its way ended as *unknown*: it may have been applied.
 * Sending it again under the same request id is safe.
 */
export class ConnectionError extends NervPersistenceError {
  override readonly name: string = 'ConnectionError';
}

/** The module refused a request or a read; nothing of it was applied. `op` is the index of the refused op, if one was. */
export class RefusedError extends NervPersistenceError {
  override readonly name: string = 'RefusedError';
  readonly op: number | undefined;
  readonly ids: readonly string[];
  readonly #refusal: Refusal;

  constructor(refusal: Refusal, options: Pick<NervErrorOptions, 'cause'> = {}) {
    super(refusal.code, refusal.message, {
      details: { ...refusal.details, ids: refusal.ids, ...(refusal.op === null ? {} : { op: refusal.op }) },
      cause: options.cause,
      retryable: refusal.code === 'limit/rate' || refusal.code === 'schema/migrating',
    });
    this.op = refusal.op ?? undefined;
    this.ids = refusal.ids;
    this.#refusal = refusal;
  }

  /** The same refusal as somebody sees it whose ops begin at this index of the request. */
  from(first: number): RefusedError {
    const { op } = this.#refusal;
    return new RefusedError({ ...this.#refusal, op: op === null ? null : op - first }, { cause: this.cause });
  }
}

/** How the embedded host begins its answer to a write that its storage no longer takes. */
const READ_ONLY_TEXT = 'the database takes no more writes';

/**
 * The typed error of what came back from a reducer or procedure: NERV's own classes where they say it, else
 * `RefusedError`; a text that is not a refusal of the module becomes `connection/failed`.
 */
export function makeCallError(name: string, cause: unknown): NervError<string> {
  if (cause instanceof NervError) return cause;
  const text = typeof cause === 'string' ? cause : cause instanceof Error ? cause.message : String(cause);
  const refusal = tryParseRefusal(text);
  if (refusal === undefined && text.startsWith(READ_ONLY_TEXT)) {
    return new NervPersistenceError('universe/storage-failed', `The write '${name}' was not stored: ${text}`, {
      details: { call: name },
      cause,
    });
  }
  if (refusal === undefined) {
    return new NervPersistenceError('connection/failed', `The call of '${name}' failed on the other side: ${text}`, {
      details: { call: name },
      cause,
    });
  }
  return makeTyped(new RefusedError(refusal, { cause }));
}

/** The error for what is not there or may not be seen by its caller: which of both, nobody is told. */
export function makeNotVisible(
  kind: 'entity' | 'relation',
  id: string,
  options: Pick<NervErrorOptions, 'cause'> = {},
): EntityNotFoundError | RelationNotFoundError {
  const error = kind === 'entity' ? new EntityNotFoundError(id, options) : new RelationNotFoundError(id, options);
  error.message = `The ${kind} '${id}' was not found, or is not visible to you: check its id, and that you may read it.`;
  return error;
}

/** The refusal that an error is, or that it was made of: NERV's own classes carry it as their cause. */
export function refusalOf(error: unknown): RefusedError | undefined {
  if (error instanceof RefusedError) return error;
  return error instanceof NervError && error.cause instanceof RefusedError ? error.cause : undefined;
}

/** The typed error of a refusal as somebody sees it whose ops begin at this index of the request. */
export function makeRefusalFrom(refused: RefusedError, first: number): NervError<string> {
  return makeTyped(first === 0 ? refused : refused.from(first));
}

function makeTyped(refused: RefusedError): NervError<string> {
  const [id = ''] = refused.ids;
  switch (refused.code) {
    case 'entity/not-found':
      return makeNotVisible('entity', id, { cause: refused });
    case 'relation/not-found':
      return makeNotVisible('relation', id, { cause: refused });
    case 'state/version-conflict': {
      const { branch, expectedHead, head } = refused.details;
      const details = { branch: String(branch), expectedHead: textOf(expectedHead), actualHead: textOf(head) };
      return new VersionConflictError(details, { cause: refused });
    }
    default:
      return refused;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
