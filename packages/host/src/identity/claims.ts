import { HostError } from '../errors.ts';
import { deriveIdentity, identityToHex } from './identity.ts';

/** The issuer of the tokens that a host makes itself. */
export const LOCAL_ISSUER = 'localhost';

/** Longest issuer and subject that are accepted, in bytes of UTF-8. */
const CLAIM_BYTES_MAX = 128;

/** Who a verified token speaks for. */
export interface Credentials {
  readonly identity: bigint;
  readonly issuer: string;
  readonly subject: string;
  /** The token's payload exactly as it was signed: what a module sees as the caller's claims. */
  readonly jwtPayload: string;
  /** Seconds since the epoch; undefined for tokens that do not expire. */
  readonly expiresAtSeconds: number | undefined;
}

/**
 * Reads the claims of a token whose signature was verified. An `exp` of null counts as absent: official servers write
 * it so.
 * @throws {HostError} `identity/invalid-token` when a claim is missing, malformed or expired, or when `hex_identity`
 * is not the identity that issuer and subject give.
 */
export function parseClaims(jwtPayload: string, nowSeconds: number): Credentials {
  const claims = parseObject(jwtPayload);
  const issuer = boundedText(claims['iss'], 'Issuer');
  const subject = boundedText(claims['sub'], 'Subject');
  if (typeof claims['iat'] !== 'number') throw invalidToken('the claim iat is missing.');
  const expiresAtSeconds = optionalSeconds(claims['exp'], 'exp');
  if (expiresAtSeconds !== undefined && expiresAtSeconds <= nowSeconds) throw invalidToken('ExpiredSignature');
  const notBeforeSeconds = optionalSeconds(claims['nbf'], 'nbf');
  if (notBeforeSeconds !== undefined && notBeforeSeconds > nowSeconds) throw invalidToken('ImmatureSignature');
  const identity = deriveIdentity(issuer, subject);
  const claimed = claims['hex_identity'];
  if (claimed !== undefined && claimed !== null && claimed !== identityToHex(identity)) {
    throw invalidToken(`Identity mismatch: issuer and subject give ${identityToHex(identity)}.`);
  }
  return { identity, issuer, subject, jwtPayload, expiresAtSeconds };
}

/** An `identity/invalid-token` error. The text must not contain the token. */
export function invalidToken(reason: string, cause?: unknown): HostError {
  return new HostError({ code: 'identity/invalid-token', message: `Invalid token: ${reason}`, cause });
}

function parseObject(jwtPayload: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(jwtPayload);
  } catch {
    // The parser's message quotes what it read, which is part of a credential.
    throw invalidToken('the payload is not JSON.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalidToken('the payload is not a JSON object.');
  }
  // A non-null object that is no array: its properties are unknown until each is checked.
  return parsed as Readonly<Record<string, unknown>>;
}

function boundedText(claim: unknown, label: string): string {
  if (typeof claim !== 'string') throw invalidToken(`${label} missing`);
  const bytes = new TextEncoder().encode(claim).length;
  if (bytes === 0) throw invalidToken(`${label} empty`);
  if (bytes > CLAIM_BYTES_MAX) throw invalidToken(`${label} too long: ${bytes} bytes, at most ${CLAIM_BYTES_MAX}`);
  return claim;
}

function optionalSeconds(claim: unknown, name: string): number | undefined {
  if (claim === undefined || claim === null) return undefined;
  if (typeof claim !== 'number') throw invalidToken(`the claim ${name} is not a number.`);
  return claim;
}
