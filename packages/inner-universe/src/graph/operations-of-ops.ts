import { microsOf, type Op, type WireTimestamp } from '@inner-universe/module/wire';
import type { EntityPatch, Properties } from '@inner-universe/nerv';
import type { GraphOperation } from '@inner-universe/nerv/graph/replica';
import { parse } from '@inner-universe/nerv/values';
import type { GraphKind } from '../encryption/graph-sealer.ts';

/** Properties as they are seen, of those that an op carries; the type is undefined where the op does not say it. */
export type OpenProperties = (
  of: { readonly kind: GraphKind; readonly id: string; readonly type: string | undefined },
  properties: Properties,
) => Promise<Properties>;

type GraphOp = Extract<
  Op,
  {
    readonly tag:
      | 'createEntity'
      | 'updateEntity'
      | 'deleteEntity'
      | 'createRelation'
      | 'updateRelation'
      | 'deleteRelation';
  }
>;

/**
 * The writes of a graph that ops were made of; what else is among them is left out. Undefined where one cannot be told:
 * large properties lie in pieces, and those that replace all are not what an application writes.
 */
export async function operationsOf(
  ops: readonly Op[],
  open: OpenProperties,
): Promise<readonly GraphOperation[] | undefined> {
  const operations: GraphOperation[] = [];
  for (const op of ops) {
    if (!isGraphOp(op)) continue;
    const operation = await operationOf(op, open);
    if (operation === undefined) return undefined;
    operations.push(operation);
  }
  return operations;
}

/** Whether an op writes entities or relations. */
export function isGraphOp(op: Op): op is GraphOp {
  return /^(create|update|delete)(Entity|Relation)$/.test(op.tag);
}

async function operationOf(op: GraphOp, open: OpenProperties): Promise<GraphOperation | undefined> {
  switch (op.tag) {
    case 'createEntity': {
      const { entityType, upsert } = op.value;
      const input = await inputOf(op.value, { kind: 'entity', type: entityType }, open);
      return input && { type: upsert ? 'upsert-entity' : 'create-entity', entityType, input, at: atOf(op.value) };
    }
    case 'createRelation': {
      const { relationType, fromId: from, toId: to, strength, bidirectional, upsert } = op.value;
      const input = await inputOf(op.value, { kind: 'relation', type: relationType }, open);
      const type = upsert ? 'upsert-relation' : 'create-relation';
      return input && { type, relationType, from, to, strength, bidirectional, input, at: atOf(op.value) };
    }
    case 'updateEntity': {
      const patch = await patchOf(op.value, 'entity', open);
      return patch && { type: 'update-entity', ...changeOf(op.value), patch };
    }
    case 'updateRelation': {
      const { strength, bidirectional } = op.value;
      const patch = await patchOf(op.value, 'relation', open);
      return patch && { type: 'update-relation', ...changeOf(op.value), patch: { ...patch, strength, bidirectional } };
    }
    case 'deleteEntity':
      return { type: 'delete-entity', ...changeOf(op.value), cascade: op.value.cascade };
    case 'deleteRelation':
      return { type: 'delete-relation', ...changeOf(op.value) };
  }
}

interface Created {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly properties: string;
  readonly propertiesEncoding: string;
  readonly authoredAt?: WireTimestamp | undefined;
  readonly validFrom?: WireTimestamp | undefined;
  readonly validTo?: WireTimestamp | undefined;
}

async function inputOf(
  value: Created,
  { kind, type }: { readonly kind: GraphKind; readonly type: string },
  open: OpenProperties,
) {
  if (value.propertiesEncoding !== 'json/1') return undefined;
  const { id, name, description, tags } = value;
  return {
    id,
    name,
    description,
    tags,
    properties: await open({ kind, id, type }, propertiesIn(value.properties)),
    validFrom: millisecondsOf(value.validFrom),
    validTo: millisecondsOf(value.validTo),
  };
}

interface Changed {
  readonly id: string;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly properties?: string | undefined;
  readonly propertiesSet?: string | undefined;
  readonly propertiesRemoved: readonly string[];
  readonly validFrom?: WireTimestamp | undefined;
  readonly validTo?: WireTimestamp | undefined;
  readonly clearValidity: boolean;
}

async function patchOf(value: Changed, kind: GraphKind, open: OpenProperties): Promise<EntityPatch | undefined> {
  if (value.properties !== undefined) return undefined;
  const { id, name, description, tags, propertiesSet, propertiesRemoved, clearValidity } = value;
  return {
    name,
    description,
    tags,
    properties:
      propertiesSet === undefined ? undefined : await open({ kind, id, type: undefined }, propertiesIn(propertiesSet)),
    removeProperties: propertiesRemoved.map(userKey),
    validFrom: millisecondsOf(value.validFrom),
    validTo: millisecondsOf(value.validTo),
    clearValidity,
  };
}

interface Change {
  readonly id: string;
  readonly ifSeq?: bigint | undefined;
  readonly authoredAt?: WireTimestamp | undefined;
}

function changeOf(value: Change) {
  return { id: value.id, ifSeq: value.ifSeq === undefined ? undefined : Number(value.ifSeq), at: atOf(value) };
}

/** When it was written, by its writer. */
function atOf({ authoredAt }: { readonly authoredAt?: WireTimestamp | undefined }): number {
  return millisecondsOf(authoredAt) ?? 0;
}

function millisecondsOf(time: WireTimestamp | undefined): number | undefined {
  return time === undefined ? undefined : Number(microsOf(time) / 1000n);
}

function propertiesIn(text: string): Properties {
  // An op carries a plain object: it was made of one.
  return parse(text === '' ? '{}' : text) as Properties;
}

/** The user's key for one of the encoded form. */
function userKey(key: string): string {
  return key.startsWith('$$') ? key.slice(1) : key;
}
