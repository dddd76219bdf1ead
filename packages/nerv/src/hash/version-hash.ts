import { NervError } from '../errors.ts';
import { canonicalJson } from '../values/canonical-json.ts';
import { stringify } from '../values/encode.ts';
import { sha256Hex } from './digest.ts';

/** What a version's chain hash covers. */
export interface ChainHashParts {
  /** The chain hashes of the parents, in their order; none for a root. */
  readonly parents: readonly string[];
  /** The hash of the version's state, with its scheme. */
  readonly dataHash: string;
  readonly author: string;
  readonly authoredAtMicros: bigint;
  readonly description: string;
}

/**
 * `sha256-chain:` and the SHA-256, in hex, of the canonical JSON text
 * `["inner-universe/chain/1",[...parents],dataHash,author,"authoredAtMicros",description]`, the time in decimal.
 * @throws `value/unsupported` when a text has a lone surrogate
 */
export function chainHash(parts: ChainHashParts): string {
  const covered = canonicalJson([
    'inner-universe/chain/1',
    parts.parents,
    parts.dataHash,
    parts.author,
    String(parts.authoredAtMicros),
    parts.description,
  ]);
  return `sha256-chain:${sha256Hex(covered)}`;
}

/** `sha256-jcs:` and the SHA-256, in hex, of the value's canonical text (RFC 8785). @throws as `stringify` does */
export function jcsHash(value: unknown): string {
  return `sha256-jcs:${sha256Hex(stringify(value))}`;
}

/** The schemes that a hash can name. */
export type HashScheme = 'sha256-tree' | 'sha256-jcs' | 'sha256-chain';

/** The scheme and the hex digits of a hash. @throws `hash/malformed` for anything else */
export function parseHash(hash: string): { readonly scheme: HashScheme; readonly hex: string } {
  const match = /^(sha256-(?:tree|jcs|chain)):([0-9a-f]{64})$/.exec(hash);
  if (match === null) {
    throw new NervError(
      'hash/malformed',
      `'${hash}' is no hash. A hash is sha256-tree:, sha256-jcs: or sha256-chain: and 64 lower-case hex digits.`,
      { details: { hash } },
    );
  }
  // The expression lists exactly the schemes, and both groups took part in the match.
  return { scheme: match[1] as HashScheme, hex: match[2] as string };
}
