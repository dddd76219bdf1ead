import { randomUUID } from 'node:crypto';
import { CompactSign, compactVerify, decodeJwt } from 'jose';
import type { Clock } from '../clock/clock.ts';
import { invalidToken, LOCAL_ISSUER, parseClaims, type Credentials } from './claims.ts';
import { type ExternalTokens, unknownIssuer } from './external-tokens.ts';
import { deriveIdentity, identityToHex } from './identity.ts';
import type { SigningKeys } from './signing-keys.ts';

/** How long a token for one WebSocket upgrade is valid. */
export const EXCHANGED_TOKEN_SECONDS = 60;

/** Longest token that is looked at. */
const TOKEN_BYTES_MAX = 16 * 1024;

/** How many exchanged tokens are remembered at once; the oldest is forgotten first. */
const EXCHANGES_MAX = 10_000;

/** A verified token: whose it is, and the text to hand back to the client as its own. */
export interface VerifiedToken {
  readonly credentials: Credentials;
  readonly token: string;
}

/** A new token of the host, with the identity it speaks for. */
export interface IssuedToken extends VerifiedToken {
  readonly identity: bigint;
}

/** A token as a client came with it. */
export interface RedeemedToken extends VerifiedToken {
  /** Until when a connection made with it may last; undefined for ever. Of an exchanged token, what its original says. */
  readonly lastsUntilSeconds: number | undefined;
}

interface Exchange {
  readonly original: VerifiedToken;
  readonly expiresAtSeconds: number;
  isUsed: boolean;
}

/**
 * Issues and verifies the tokens of one host. Accepted are tokens signed with the host's own key, and those of the
 * issuers that its configuration lists: none by default. No token ever stands in an error.
 */
export class TokenAuthority {
  readonly #keys: SigningKeys;
  readonly #clock: Clock;
  readonly #external: ExternalTokens | undefined;
  readonly #exchanges = new Map<string, Exchange>();

  constructor(keys: SigningKeys, clock: Clock, external?: ExternalTokens) {
    this.#keys = keys;
    this.#clock = clock;
    this.#external = external;
  }

  /** The public key as PEM, for whoever wants to verify tokens of this host. */
  get publicPem(): string {
    return this.#keys.publicPem;
  }

  /** A token without expiry for an identity that nobody had before, or for that of a subject. */
  async issue(subject: string = randomUUID()): Promise<IssuedToken> {
    const identity = deriveIdentity(LOCAL_ISSUER, subject);
    const issuedAtSeconds = this.#nowSeconds();
    const jwtPayload = JSON.stringify({
      hex_identity: identityToHex(identity),
      sub: subject,
      iss: LOCAL_ISSUER,
      aud: ['spacetimedb'],
      iat: issuedAtSeconds,
    });
    const credentials = parseClaims(jwtPayload, issuedAtSeconds);
    return { identity, credentials, token: await this.#sign(jwtPayload) };
  }

  /** For how long a token that ends then is still valid, in milliseconds. */
  millisUntil(expiresAtSeconds: number): number {
    return expiresAtSeconds * 1_000 - Number(this.#clock.nowMicros() / 1_000n);
  }

  /**
   * Checks signature, claims and expiry.
   * @throws {HostError} `identity/invalid-token`, `identity/unknown-issuer` when somebody else signed it who is not
   * trusted, `identity/issuer-unavailable` when the keys of a trusted issuer cannot be had
   */
  async verify(token: string): Promise<Credentials> {
    if (token.length > TOKEN_BYTES_MAX) throw invalidToken(`it is longer than ${TOKEN_BYTES_MAX} bytes.`);
    return parseClaims(await this.#verifiedPayload(token), this.#nowSeconds());
  }

  /** A token with the same claims that is valid for a minute, to stand in the address of one WebSocket upgrade. */
  async exchange(original: VerifiedToken): Promise<string> {
    const nowSeconds = this.#nowSeconds();
    const ownExpiry = original.credentials.expiresAtSeconds ?? Infinity;
    const expiresAtSeconds = Math.min(nowSeconds + EXCHANGED_TOKEN_SECONDS, ownExpiry);
    // It was parsed once when the original was verified, so it is a JSON object.
    const claims = JSON.parse(original.credentials.jwtPayload) as Record<string, unknown>;
    const short = await this.#sign(JSON.stringify({ ...claims, iat: nowSeconds, exp: expiresAtSeconds }));
    this.#remember(short, { original, expiresAtSeconds, isUsed: false });
    return short;
  }

  /**
   * Verifies the token of an upgrade. An exchanged token stands for its original the first time it is used: the
   * client gets its lasting token back and the module sees the lasting claims. A second use within the minute gets
   * the short token only, so that an address found in a log gives nobody a lasting credential.
   * @throws {HostError} like `verify`.
   */
  async redeem(token: string): Promise<RedeemedToken> {
    const credentials = await this.verify(token);
    const exchange = this.#exchanges.get(token);
    const lastsUntilSeconds = (exchange?.original.credentials ?? credentials).expiresAtSeconds;
    if (exchange === undefined || exchange.isUsed) return { credentials, token, lastsUntilSeconds };
    exchange.isUsed = true;
    return { ...exchange.original, lastsUntilSeconds };
  }

  async #verifiedPayload(token: string): Promise<string> {
    try {
      const { payload } = await compactVerify(token, this.#keys.publicKey, { algorithms: ['ES256'] });
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
    } catch {
      // What jose reports may quote parts of the token; the reason is told in our own words.
      const issuer = tryReadIssuer(token);
      if (issuer === undefined) throw invalidToken('it is not a JSON web token.');
      if (issuer === LOCAL_ISSUER) throw invalidToken('InvalidSignature');
      if (this.#external === undefined) throw unknownIssuer();
      return this.#external.verifiedPayload(token);
    }
  }

  #sign(jwtPayload: string): Promise<string> {
    return new CompactSign(new TextEncoder().encode(jwtPayload))
      .setProtectedHeader({ typ: 'JWT', alg: 'ES256' })
      .sign(this.#keys.privateKey);
  }

  #remember(short: string, exchange: Exchange): void {
    const nowSeconds = this.#nowSeconds();
    for (const [token, { expiresAtSeconds }] of this.#exchanges) {
      if (expiresAtSeconds > nowSeconds && this.#exchanges.size < EXCHANGES_MAX) break;
      this.#exchanges.delete(token);
    }
    this.#exchanges.set(short, exchange);
  }

  #nowSeconds(): number {
    return Number(this.#clock.nowMicros() / 1_000_000n);
  }
}

function tryReadIssuer(token: string): string | undefined {
  try {
    const { iss } = decodeJwt(token);
    return typeof iss === 'string' ? iss : '';
  } catch {
    // Not a token at all; the caller says so.
    return undefined;
  }
}
