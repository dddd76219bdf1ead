import type { Context } from 'hono';
import { HostError } from '../errors.ts';
import type { Credentials } from '../identity/claims.ts';
import { identityToHex } from '../identity/identity.ts';
import type { VerifiedToken } from '../identity/token-authority.ts';
import { findDatabase } from '../session/admission.ts';
import type { ServedDatabase, ServedHost } from '../session/served-host.ts';
import { readToken } from './bearer-token.ts';

/*
 * Who may do what over HTTP. Nothing is allowed because of where a request comes from, and nothing that needs a right
 * reads the request's body before the right is checked.
 */

/** Tells a client who it is: as official servers do, under these names. */
const IDENTITY_HEADER = 'spacetime-identity';
const TOKEN_HEADER = 'spacetime-identity-token';

/** A request of a database's owner. */
export interface OwnerRequest {
  readonly target: ServedDatabase;
  readonly credentials: Credentials;
}

/** The token that a request carries; undefined without one. @throws {HostError} `server/bad-request` */
export function requestToken(context: Context): string | undefined {
  return readToken(context.req.header('authorization'), new URL(context.req.url).searchParams);
}

/** Who a request comes from; undefined without a credential. @throws {HostError} for a credential that is bad. */
export async function tryAuthenticate(context: Context, host: ServedHost): Promise<Credentials | undefined> {
  const token = requestToken(context);
  if (token === undefined) return undefined;
  const credentials = await host.tokens.verify(token);
  context.header(IDENTITY_HEADER, identityToHex(credentials.identity));
  return credentials;
}

/** Who a request comes from. @throws {HostError} `identity/token-required` without a credential. */
export async function authenticate(context: Context, host: ServedHost): Promise<Credentials> {
  const credentials = await tryAuthenticate(context, host);
  if (credentials !== undefined) return credentials;
  throw new HostError({ code: 'identity/token-required', message: 'Authorization required' });
}

/**
 * Who a request comes from; without a credential somebody new, who is told its identity and token in the answer's
 * headers. A token that the client sent is never sent back.
 */
export async function authenticateOrIssue(context: Context, host: ServedHost): Promise<VerifiedToken> {
  const token = requestToken(context);
  if (token === undefined) {
    const issued = await host.tokens.issue();
    context.header(IDENTITY_HEADER, identityToHex(issued.identity));
    context.header(TOKEN_HEADER, issued.token);
    return issued;
  }
  const credentials = await host.tokens.verify(token);
  context.header(IDENTITY_HEADER, identityToHex(credentials.identity));
  return { credentials, token };
}

/**
 * The database that the path names, for a request of its owner. `action` completes "is not authorized to perform
 * action on database X: …".
 * @throws {HostError} `identity/token-required`, `host/database-not-found`, `identity/forbidden`
 */
export async function authorizeOwner(context: Context, host: ServedHost, action: string): Promise<OwnerRequest> {
  const credentials = await authenticate(context, host);
  const target = findDatabase(host, context.req.param('name') ?? '');
  assertOwner(target, credentials, action);
  return { target, credentials };
}

/** @throws {HostError} `identity/forbidden` when the database belongs to somebody else. */
export function assertOwner({ database }: ServedDatabase, credentials: Credentials, action: string): void {
  if (database.owner === credentials.identity) return;
  const [identity, owned] = [identityToHex(credentials.identity), identityToHex(database.identity)];
  throw new HostError({
    code: 'identity/forbidden',
    message: `${identity} is not authorized to perform action on database ${owned}: ${action}`,
    details: { identity, database: owned, action },
  });
}
