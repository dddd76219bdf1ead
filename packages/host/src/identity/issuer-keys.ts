import { readFile, stat } from 'node:fs/promises';
import { type CryptoKey, importJWK, type JWK } from 'jose';
import type { Clock } from '../clock/clock.ts';
import { errorMessage, HostError } from '../errors.ts';
import { isSecure, type TrustedIssuer } from './trusted-issuer.ts';

/** Keys are asked for anew after this long, and are not used any more when that failed for so long. */
const REFRESH_SECONDS = 300;
const EXPIRY_SECONDS = 7_200;

/** How soon keys may be asked for again: after a failure, or because a token names a key that is not known. */
const RETRY_SECONDS = 15;

const FETCH_TIMEOUT_MS = 5_000;
const DOCUMENT_BYTES_MAX = 256 * 1024;
const KEYS_MAX = 64;

/** Signatures that are accepted: by public keys only. */
export const ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'];

/** A public key with what its issuer says of it. */
export interface IssuerKey {
  readonly id: string | undefined;
  readonly algorithm: string;
  readonly key: CryptoKey | Uint8Array;
}

/** Fetches a document. `fetch` of the runtime is one. */
export type Fetch = (address: string, init: RequestInit) => Promise<Response>;

/**
 * The public keys of one issuer, asked for when a token needs them and kept for a while. However many tokens come, an
 * issuer is asked once in 15 seconds at most, and one request is under way at a time.
 */
export class IssuerKeys {
  readonly #issuer: TrustedIssuer;
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  #keys: readonly IssuerKey[] = [];
  /** When the keys were read, and when that was last tried. */
  #readSeconds = -Infinity;
  #triedSeconds = -Infinity;
  #reading: Promise<void> | undefined;
  #failure: unknown;

  constructor(issuer: TrustedIssuer, fetch: Fetch, clock: Clock) {
    this.#issuer = issuer;
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /**
   * The keys that a token may be signed with: the one it names, or all of its algorithm when it names none.
   * @throws {HostError} `identity/issuer-unavailable` when there are no keys that may still be used
   */
  async find(id: string | undefined, algorithm: string): Promise<readonly IssuerKey[]> {
    await this.#refresh(REFRESH_SECONDS);
    let found = this.#matching(id, algorithm);
    if (found.length === 0) {
      // The issuer may have new keys since.
      await this.#refresh(RETRY_SECONDS);
      found = this.#matching(id, algorithm);
    }
    if (this.#nowSeconds() - this.#readSeconds <= EXPIRY_SECONDS) return found;
    throw new HostError({
      code: 'identity/issuer-unavailable',
      message: `the keys of the issuer ${this.#issuer.issuer} cannot be had at the moment: try again later`,
      details: { issuer: this.#issuer.issuer, reason: errorMessage(this.#failure) },
      cause: this.#failure,
      retryable: true,
    });
  }

  #matching(id: string | undefined, algorithm: string): readonly IssuerKey[] {
    return this.#keys.filter((key) => key.algorithm === algorithm && (id === undefined || key.id === id));
  }

  /** Reads the keys when they are older than this, unless that was tried just now. What fails leaves those there are. */
  async #refresh(ageSecondsMax: number): Promise<void> {
    const now = this.#nowSeconds();
    if (this.#reading === undefined) {
      if (now - this.#readSeconds < ageSecondsMax || now - this.#triedSeconds < RETRY_SECONDS) return;
      this.#triedSeconds = now;
      this.#reading = this.#read().finally(() => (this.#reading = undefined));
    }
    await this.#reading;
  }

  async #read(): Promise<void> {
    try {
      this.#keys = await parseKeys(await this.#readDocument());
      this.#readSeconds = this.#triedSeconds;
    } catch (error) {
      this.#failure = error;
    }
  }

  async #readDocument(): Promise<unknown> {
    const { keys, issuer } = this.#issuer;
    if (keys === undefined) return this.#discover(issuer);
    if (!('path' in keys)) return keys;
    // `path` beside `keys` would be a set of keys with a stray member; a configuration has text there.
    const path = String(keys.path);
    if ((await stat(path)).size > DOCUMENT_BYTES_MAX) throw new Error(`${path} is too large for a set of keys`);
    return JSON.parse(await readFile(path, 'utf8'));
  }

  async #discover(issuer: string): Promise<unknown> {
    const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const { issuer: named, jwks_uri: keysAddress } = asObject(await this.#fetchJson(address));
    if (named !== issuer) throw new Error(`${address} speaks for another issuer`);
    if (typeof keysAddress !== 'string' || !isSecure(keysAddress))
      throw new Error(`${address} names no https address of keys`);
    return this.#fetchJson(keysAddress);
  }

  async #fetchJson(address: string): Promise<unknown> {
    const response = await this.#fetch(address, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`${address} answered ${response.status}`);
    return JSON.parse(await readBounded(response, address));
  }

  #nowSeconds(): number {
    return Number(this.#clock.nowMicros() / 1_000_000n);
  }
}

async function readBounded({ body }: Response, address: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > DOCUMENT_BYTES_MAX) throw new Error(`${address} answered with more than ${DOCUMENT_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Keys that can be used; others, such as those for encryption, are left out. */
async function parseKeys(document: unknown): Promise<readonly IssuerKey[]> {
  const { keys } = asObject(document);
  if (!Array.isArray(keys)) throw new Error('a set of keys has a list of keys');
  const parsed: IssuerKey[] = [];
  for (const key of keys.slice(0, KEYS_MAX)) parsed.push(...(await parseKey(asObject(key))));
  if (parsed.length === 0) throw new Error('the set has no key that can be used');
  return parsed;
}

async function parseKey(jwk: Readonly<Record<string, unknown>>): Promise<IssuerKey[]> {
  const { kid, use, alg } = jwk;
  const algorithms = typeof alg === 'string' ? [alg] : defaultAlgorithms(jwk);
  if (use !== undefined && use !== 'sig') return [];
  const usable: IssuerKey[] = [];
  for (const algorithm of algorithms.filter((name) => ALGORITHMS.includes(name))) {
    try {
      // Private parts have no business here, and must not make the key one that signs.
      const { kty, crv, x, y, n, e } = jwk as JWK;
      const key = await importJWK({ kty, crv, x, y, n, e } as JWK, algorithm);
      usable.push({ id: typeof kid === 'string' ? kid : undefined, algorithm, key });
    } catch {
      // A key of a kind that this runtime does not know; tokens signed with it are refused by name of their key.
      continue;
    }
  }
  return usable;
}

function defaultAlgorithms({ kty, crv }: Readonly<Record<string, unknown>>): readonly string[] {
  if (kty === 'RSA') return ['RS256', 'PS256'];
  if (kty === 'OKP') return ['EdDSA'];
  return crv === 'P-384' ? ['ES384'] : ['ES256'];
}

function asObject(parsed: unknown): Readonly<Record<string, unknown>> {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new Error('a JSON object is expected');
  // A non-null object that is no array: its properties are unknown until each is checked.
  return parsed as Readonly<Record<string, unknown>>;
}
