import { randomBytes } from 'node:crypto';
import type { Caller } from '../database/calls.ts';
import { HostError, type HostErrorCode } from '../errors.ts';
import { connectionIdToHex, identityToHex, makeConnectionId, parseConnectionId } from '../identity/identity.ts';
import type { VerifiedToken } from '../identity/token-authority.ts';
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
  const { credentials, token } = await verifyOrIssue(host, request.token);
  const connectionId = requestedId ?? makeConnectionId(randomBytes(16));
  const caller: Caller = { identity: credentials.identity, connectionId };
  await whenAnswerable(target);
  const holder = target.sessions.tryFind(connectionId);
  if (holder !== undefined && holder.caller.identity !== caller.identity) {
    throw forbidden(`the connection id ${connectionIdToHex(connectionId)} is in use`, caller);
  }
  const result = target.sessions.connect(caller, credentials.jwtPayload);
  if (result.type === 'rejected') throw forbidden(result.message, caller);
  return { target, caller, token };
}

/** @throws {HostError} `host/database-not-found` when the host has no such database. */
export function findDatabase(host: ServedHost, nameOrIdentity: string): ServedDatabase {
  const target = host.findDatabase(nameOrIdentity);
  if (target !== undefined) return target;
  const code: HostErrorCode = 'host/database-not-found';
  throw new HostError({ code, message: `\`${nameOrIdentity}\` not found`, details: { database: nameOrIdentity } });
}

/** To come is written down: who comes while the storage is behind waits. Nobody waits for one that failed. */
async function whenAnswerable({ database }: ServedDatabase): Promise<void> {
  if (database.writable || database.failure !== undefined) return;
  try {
    await database.whenWritable();
  } catch {
    // It failed for good, or is closed: the database answers accordingly, and lets in who only reads.
  }
}

function verifyOrIssue(host: ServedHost, token: string | undefined): Promise<VerifiedToken> {
  return token === undefined ? host.tokens.issue() : host.tokens.redeem(token);
}

function forbidden(message: string, caller: Caller): HostError {
  return new HostError({
    code: 'identity/forbidden',
    message,
    details: { identity: identityToHex(caller.identity) },
  });
}
