// Rows made of what users give: checked, copied, frozen.

import { NervError } from '../errors.ts';
import { idFault } from '../ids/id.ts';
import { hasLoneSurrogate } from '../values/json.ts';
import type { Entity, EntityPatch, Properties, Relation, RelationPatch } from './entity.ts';
import type { RowInput, WriteEntity, WriteRelation } from './graph-operation.ts';
import { copyProperties, patchProperties, sameValue } from './property-value.ts';

/** The greatest length of a type or tag, in UTF-16 units. */
export const MAX_LABEL_LENGTH = 256;

const MAX_TIME_MS = 8.64e15;
const NO_PROPERTIES: Properties = Object.freeze({});

// All rows of a kind are made by one literal that names every field: rows made by spreading take twice the memory.

/** @throws NervError `entity/invalid`, `value/unsupported` */
export function makeEntity({ entityType, input, at }: WriteEntity, before?: Entity): Entity {
  return Object.freeze(newFields({ code: 'entity/invalid', id: input.id }, entityType, { input, at, before }));
}

/** @throws NervError `relation/invalid`, `value/unsupported` */
export function makeRelation(operation: WriteRelation, before?: Relation): Relation {
  const { input, at, relationType, from, to, strength = 1, bidirectional = false } = operation;
  const about: About = { code: 'relation/invalid', id: input.id };
  const fields = newFields(about, relationType, { input, at, before });
  return relationOf(fields, { from, to, strength: checkedStrength(about, strength), bidirectional });
}

/** @throws NervError `entity/invalid`, `value/unsupported` */
export function patchEntity(before: Entity, patch: EntityPatch, at: number): Entity {
  return Object.freeze(patchedFields({ code: 'entity/invalid', id: before.id }, before, { patch, at }));
}

/** @throws NervError `relation/invalid`, `value/unsupported` */
export function patchRelation(before: Relation, patch: RelationPatch, at: number): Relation {
  const { id, from, to } = before;
  const { strength = before.strength, bidirectional = before.bidirectional } = patch;
  const about: About = { code: 'relation/invalid', id };
  const fields = patchedFields(about, before, { patch, at });
  return relationOf(fields, { from, to, strength: checkedStrength(about, strength), bidirectional });
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

/** Which row an error is about. */
interface About {
  readonly code: 'entity/invalid' | 'relation/invalid';
  readonly id: string;
}

interface NewRow {
  readonly input: RowInput;
  readonly at: number;
  readonly before: Entity | undefined;
}

function newFields(about: About, type: string, { input, at, before }: NewRow): Entity {
  const { id, name = '', description = '', tags, properties, validFrom, validTo } = input;
  const fault = idFault(id);
  if (fault !== undefined) throw invalid(about, `The id ${fault}.`);
  checkValidity(about, validFrom, validTo);
  return {
    id,
    type: checkedLabel(about, 'type', type),
    name: checkedText(about, 'name', name),
    description: checkedText(about, 'description', description),
    tags: tags === undefined ? NO_TAGS : checkedTags(about, tags),
    properties: properties === undefined ? NO_PROPERTIES : copyProperties(properties),
    createdAt: checkedTime(about, input.createdAt ?? before?.createdAt ?? at),
    updatedAt: checkedTime(about, at),
    validFrom,
    validTo,
    seq: undefined,
  };
}

interface PatchedRow {
  readonly patch: EntityPatch;
  readonly at: number;
}

function patchedFields(about: About, before: Entity, { patch, at }: PatchedRow): Entity {
  const { name = before.name, description = before.description, tags, properties, removeProperties = [] } = patch;
  const validity: Pick<EntityPatch, 'validFrom' | 'validTo'> = patch.clearValidity === true ? {} : before;
  const { validFrom = validity.validFrom, validTo = validity.validTo } = patch;
  const isPatched = properties !== undefined || removeProperties.length > 0;
  checkValidity(about, validFrom, validTo);
  return {
    id: before.id,
    type: before.type,
    name: checkedText(about, 'name', name),
    description: checkedText(about, 'description', description),
    tags: tags === undefined ? before.tags : checkedTags(about, tags),
    properties: isPatched ? patchProperties(before.properties, properties, removeProperties) : before.properties,
    createdAt: before.createdAt,
    updatedAt: checkedTime(about, at),
    validFrom,
    validTo,
    seq: undefined,
  };
}

function relationOf(fields: Entity, tie: Pick<Relation, 'from' | 'to' | 'strength' | 'bidirectional'>): Relation {
  return Object.freeze({
    id: fields.id,
    type: fields.type,
    name: fields.name,
    description: fields.description,
    tags: fields.tags,
    properties: fields.properties,
    createdAt: fields.createdAt,
    updatedAt: fields.updatedAt,
    validFrom: fields.validFrom,
    validTo: fields.validTo,
    seq: fields.seq,
    from: tie.from,
    to: tie.to,
    strength: tie.strength,
    bidirectional: tie.bidirectional,
  });
}

const NO_TAGS: readonly string[] = Object.freeze([]);

function checkedText(about: About, what: string, text: unknown): string {
  if (typeof text !== 'string') throw invalid(about, `The ${what} is a ${typeof text}, not a string.`);
  if (text !== '' && hasLoneSurrogate(text))
    throw invalid(about, `The ${what} has half a surrogate pair, which UTF-8 cannot hold.`);
  return text;
}

function checkedLabel(about: About, what: string, given: unknown): string {
  const text = checkedText(about, what, given);
  if (text === '') throw invalid(about, `The ${what} is empty.`);
  if (text.length <= MAX_LABEL_LENGTH) return text;
  throw invalid(about, `The ${what} has ${text.length} characters; at most ${MAX_LABEL_LENGTH} are allowed.`);
}

function checkedTags(about: About, tags: readonly unknown[]): readonly string[] {
  if (!Array.isArray(tags)) throw invalid(about, `The tags are a ${typeof tags}, not an array of strings.`);
  return Object.freeze([...new Set(tags.map((text) => checkedLabel(about, 'tag', text)))]);
}

function checkedTime(about: About, timeMs: number): number {
  if (Math.abs(timeMs) <= MAX_TIME_MS) return timeMs;
  throw invalid(about, `The time ${timeMs} is not in milliseconds since 1970.`);
}

function checkValidity(about: About, validFrom: number | undefined, validTo: number | undefined): void {
  if (validFrom !== undefined) checkedTime(about, validFrom);
  if (validTo !== undefined) checkedTime(about, validTo);
  if (validFrom === undefined || validTo === undefined || validFrom <= validTo) return;
  throw invalid(about, `It stops to hold at ${validTo}, before it begins to, at ${validFrom}.`);
}

function checkedStrength(about: About, strength: number): number {
  if (Number.isFinite(strength)) return strength;
  throw invalid(about, `The strength is ${strength}; it must be a finite number.`);
}

function invalid({ code, id }: About, message: string): NervError {
  const about = code === 'entity/invalid' ? 'entity' : 'relation';
  return new NervError(code, `The ${about} cannot be written. ${message}`, { details: { id } });
}
