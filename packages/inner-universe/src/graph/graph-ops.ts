import { makeWireTimestamp, type Op, type WireTimestamp } from '@inner-universe/module/wire';
import { type EntityPatch, NervError, type Properties } from '@inner-universe/nerv';
import type { GraphOperation } from '@inner-universe/nerv/graph/replica';
import { escapeKey, stringify } from '@inner-universe/nerv/values';
import { makeStoredText, type StoredText } from '../client/value-text.ts';
import { scopeOf, type ScopedOperation } from './scoped-batch.ts';

const MAX_TIME_MS = 8.64e15;

/** What the ops of a graph have in common. */
export interface GraphOpContext {
  /** Of what is created, where an operation does not say. */
  readonly scope: string;
  /** Label of who writes. */
  readonly author: string;
}

/** A write of NERV's graph as the module takes it. */
export interface GraphWrite {
  readonly op: Op;
  /** Pieces of large properties, to be uploaded before. */
  readonly chunks: readonly Op[];
}

/** Turns a write into an op. @throws `value/unsupported`, `value/too-large`, `entity/invalid`, `relation/invalid` */
export function makeGraphWrite(operation: ScopedOperation, { scope, author }: GraphOpContext): GraphWrite {
  assertTimes(operation);
  const context = { scope: scopeOf(operation, scope), author };
  switch (operation.type) {
    case 'create-entity':
    case 'upsert-entity': {
      const { common, chunks } = makeCommon(operation, context);
      const upsert = operation.type === 'upsert-entity';
      return { op: { tag: 'createEntity', value: { ...common, entityType: operation.entityType, upsert } }, chunks };
    }
    case 'create-relation':
    case 'upsert-relation': {
      const { common, chunks } = makeCommon(operation, context);
      const { relationType, from: fromId, to: toId, strength = 1, bidirectional = false } = operation;
      const upsert = operation.type === 'upsert-relation';
      return {
        op: {
          tag: 'createRelation',
          value: { ...common, relationType, fromId, toId, strength, bidirectional, upsert },
        },
        chunks,
      };
    }
    case 'update-entity':
      return {
        op: { tag: 'updateEntity', value: { ...makeChanges(operation, context), entityType: undefined } },
        chunks: [],
      };
    case 'update-relation': {
      const { strength, bidirectional } = operation.patch;
      const value = {
        ...makeChanges(operation, context),
        relationType: undefined,
        strength,
        clearStrength: false,
        bidirectional,
      };
      return { op: { tag: 'updateRelation', value }, chunks: [] };
    }
    case 'delete-entity': {
      const { id, cascade, ifSeq } = operation;
      const value = { id, cascade, ifSeq: toSeq(ifSeq), author: context.author, authoredAt: undefined };
      return { op: { tag: 'deleteEntity', value }, chunks: [] };
    }
    case 'delete-relation': {
      const value = { id: operation.id, ifSeq: toSeq(operation.ifSeq), author: context.author, authoredAt: undefined };
      return { op: { tag: 'deleteRelation', value }, chunks: [] };
    }
  }
}

// What is no time at all cannot be sent; that a validity ends before it begins, the module refuses.
function assertTimes(operation: GraphOperation): void {
  const given = 'input' in operation ? operation.input : 'patch' in operation ? operation.patch : {};
  for (const name of ['createdAt', 'validFrom', 'validTo']) {
    const time: unknown = Reflect.get(given, name);
    if (time === undefined || (typeof time === 'number' && Math.abs(time) <= MAX_TIME_MS)) continue;
    const subject = operation.type.endsWith('entity') ? 'entity' : 'relation';
    throw new NervError(`${subject}/invalid`, `'${name}' is no time in milliseconds since 1970.`, {
      details: { field: name },
    });
  }
}

/** An update that replaces all properties, of a row in the scope of the context. @throws `value/too-large` */
export function makeWholeUpdate(
  operation: Extract<GraphOperation, { readonly type: 'update-entity' | 'update-relation' }>,
  properties: Properties,
  context: GraphOpContext,
): GraphWrite {
  const stored = makeProperties(properties, context, operation.id);
  const patch = { ...operation.patch, properties: undefined, removeProperties: undefined };
  const { op } = makeGraphWrite({ ...operation, patch }, context);
  const whole = { properties: stored.text, propertiesEncoding: stored.encoding };
  // The op is of the operation's kind, so its value has these fields.
  return { op: { ...op, value: { ...op.value, ...whole } } as Op, chunks: stored.chunks };
}

interface Creation {
  readonly input: {
    readonly id: string;
    readonly name?: string | undefined;
    readonly description?: string | undefined;
    readonly tags?: readonly string[] | undefined;
    readonly properties?: Properties | undefined;
    readonly createdAt?: number | undefined;
    readonly validFrom?: number | undefined;
    readonly validTo?: number | undefined;
  };
  readonly at: number;
}

function makeCommon({ input, at }: Creation, context: GraphOpContext) {
  const { id, name = '', description = '', tags = [], createdAt = at, validFrom, validTo } = input;
  const properties = makeProperties(input.properties, context, id);
  const common = {
    id,
    name,
    description,
    tags: [...tags],
    properties: properties.text,
    propertiesEncoding: properties.encoding,
    scope: context.scope,
    author: context.author,
    authoredAt: timeOf(createdAt),
    validFrom: optionalTimeOf(validFrom),
    validTo: optionalTimeOf(validTo),
  };
  return { common, chunks: properties.chunks };
}

interface Update {
  readonly id: string;
  readonly patch: EntityPatch;
  readonly ifSeq?: number | undefined;
  readonly at: number;
}

function makeChanges({ id, patch, ifSeq, at }: Update, context: GraphOpContext) {
  const { name, description, tags, properties, removeProperties = [], validFrom, validTo } = patch;
  return {
    id,
    ifSeq: toSeq(ifSeq),
    name,
    description,
    tags: tags === undefined ? undefined : [...tags],
    properties: undefined,
    propertiesEncoding: undefined,
    propertiesSet: properties === undefined ? undefined : stringify(withoutUndefined(properties)),
    propertiesRemoved: removeProperties.map(escapeKey),
    author: context.author,
    authoredAt: timeOf(at),
    validFrom: optionalTimeOf(validFrom),
    validTo: optionalTimeOf(validTo),
    clearValidity: patch.clearValidity ?? false,
  };
}

function makeProperties(properties: Properties | undefined, context: GraphOpContext, id: string): StoredText {
  return makeStoredText(stringify(withoutUndefined(properties ?? {})), context.scope, `The properties of '${id}'`);
}

/** A property that is undefined is one that was left out. */
function withoutUndefined(properties: object): object {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}

function toSeq(seq: number | undefined): bigint | undefined {
  return seq === undefined ? undefined : BigInt(seq);
}

function optionalTimeOf(milliseconds: number | undefined): WireTimestamp | undefined {
  return milliseconds === undefined ? undefined : timeOf(milliseconds);
}

function timeOf(milliseconds: number): WireTimestamp {
  return makeWireTimestamp(BigInt(Math.round(milliseconds * 1000)));
}
