import type { Context } from 'hono';
import type { Credentials } from '../identity/claims.ts';
import { identityToHex } from '../identity/identity.ts';

/**
 * Who may create databases over the network: the host's owner and the identities that its configuration names.
 * Whoever publishes a module owns the machine, so an identity that the host gives to anybody is none of them.
 */
export class Publishers {
  readonly #identities: ReadonlySet<bigint>;

  constructor(owner: bigint, others: readonly bigint[] = []) {
    this.#identities = new Set([owner, ...others]);
  }

  mayCreate({ identity }: Credentials): boolean {
    return this.#identities.has(identity);
  }
}

/** The answer to somebody who may not create a database, in the words of SpacetimeDB where there are such. */
export function refuseCreation(context: Context, name: string | undefined, { identity }: Credentials): Response {
  if (name !== undefined) return context.json({ PermissionDenied: { name } }, 401);
  return context.text(`${identityToHex(identity)} is not among the publishers of this host`, 401);
}
