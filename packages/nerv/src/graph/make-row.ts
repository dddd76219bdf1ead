// Rows made of what users give: checked, copied, frozen.

import { NervError } from '../errors.ts';
import { idFault } from '../ids/id.ts';
import { hasLoneSurrogate } from '../values/json.ts';
import type { Entity, EntityPatch, Properties, Relation, RelationPatch } from './entity.ts';
import type { WriteEntity, WriteRelation } from './graph-operation.ts';
import { copyProperties, patchProperties, sameValue } from './property-value.ts';

type InvalidCode = 'entity/invalid' | 'relation/invalid';

/** The greatest length of a type or tag, in UTF-16 units. */
export const MAX_LABEL_LENGTH = 256;

const MAX_TIME_MS = 8.64e15;
const NO_PROPERTIES: Properties = Object.freeze({});

// Every row of a kind is made by one literal that names all its fields: rows made by spreading take twice the memory.

/** @throws NervError `entity/invalid`, `value/unsupported` */
export function makeEntity(operation: WriteEntity, before?: Entity): Entity {
  const { input, at, entityType: type } = operation;
  return entityOf(checkedFields('entity/invalid', { ...input, type, before, at }));
}

/** @throws NervError `relation/invalid`, `value/unsupported` */
export function makeRelation(operation: WriteRelation, before?: Relation): Relation {
  const { input, at, relationType: type, from, to, strength = 1, bidirectional = false } = operation;
  const fields = checkedFields('relation/invalid', { ...input, type, before, at });
  return relationOf(fields, { from, to, strength: checkedStrength(input.id, strength), bidirectional });
}

/** @throws NervError `entity/invalid`, `value/unsupported` */
export function patchEntity(before: Entity, patch: EntityPatch, at: number): Entity {
  return entityOf(patchedFields('entity/invalid', before, { patch, at }));
}

/** @throws NervError `relation/invalid`, `value/unsupported` */
export function patchRelation(before: Relation, patch: RelationPatch, at: number): Relation {
  const { from, to } = before;
  const { strength = before.strength, bidirectional = before.bidirectional } = patch;
  const tie = { from, to, strength: checkedStrength(before.id, strength), bidirectional };
  return relationOf(patchedFields('relation/invalid', before, { patch, at }), tie);
}

/** Whether two rows say the same. */
export function sameRow(left: Entity | undefined, right: Entity | undefined): boolean {
  if (left === right) return true;
  if (left === undefined || right === undefined) return false;
  return Object.entries(left).every(([field, value]) => {
    const other: unknown = Reflect.get(right, field);
    return value === other || (typeof value === 'object' && sameValue(value, other));
  });
}

function makeRow(
  code: InvalidCode,
  type: string,
  { input, at }: Pick<WriteEntity, 'input' | 'at'>,
  before: Entity | undefined,
): Entity {
  const { id, tags, properties } = input;
  const fault = idFault(id);
  if (fault !== undefined) throw invalid(code, id, `The id ${fault}.`);
  return {
    id,
    type: checkedLabel(code, id, { what: 'type', text: type }),
    name: checkedText(code, id, { what: 'name', text: input.name ?? '' }),
    description: checkedText(code, id, { what: 'description', text: input.description ?? '' }),
    tags: tags === undefined ? NO_TAGS : checkedTags(code, id, tags),
    properties: properties === undefined ? NO_PROPERTIES : copyProperties(properties),
    createdAt: checkedTime(code, id, input.createdAt ?? before?.createdAt ?? at),
    updatedAt: checkedTime(code, id, at),
    ...checkedValidity(code, id, input),
    seq: undefined,
  };
}

function patchedFields(code: InvalidCode, before: Entity, patch: EntityPatch): Partial<Entity> {
  const { id } = before;
  const { name, description, tags, properties, removeProperties = [] } = patch;
  return {
    name: name === undefined ? before.name : checkedText(code, id, { what: 'name', text: name }),
    description:
      description === undefined
        ? before.description
        : checkedText(code, id, { what: 'description', text: description }),
    tags: tags === undefined ? before.tags : checkedTags(code, id, tags),
    properties:
      properties === undefined && removeProperties.length === 0
        ? before.properties
        : patchProperties(before.properties, properties, removeProperties),
    ...checkedValidity(code, id, patchedValidity(before, patch)),
  };
}

function patchedValidity(before: Entity, { clearValidity, validFrom, validTo }: EntityPatch): Validity {
  const kept: Validity = clearValidity === true ? {} : before;
  return { validFrom: validFrom ?? kept.validFrom, validTo: validTo ?? kept.validTo };
}

interface Validity {
  readonly validFrom?: number | undefined;
  readonly validTo?: number | undefined;
}

const NO_TAGS: readonly string[] = Object.freeze([]);

interface NamedText {
  readonly what: string;
  readonly text: unknown;
}

function checkedText(code: InvalidCode, id: string, { what, text }: NamedText): string {
  if (typeof text !== 'string') throw invalid(code, id, `The ${what} is a ${typeof text}, not a string.`);
  if (hasLoneSurrogate(text))
    throw invalid(code, id, `The ${what} has half a surrogate pair, which UTF-8 cannot hold.`);
  return text;
}

function checkedLabel(code: InvalidCode, id: string, named: NamedText): string {
  const text = checkedText(code, id, named);
  if (text === '') throw invalid(code, id, `The ${named.what} is empty.`);
  if (text.length > MAX_LABEL_LENGTH) {
    throw invalid(
      code,
      id,
      `The ${named.what} has ${text.length} characters; at most ${MAX_LABEL_LENGTH} are allowed.`,
    );
  }
  return text;
}

function checkedTags(code: InvalidCode, id: string, tags: readonly unknown[]): readonly string[] {
  if (!Array.isArray(tags)) throw invalid(code, id, `The tags are a ${typeof tags}, not an array of strings.`);
  return Object.freeze([...new Set(tags.map((text) => checkedLabel(code, id, { what: 'tag', text })))]);
}

function checkedTime(code: InvalidCode, id: string, timeMs: number): number {
  if (Math.abs(timeMs) <= MAX_TIME_MS) return timeMs;
  throw invalid(code, id, `The time ${timeMs} is not in milliseconds since 1970.`);
}

function checkedValidity(code: InvalidCode, id: string, { validFrom, validTo }: Validity): Required<Validity> {
  if (validFrom !== undefined) checkedTime(code, id, validFrom);
  if (validTo !== undefined) checkedTime(code, id, validTo);
  if (validFrom === undefined || validTo === undefined || validFrom <= validTo) return { validFrom, validTo };
  throw invalid(code, id, `It stops to hold at ${validTo}, before it begins to, at ${validFrom}.`);
}

function checkedStrength(id: string, strength: number): number {
  if (Number.isFinite(strength)) return strength;
  throw invalid('relation/invalid', id, `The strength is ${strength}; it must be a finite number.`);
}

function invalid(code: InvalidCode, id: unknown, message: string): NervError {
  const about = code === 'entity/invalid' ? 'entity' : 'relation';
  return new NervError(code, `The ${about} cannot be written. ${message}`, { details: { id } });
}
