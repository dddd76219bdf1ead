import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose';
import type { Clock } from '../clock/clock.ts';
import { HostError } from '../errors.ts';
import { invalidToken } from './claims.ts';
import { ALGORITHMS, type Fetch, type IssuerKey, IssuerKeys } from './issuer-keys.ts';
import { assertTrustedIssuers, type TrustedIssuer } from './trusted-issuer.ts';

/** Keys that are tried for a token which does not name its key. */
const ATTEMPTS_MAX = 8;

/** Whom a host trusts beside itself. */
export interface ExternalTokensOptions {
  readonly issuers: readonly TrustedIssuer[];
  readonly fetch: Fetch;
  readonly clock: Clock;
}

/** Verifies tokens of the issuers that the configuration lists, and of nobody else: no other issuer is even asked. */
export class ExternalTokens {
  readonly #issuers: ReadonlyMap<string, { readonly trusted: TrustedIssuer; readonly keys: IssuerKeys }>;

  /** @throws {HostError} `identity/invalid-issuer` */
  constructor({ issuers, fetch, clock }: ExternalTokensOptions) {
    assertTrustedIssuers(issuers);
    this.#issuers = new Map(
      issuers.map((trusted) => [trusted.issuer, { trusted, keys: new IssuerKeys(trusted, fetch, clock) }]),
    );
  }

  /**
   * The payload of a token, once its issuer is one of ours, the signature is that issuer's, and the token is meant for
   * us. The other claims are the caller's to check.
   * @throws {HostError} `identity/invalid-token`, `identity/unknown-issuer`, `identity/issuer-unavailable`
   */
  async verifiedPayload(token: string): Promise<string> {
    const { issuer, audience, algorithm, keyId } = readUnverified(token);
    const known = this.#issuers.get(issuer);
    if (known === undefined) throw unknownIssuer();
    if (!ALGORITHMS.includes(algorithm)) throw invalidToken('InvalidAlgorithm');
    const keys = await known.keys.find(keyId, algorithm);
    if (keys.length === 0) throw invalidToken('Specified key ID not found in JWKs');
    for (const { key } of keys.slice(0, ATTEMPTS_MAX)) {
      const payload = await tryVerify(token, key, algorithm);
      if (payload === undefined) continue;
      // What was read before the signature was checked is what was signed: it is the same text.
      if (!isMeantForUs(known.trusted, audience)) throw invalidToken('InvalidAudience');
      return payload;
    }
    throw invalidToken('InvalidSignature');
  }
}

/** The `identity/unknown-issuer` error. */
export function unknownIssuer(): HostError {
  return new HostError({
    code: 'identity/unknown-issuer',
    message: 'Invalid token: it was not signed by this host, nor by an issuer that is trusted here.',
  });
}

interface UnverifiedToken {
  readonly issuer: string;
  readonly audience: unknown;
  readonly algorithm: string;
  readonly keyId: string | undefined;
}

function readUnverified(token: string): UnverifiedToken {
  try {
    const { iss, aud } = decodeJwt(token);
    const { alg, kid } = decodeProtectedHeader(token);
    return { issuer: typeof iss === 'string' ? iss : '', audience: aud, algorithm: alg ?? '', keyId: kid };
  } catch {
    // What jose reports may quote parts of the token; the reason is told in our own words.
    throw invalidToken('it is not a JSON web token.');
  }
}

async function tryVerify(token: string, key: IssuerKey['key'], algorithm: string): Promise<string | undefined> {
  try {
    const { payload } = await compactVerify(token, key, { algorithms: [algorithm] });
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    // Not signed with this key.
    return undefined;
  }
}

function isMeantForUs({ audiences }: TrustedIssuer, audience: unknown): boolean {
  if (audiences === 'any') return true;
  const named: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  return named.some((name) => typeof name === 'string' && audiences.includes(name));
}
