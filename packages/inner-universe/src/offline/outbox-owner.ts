import { sha256Hex } from '@inner-universe/nerv/hash';
import type { OutboxOwner } from './outbox.ts';

/** The name under which an owner's part of an outbox is kept: the same for the same owner, and of no use without it. */
export function ownerKey({ target, database, subject }: OutboxOwner): string {
  return sha256Hex(JSON.stringify([target, database, subject])).slice(0, 32);
}

/**
 * Whom a token speaks for, as a text without secrets that stays the same when the token is renewed. Nothing is verified:
 * that is the server's to do; here it only tells what belongs together. Without a token nobody is the same twice.
 */
export function subjectOf(token: string): string {
  const claims = tryReadClaims(token);
  if (claims !== undefined) {
    const { hex_identity: identity, iss, sub } = claims;
    if (typeof identity === 'string' && /^[0-9a-f]{64}$/.test(identity)) return `identity ${identity}`;
    if (typeof iss === 'string' && typeof sub === 'string') return `claims ${JSON.stringify([iss, sub])}`;
  }
  return `token ${sha256Hex(token)}`;
}

function tryReadClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  const [, payload] = token.split('.');
  if (payload === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    // A non-null object: its properties are unknown until each is checked.
    return typeof claims === 'object' && claims !== null ? (claims as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    // What is no JSON Web Token is a token all the same.
    return undefined;
  }
}
