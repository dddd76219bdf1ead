import type { JsonValue } from '@inner-universe/nerv/values';
import { sealedJson, trySealed } from './seal-fields.ts';
import type { Place, Sealer } from './sealer.ts';

/** Seals and opens single fields; what cannot be opened stays the sealed value that it is. */
export class FieldCipher {
  readonly #sealer: Sealer;
  readonly #onError: (error: unknown) => void;

  constructor(sealer: Sealer, onError: (error: unknown) => void) {
    this.#sealer = sealer;
    this.#onError = onError;
  }

  /**
   * A field, sealed. One that is sealed already, because it could not be opened here, is passed on.
   * @throws {EncryptionError} `encryption/not-authentic` when that was sealed elsewhere, as far as its key is here
   */
  async seal(json: JsonValue, place: Place, subject: string): Promise<JsonValue> {
    const already = trySealed(json);
    if (already === undefined) return sealedJson(await this.#sealer.seal(json, place, subject));
    await this.#sealer.tryOpen(already, place);
    return json;
  }

  /** A field, opened where it can be. That it is not authentic, or that its key could not be unwrapped, is reported. */
  async open(json: JsonValue, place: Place): Promise<JsonValue> {
    const sealed = trySealed(json);
    if (sealed === undefined) return json;
    try {
      return (await this.#sealer.tryOpen(sealed, place)) ?? json;
    } catch (error) {
      this.#onError(error);
      return json;
    }
  }
}
