import { decode, encode, parsePointer, type JsonValue } from '@inner-universe/nerv/values';
import type { EventField } from './encryption.ts';
import type { FieldCipher } from './field-cipher.ts';
import type { FieldPolicies } from './field-policies.ts';
import { openFields, replaceFields } from './seal-fields.ts';

/** Seals and opens the data of events. What they are found by (id, type, source, scope, metadata) stays clear. */
export class EventSealer {
  readonly #cipher: FieldCipher;
  readonly #policies: FieldPolicies<EventField>;

  constructor(cipher: FieldCipher, policies: FieldPolicies<EventField>) {
    this.#cipher = cipher;
    this.#policies = policies;
  }

  /** Whether anything of events of this type is sealed. */
  covers(type: string): boolean {
    return !this.#policies.isEmpty && !this.#policies.fieldsOf(type).isEmpty;
  }

  /** Data with its fields sealed. @throws {EncryptionError} `encryption/in-list`, `encryption/not-authentic` */
  async seal(event: EventField): Promise<unknown> {
    const { id, type } = event;
    const replace = (json: JsonValue, path: string): Promise<JsonValue> => {
      const subject = this.#policies.subjectOf(type, parsePointer(path), event);
      return this.#cipher.seal(json, { kind: 'event', owner: id, path }, subject);
    };
    return decode(await replaceFields(encode(event.data), this.#policies.fieldsOf(type), '', replace));
  }

  /** Data with its fields opened, as far as their keys are here. */
  async open({ id, type, data }: EventField): Promise<unknown> {
    const open = (json: JsonValue, path: string): Promise<JsonValue> => {
      return this.#cipher.open(json, { kind: 'event', owner: id, path });
    };
    return decode(await openFields(encode(data), this.#policies.fieldsOf(type), '', open));
  }
}
