import { randomBytes } from 'node:crypto';
import type { Caller } from '../database/calls.ts';
import { HostError } from '../errors.ts';
import type { Credentials } from '../identity/claims.ts';
import { identityToHex, makeConnectionId } from '../identity/identity.ts';
import type { DatabasePort, ServedDatabase } from '../session/served-host.ts';

/**
 * Does something as a client that is connected for just that time: the module is asked whether it lets the client in,
 * and told when it goes, also when the action fails or nobody waits for its answer any more.
 * @throws {HostError} `identity/forbidden` when the module refuses
 */
export async function withTemporaryClient<Result>(
  target: ServedDatabase,
  { identity, jwtPayload }: Credentials,
  action: (caller: Caller) => Promise<Result>,
): Promise<Result> {
  const caller: Caller = { identity, connectionId: makeConnectionId(randomBytes(16)) };
  const admission = await target.sessions.admit(caller, jwtPayload);
  if (admission.type === 'rejected') {
    const details = { identity: identityToHex(identity) };
    throw new HostError({ code: 'identity/forbidden', message: admission.message, details });
  }
  try {
    return await action(caller);
  } finally {
    target.sessions.abandon(caller);
  }
}

/**
 * Waits until all that can be read now is durable, so that an answer tells of nothing that may yet be lost.
 * @throws {StorageError} `storage/write-failed` when it will not be
 */
export async function whenReadDurable(database: DatabasePort): Promise<void> {
  const { nextOffset, isReadOnly } = await database.status();
  // Once the storage failed, what was not durable was taken back.
  if (nextOffset > 0n && !isReadOnly) await database.whenDurable(nextOffset - 1n);
}
