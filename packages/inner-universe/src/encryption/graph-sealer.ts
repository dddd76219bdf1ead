import type { Properties } from '@inner-universe/nerv';
import type { EntityQuery, RelationQuery } from '@inner-universe/nerv/graph';
import {
  canonicalJson,
  decode,
  encode,
  escapeKey,
  parsePointer,
  type JsonObject,
  type JsonValue,
} from '@inner-universe/nerv/values';
import { EncryptionError } from './encryption-error.ts';
import type { GraphField } from './encryption.ts';
import type { FieldCipher } from './field-cipher.ts';
import type { FieldPatterns } from './field-patterns.ts';
import type { FieldPolicies } from './field-policies.ts';
import { openFields, replaceFields, trySealed } from './seal-fields.ts';

/** What properties belong to. */
export type GraphKind = 'entity' | 'relation';

type Policies = Readonly<Record<GraphKind, FieldPolicies<GraphField>>>;

/** Seals and opens properties of entities and relations. Names, descriptions, tags and times stay clear. */
export class GraphSealer {
  readonly #cipher: FieldCipher;
  readonly #policies: Policies;

  /** @throws {EncryptionError} `encryption/invalid-policy` */
  constructor(cipher: FieldCipher, policies: Policies) {
    this.#cipher = cipher;
    this.#policies = policies;
    for (const [kind, { anyFields }] of Object.entries(policies)) {
      if (!anyFields.isWhole) continue;
      throw new EncryptionError(
        'encryption/invalid-policy',
        `The properties of a ${kind} are sealed one by one. Name them; '*' is all of them.`,
        { details: { kind } },
      );
    }
  }

  get isEmpty(): boolean {
    return this.#policies.entity.isEmpty && this.#policies.relation.isEmpty;
  }

  /** Whether properties of this type are sealed. */
  covers(kind: GraphKind, type: string): boolean {
    return !this.#policies[kind].isEmpty && !this.#policies[kind].fieldsOf(type).isEmpty;
  }

  /** Whether properties with these keys are sealed in any type. */
  mayCover(kind: GraphKind, keys: readonly string[]): boolean {
    const { isEmpty, anyFields } = this.#policies[kind];
    return !isEmpty && keys.some((key) => anyFields.touches([escapeKey(key)]));
  }

  /**
   * Properties with their fields sealed. What is in `stored`, as it is recorded, and has not changed keeps its
   * ciphertext. @throws {EncryptionError} `encryption/in-list`, `encryption/not-authentic`
   */
  async seal(kind: GraphKind, of: GraphField, properties: object, stored: Properties = {}): Promise<Properties> {
    const { id, type } = of;
    const before = encode(stored);
    const seal = async (json: JsonValue, path: string): Promise<JsonValue> => {
      const place = { kind, owner: id, path };
      const keys = parsePointer(path);
      const standing = at(before, keys);
      if (standing !== undefined && trySealed(standing) !== undefined) {
        const text = canonicalJson(json);
        const isSame =
          canonicalJson(standing) === text || canonicalJson(await this.#cipher.open(standing, place)) === text;
        if (isSame) return standing;
      }
      return this.#cipher.seal(json, place, this.#policies[kind].subjectOf(type, keys, of));
    };
    return decodeProperties(await replaceFields(encode(properties), this.#policies[kind].fieldsOf(type), '', seal));
  }

  /** Properties with their fields opened, as far as their keys are here. */
  async open(kind: GraphKind, { id, type }: GraphField, properties: Properties): Promise<Properties> {
    const open = (json: JsonValue, path: string): Promise<JsonValue> => {
      return this.#cipher.open(json, { kind, owner: id, path });
    };
    return decodeProperties(await openFields(encode(properties), this.#policies[kind].fieldsOf(type), '', open));
  }

  /** Refuses a query that looks at sealed properties. @throws {EncryptionError} `encryption/not-searchable` */
  checkQuery(kind: GraphKind, query: EntityQuery | RelationQuery): void {
    const policies = this.#policies[kind];
    if (policies.isEmpty) return;
    const types = query.type === undefined ? undefined : [query.type].flat();
    const sealed = types === undefined ? [policies.anyFields] : types.map((type) => policies.fieldsOf(type));
    for (const property of propertiesOf(query)) {
      if (!isSealed(sealed, property)) continue;
      throw new EncryptionError(
        'encryption/not-searchable',
        `The property '${property}' is sealed${types === undefined ? ' in some type' : ''}: nothing can be found or ` +
          'ordered by it. Query by what is clear' +
          `${types === undefined ? ', or name a type that does not seal it' : ''}, and look at the result.`,
        { details: { property, types: types ?? [] } },
      );
    }
  }

  /** Refuses indexes (property keys by type) on sealed properties. @throws {EncryptionError} `encryption/not-indexable` */
  checkIndexes(indexes: Readonly<Record<string, readonly string[]>>): void {
    for (const [type, keys] of Object.entries(indexes)) {
      const sealed = Object.values(this.#policies).map((policies) => {
        return type === '*' ? policies.anyFields : policies.fieldsOf(type);
      });
      const property = keys.find((key) => sealed.some((fields) => fields.touches([escapeKey(key)])));
      if (property === undefined) continue;
      throw new EncryptionError(
        'encryption/not-indexable',
        `The property '${property}' of '${type}' is sealed and cannot be indexed. Take it out of 'indexes', or do not seal it.`,
        { details: { type, property } },
      );
    }
  }
}

function isSealed(sealed: readonly FieldPatterns[], property: string): boolean {
  const keys = property.startsWith('/') ? parsePointer(property) : [property];
  return sealed.some((fields) => fields.touches(keys.map(escapeKey)));
}

/** The properties that a query's conditions and orders name. */
function* propertiesOf(query: EntityQuery | RelationQuery): Generator<string, void, undefined> {
  yield* propertiesIn(query.where);
  for (const order of [query.orderBy ?? []].flat()) if ('property' in order) yield order.property;
}

interface Conditions {
  readonly properties?: object | undefined;
  readonly and?: readonly Conditions[] | undefined;
  readonly or?: readonly Conditions[] | undefined;
  readonly not?: Conditions | undefined;
}

function* propertiesIn(where: Conditions | undefined): Generator<string, void, undefined> {
  if (where === undefined) return;
  const { properties = {}, and = [], or = [], not } = where;
  yield* Object.keys(properties);
  for (const inner of [...and, ...or]) yield* propertiesIn(inner);
  yield* propertiesIn(not);
}

/** What stands in an encoded form, reached by its keys. */
function at(json: JsonValue, keys: readonly string[]): JsonValue | undefined {
  let found: JsonValue | undefined = json;
  for (const key of keys) {
    if (found === undefined || found === null || typeof found !== 'object' || !Object.hasOwn(found, key))
      return undefined;
    found = (found as JsonObject)[key]; // a list has no such keys of its own that a pattern leads to
  }
  return found;
}

/** The properties of an encoded form that was one of properties. */
function decodeProperties(json: JsonValue): Properties {
  return Object.freeze(decode(json)) as Properties;
}
