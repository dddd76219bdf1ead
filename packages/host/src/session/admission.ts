import { randomBytes } from 'node:crypto';
import type { Caller } from '../database/calls.ts';
import { HostError, type HostErrorCode } from '../errors.ts';
import { identityToHex, makeConnectionId, parseConnectionId } from '../identity/identity.ts';
import type { RedeemedToken } from '../identity/token-authority.ts';
import type { ServedDatabase, ServedHost } from './served-host.ts';

/** What a client says when it asks to be connected. Everything is as it came from the client. */
export interface AdmissionRequest {
  /** Name or identity of the database. */
  readonly database: string;
  /** Absent: the client gets a new identity. */
  readonly token?: string | undefined;
  /** 32 hex digits. Absent: a random one. */
  readonly connectionId?: string | undefined;
}

/** An accepted client. `sessions.open` or `sessions.abandon` of its database must follow. */
export interface Admission {
  readonly target: ServedDatabase;
  readonly caller: Caller;
  readonly token: string;
  /** Until when its token lets it stay connected; undefined for ever. */
  readonly lastsUntilSeconds: number | undefined;
}

/**
 * Finds the database, verifies the token and asks the module. Whoever connects is let in by this function, whatever
 * the transport.
 * @throws {HostError} `host/database-not-found`, `server/bad-request`, `identity/invalid-token`,
 * `identity/unknown-issuer`, `identity/forbidden` when the module refuses or the connection id is somebody else's.
 */
export async function admit(host: ServedHost, request: AdmissionRequest): Promise<Admission> {
  const target = findDatabase(host, request.database);
  const requestedId = request.connectionId === undefined ? undefined : parseConnectionId(request.connectionId);
  const { credentials, token, lastsUntilSeconds } = await verifyOrIssue(host, request.token);
  const connectionId = requestedId ?? makeConnectionId(randomBytes(16));
  const caller: Caller = { identity: credentials.identity, connectionId };
  const result = await target.sessions.admit(caller, credentials.jwtPayload);
  if (result.type === 'rejected') throw forbidden(result.message, caller);
  return { target, caller, token, lastsUntilSeconds };
}

/** @throws {HostError} `host/database-not-found` when the host has no such database. */
export function findDatabase(host: ServedHost, nameOrIdentity: string): ServedDatabase {
  const target = host.findDatabase(nameOrIdentity);
  if (target !== undefined) return target;
  const code: HostErrorCode = 'host/database-not-found';
  throw new HostError({ code, message: `\`${nameOrIdentity}\` not found`, details: { database: nameOrIdentity } });
}

async function verifyOrIssue(host: ServedHost, token: string | undefined): Promise<RedeemedToken> {
  if (token !== undefined) return host.tokens.redeem(token);
  return { ...(await host.tokens.issue()), lastsUntilSeconds: undefined };
}

function forbidden(message: string, caller: Caller): HostError {
  return new HostError({
    code: 'identity/forbidden',
    message,
    details: { identity: identityToHex(caller.identity) },
  });
}
