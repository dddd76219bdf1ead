// Rows made of what users give: checked, copied, frozen.

import { NervError } from '../errors.ts';
import { idFault } from '../ids/id.ts';
import { hasLoneSurrogate } from '../values/json.ts';
import type { Entity, EntityPatch, Relation, RelationPatch } from './entity.ts';
import type { Subject } from './graph-change.ts';
import type { RowInput, WriteEntity, WriteRelation } from './graph-operation.ts';
import { patchProperties, sameValue } from './property-value.ts';

/** The greatest length of a type or tag, in UTF-16 units. */
export const MAX_LABEL_LENGTH = 256;

const MAX_TIME_MS = 8.64e15;

/** What a new row has where nothing is given. */
const NOTHING: Ground = {
  name: '',
  description: '',
  tags: Object.freeze([]),
  properties: Object.freeze({}),
  validFrom: undefined,
  validTo: undefined,
};

// All rows of a kind are made by one literal that names every field: rows made by spreading take twice the memory.

/** @throws NervError `entity/invalid`, `value/unsupported` */
export function makeEntity({ entityType, input, at }: WriteEntity, before?: Entity): Entity {
  return Object.freeze(new RowMaker('entity', input.id).make(entityType, { input, at, before }));
}

/** @throws NervError `relation/invalid`, `value/unsupported` */
export function makeRelation(operation: WriteRelation, before?: Relation): Relation {
  const { input, at, relationType, from, to, strength = 1, bidirectional = false } = operation;
  const maker = new RowMaker('relation', input.id);
  return maker.tie(maker.make(relationType, { input, at, before }), {
    from,
    to,
    strength,
    bidirectional,
  });
}

/** @throws NervError `entity/invalid`, `value/unsupported` */
export function patchEntity(before: Entity, patch: EntityPatch, at: number): Entity {
  return Object.freeze(new RowMaker('entity', before.id).patch(before, patch, at));
}

/** @throws NervError `relation/invalid`, `value/unsupported` */
export function patchRelation(before: Relation, patch: RelationPatch, at: number): Relation {
  const { from, to } = before;
  const { strength = before.strength, bidirectional = before.bidirectional } = patch;
  const maker = new RowMaker('relation', before.id);
  return maker.tie(maker.patch(before, patch, at), { from, to, strength, bidirectional });
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

interface NewRow {
  readonly input: RowInput;
  readonly at: number;
  readonly before: Entity | undefined;
}

/** What a row stands on: fields of the one before, or what is there by default. */
type Ground = Omit<Entity, 'id' | 'type' | 'createdAt' | 'updatedAt' | 'seq'>;

/** What nobody gives, or is checked already. */
type Fixed = Pick<Entity, 'type' | 'createdAt' | 'updatedAt'>;

/** Makes one row, and knows its id for errors. */
class RowMaker {
  readonly #subject: Subject;
  readonly #id: string;

  constructor(subject: Subject, id: string) {
    this.#subject = subject;
    this.#id = id;
  }

  make(type: string, { input, at, before }: NewRow): Entity {
    const fault = idFault(this.#id);
    if (fault !== undefined) throw this.#invalid('id', fault);
    const createdAt = this.#time(input.createdAt ?? before?.createdAt ?? at);
    return this.#fields(NOTHING, input, { type: this.#label('type', type), createdAt, updatedAt: this.#time(at) });
  }

  patch(before: Entity, patch: EntityPatch, at: number): Entity {
    const ground = patch.clearValidity === true ? { ...before, validFrom: undefined, validTo: undefined } : before;
    const { type, createdAt } = before;
    return this.#fields(ground, patch, { type, createdAt, updatedAt: this.#time(at) });
  }

  tie(fields: Entity, tie: Pick<Relation, 'from' | 'to' | 'strength' | 'bidirectional'>): Relation {
    if (!Number.isFinite(tie.strength)) throw this.#invalid('strength', `is ${tie.strength}, not a finite number`);
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

  #fields(ground: Ground, given: EntityPatch, { type, createdAt, updatedAt }: Fixed): Entity {
    const { name = ground.name, description = ground.description, tags, properties, removeProperties } = given;
    const { validFrom = ground.validFrom, validTo = ground.validTo } = given;
    if (validFrom !== undefined) this.#time(validFrom);
    if (validTo !== undefined && this.#time(validTo) < (validFrom ?? validTo)) {
      throw this.#invalid('validTo', `is ${validTo}, before its validFrom, ${validFrom}`);
    }
    if (tags !== undefined && !Array.isArray(tags)) throw this.#invalid('tags', 'are no array');
    return {
      id: this.#id,
      type,
      name: this.#text('name', name),
      description: this.#text('description', description),
      tags: tags === undefined ? ground.tags : Object.freeze([...new Set(tags.map((tag) => this.#label('tag', tag)))]),
      properties: patchProperties(ground.properties, properties, removeProperties),
      createdAt,
      updatedAt,
      validFrom,
      validTo,
      seq: undefined,
    };
  }

  #time(timeMs: number): number {
    if (Math.abs(timeMs) <= MAX_TIME_MS) return timeMs;
    throw this.#invalid('time', `${timeMs} is not in milliseconds since 1970`);
  }

  #text(what: string, text: unknown): string {
    if (text === '' || (typeof text === 'string' && !hasLoneSurrogate(text))) return text;
    throw this.#invalid(what, typeof text === 'string' ? 'has half a surrogate pair' : `is a ${typeof text}, not text`);
  }

  #label(what: string, given: unknown): string {
    const text = this.#text(what, given);
    if (text !== '' && text.length <= MAX_LABEL_LENGTH) return text;
    throw this.#invalid(what, `has ${text.length} characters, not 1 to ${MAX_LABEL_LENGTH}`);
  }

  #invalid(what: string, fault: string): NervError {
    const subject = this.#subject;
    return new NervError(`${subject}/invalid`, `The ${subject} cannot be written: its ${what} ${fault}.`, {
      details: { id: this.#id },
    });
  }
}
