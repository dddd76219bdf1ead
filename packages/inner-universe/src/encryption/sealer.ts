/*
 * Seals and opens single values. Invariants:
 * - an initialisation vector is random and new for every seal: it is never taken over from an older one;
 * - what is sealed is bound to its place, its subject and its key: anywhere else it does not open.
 */
import { systemRandom, type Random } from '@inner-universe/nerv';
import { canonicalJson, parseJson, Sealed, tryDecodeBase64, type JsonValue } from '@inner-universe/nerv/values';
import { encryptAes, IV_BYTES, tryDecryptAes } from './aes-gcm.ts';
import { EncryptionError } from './encryption-error.ts';
import type { KeyRing } from './key-ring.ts';

/** Where a value stands: in which store, entity, relation or event, and at which place of it. */
export interface Place {
  readonly kind: 'state' | 'entity' | 'relation' | 'event';
  /** The store's name; the id of the entity, relation or event. */
  readonly owner: string;
  /** JSON pointer into the encoded form. */
  readonly path: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Seals values with a subject's key, and opens them with the key they name. */
export class Sealer {
  readonly #keyRing: KeyRing;
  readonly #random: Random;

  constructor(keyRing: KeyRing, random: Random = systemRandom) {
    this.#keyRing = keyRing;
    this.#random = random;
  }

  /** Seals a value in its encoded form. Gives another result every time. */
  async seal(json: JsonValue, place: Place, subject: string): Promise<Sealed> {
    const { kid, key } = await this.#keyRing.keyFor(subject);
    const iv = new Uint8Array(IV_BYTES);
    this.#random.fill(iv);
    const associated = associate(place, subject, kid);
    return Sealed.make(kid, iv, await encryptAes({ key, iv, associated }, encoder.encode(canonicalJson(json))));
  }

  /**
   * The value in its encoded form; undefined when the key is not there.
   * @throws {EncryptionError} `encryption/not-authentic` for what was not sealed at this place
   */
  async tryOpen({ kid, iv, ct }: Sealed, place: Place): Promise<JsonValue | undefined> {
    const found = await this.#keyRing.find(kid);
    if (found === undefined) return undefined;
    const vector = tryDecodeBase64(iv);
    const cipher = tryDecodeBase64(ct);
    if (vector === undefined || cipher === undefined) throw notAuthentic(kid, place);
    const associated = associate(place, found.subject, kid);
    const plain = await tryDecryptAes({ key: found.key, iv: vector, associated }, cipher);
    if (plain === undefined) throw notAuthentic(kid, place);
    return parseJson(decoder.decode(plain));
  }
}

/** What a seal is bound to. */
function associate({ kind, owner, path }: Place, subject: string, kid: string): Uint8Array {
  return encoder.encode(canonicalJson(['inner-universe/sealed/1', kind, owner, path, subject, kid]));
}

function notAuthentic(kid: string, { kind, owner, path }: Place): EncryptionError {
  return new EncryptionError(
    'encryption/not-authentic',
    `What is sealed at '${path}' of ${kind} '${owner}' was not sealed there: it was changed, or moved from elsewhere. ` +
      'It is left as it is; restore it from history or a backup.',
    { details: { kid, kind, owner, path } },
  );
}
