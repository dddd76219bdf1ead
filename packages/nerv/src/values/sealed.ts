import { encodeBase64 } from './base64.ts';

const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;
/** Base64 of 12 bytes. */
const IV = /^[A-Za-z0-9+/]{16}$/;
/** Base64 of the 16 bytes of a tag. */
const CIPHERTEXT_LENGTH_MIN = 24;
/** The last four characters of base64 (RFC 4648, section 4), in the one spelling that they have. */
const BASE64_END = /^(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/]{4})$/;

/**
 * A value that is encrypted, as whoever lacks its key has it: one leaf, the same only as itself. Immutable. `kid` names
 * the key; `iv` and `ct`, which ends with the tag of AES-256-GCM, are base64.
 */
export class Sealed {
  readonly kid: string;
  readonly iv: string;
  readonly ct: string;

  private constructor(kid: string, iv: string, ct: string) {
    this.kid = kid;
    this.iv = iv;
    this.ct = ct;
    Object.freeze(this);
  }

  /** What a cipher gave. @throws {RangeError} for an id, an initialisation vector or a ciphertext of no valid form */
  static make(kid: string, iv: Uint8Array, ct: Uint8Array): Sealed {
    const sealed = Sealed.tryFrom({ kid, iv: encodeBase64(iv), ct: encodeBase64(ct) });
    if (sealed === undefined) throw new RangeError(`'${kid}' seals nothing.`);
    return sealed;
  }

  /** The sealed value of its encoded form, `{ ct, iv, kid }` and nothing else; undefined for any other. */
  static tryFrom(content: unknown): Sealed | undefined {
    if (typeof content !== 'object' || content === null || Object.keys(content).length !== 3) return undefined;
    const { kid, iv, ct } = content as Readonly<Record<string, unknown>>;
    if (typeof kid !== 'string' || !KEY_ID.test(kid)) return undefined;
    if (typeof iv !== 'string' || !IV.test(iv) || typeof ct !== 'string' || !isCiphertext(ct)) return undefined;
    return new Sealed(kid, iv, ct);
  }

  /** Its encoded form, under the tag `$sealed`. */
  toContent(): { readonly ct: string; readonly iv: string; readonly kid: string } {
    return { ct: this.ct, iv: this.iv, kid: this.kid };
  }
}

/** Looks at the text once, without decoding it. */
function isCiphertext(text: string): boolean {
  if (text.length < CIPHERTEXT_LENGTH_MIN || text.length % 4 !== 0) return false;
  return BASE64_END.test(text.slice(-4)) && !/[^A-Za-z0-9+/]/.test(text.slice(0, -4));
}
