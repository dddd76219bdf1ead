import { HostError } from '../errors.ts';
import { LOCAL_ISSUER } from './claims.ts';

/** Somebody else whose tokens a host accepts. */
export interface TrustedIssuer {
  /** Exactly what the claim `iss` of its tokens says, such as `https://auth.example.com`. */
  readonly issuer: string;
  /** A token must be meant for one of these, by its claim `aud`. `any` accepts tokens that were made for others, too. */
  readonly audiences: readonly string[] | 'any';
  /**
   * Its public keys, as a JSON Web Key Set or a file that holds one and is read again when it may have changed: nothing
   * is fetched then. Absent: found by OpenID Connect discovery.
   */
  readonly keys?: JsonWebKeySet | { readonly path: string } | undefined;
}

/** Public keys in JSON. */
export interface JsonWebKeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** Checks what a configuration says. @throws {HostError} `identity/invalid-issuer` */
export function assertTrustedIssuers(issuers: readonly TrustedIssuer[]): void {
  const seen = new Set<string>([LOCAL_ISSUER]);
  for (const { issuer, audiences, keys } of issuers) {
    if (seen.has(issuer)) throw invalid(issuer, 'it is there already, or is the name of this host itself');
    seen.add(issuer);
    if (audiences !== 'any' && audiences.length === 0) {
      throw invalid(issuer, "it has no audiences: name those that its tokens are meant for, or 'any'");
    }
    if (keys === undefined && !isSecure(issuer)) {
      throw invalid(issuer, 'its keys can be found by an https address only; give them with the configuration (keys)');
    }
  }
}

/** Whether what is fetched from an address comes from whom it names: by TLS, or from this machine. */
export function isSecure(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname));
}

function invalid(issuer: string, reason: string): HostError {
  return new HostError({
    code: 'identity/invalid-issuer',
    message: `the trusted issuer "${issuer}" cannot be used: ${reason}`,
    details: { issuer },
  });
}
