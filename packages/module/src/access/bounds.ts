/**
 * How far others than the owner may make tables grow that no setting bounds. The owner is never held up by them, so that
 * nobody can fill a table against the owner.
 */
import { refuse } from '../refusals/refused.ts';
import type { Context } from '../schema/database.ts';
import { MAX_CONNECTIONS, MAX_IDENTITY_CONNECTIONS, MAX_SCOPES } from '../wire/limits.ts';
import type { Access } from './access.ts';

/** How much there is of something, and how much there may be. */
export interface Bound {
  readonly what: string;
  readonly held: bigint;
  readonly limit: number;
}

/** Refuses one more with `limit/storage`, unless it is the owner's. */
export function requireBelow(access: Access, { what, held, limit }: Bound): void {
  if (access.isOwner || held < BigInt(limit)) return;
  refuse('limit/storage', `There are ${held} ${what}; at ${limit} only the owner may add one. Remove some first.`, {
    details: { what, held: held.toString(), limit },
  });
}

/** Refuses a request that made scopes beyond the bound; `before` is how many there were. */
export function requireScopes({ db }: Pick<Context, 'db'>, access: Access, before: bigint): void {
  const made = db.scope.count() - before;
  if (made > 0n) requireBelow(access, { what: 'scopes', held: before + made - 1n, limit: MAX_SCOPES });
}

/** Refuses a connection beyond those that the caller, or all others than the owner together, may have. */
export function requireConnections({ db, sender }: Context): void {
  const own = [...db.clientConnection.identity.filter(sender)].length;
  if (own < MAX_IDENTITY_CONNECTIONS && db.clientConnection.count() < BigInt(MAX_CONNECTIONS)) return;
  const why = own < MAX_IDENTITY_CONNECTIONS ? `${MAX_CONNECTIONS} are open in all` : `you have ${own} open`;
  refuse('connection/refused', `There is no room for another connection: ${why}. Close one first.`, {
    ids: [sender.toHexString()],
    details: { connections: own, limit: MAX_IDENTITY_CONNECTIONS },
  });
}
