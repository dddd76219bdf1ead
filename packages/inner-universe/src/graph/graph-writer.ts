import {
  EntityNotFoundError,
  NervError,
  RelationNotFoundError,
  type EntityPatch,
  type Properties,
} from '@inner-universe/nerv';
import type { GraphOperation, WriteEntity, WriteRelation } from '@inner-universe/nerv/graph/replica';
import { MAX_INLINE_VALUE_BYTES } from '@inner-universe/module/wire';
import { stringify } from '@inner-universe/nerv/values';
import type { ModuleClient } from '../client/client.ts';
import { utf8Length } from '../client/op-size.ts';
import { refusalOf, RefusedError } from '../errors.ts';
import { makeGraphWrite, makeWholeUpdate, type GraphOpContext, type GraphWrite } from './graph-ops.ts';
import type { GraphReads } from './graph-reads.ts';

/** How often an update of large properties is made anew because somebody else was faster. */
const ATTEMPTS_MAX = 8;
/** What the module refuses for its form. */
const FORM_CODES: ReadonlySet<string> = new Set(['value/malformed', 'value/too-large']);

type Upsert =
  | (WriteEntity & { readonly type: 'upsert-entity' })
  | (WriteRelation & { readonly type: 'upsert-relation' });
type Update = Extract<GraphOperation, { readonly type: 'update-entity' | 'update-relation' }>;

/** Sends writes of the graph; what they are refused for is told in the graph's own codes. */
export class GraphWriter {
  readonly #client: ModuleClient;
  readonly #reads: GraphReads;
  readonly #context: GraphOpContext;

  constructor(client: ModuleClient, reads: GraphReads, context: GraphOpContext) {
    this.#client = client;
    this.#reads = reads;
    this.#context = context;
  }

  /** Writes all of them or, when one is refused, none; `details.op` then says which. */
  async write(operations: readonly GraphOperation[]): Promise<void> {
    const writes = operations.map((operation) => makeGraphWrite(operation, this.#context));
    if (writes.length === 0) return;
    await this.#refuseRetyping(operations);
    await this.#send(writes, operations);
  }

  /**
   * Writes one update. Properties too large to be changed one by one are read, changed here and replaced, unless
   * somebody else changed them meanwhile.
   */
  async update(operation: Update): Promise<void> {
    if (!isLargePatch(operation.patch)) {
      try {
        await this.write([operation]);
        return;
      } catch (error) {
        if (!isStoredWhole(error)) throw error;
      }
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#replaceProperties(operation);
        return;
      } catch (error) {
        const wasChanged = refusalOf(error)?.code.endsWith('/seq-mismatch') === true;
        if (!wasChanged || operation.ifSeq !== undefined || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** An upsert replaces what is of its type; the module would also change the type. */
  async #refuseRetyping(operations: readonly GraphOperation[]): Promise<void> {
    const upserts = operations.flatMap((operation, op) => (isUpsert(operation) ? [{ operation, op }] : []));
    if (upserts.length === 0) return;
    const idsOf = (type: Upsert['type']): string[] =>
      upserts.filter(({ operation }) => operation.type === type).map(({ operation }) => operation.input.id);
    const [entities, relations] = await Promise.all([
      this.#reads.entitiesById(idsOf('upsert-entity')),
      this.#reads.relationsById(idsOf('upsert-relation')),
    ]);
    const entityTypes = new Map(entities.map(({ id, type }) => [id, type]));
    const relationTypes = new Map(relations.map(({ id, type }) => [id, type]));
    for (const { operation, op } of upserts) {
      const { id } = operation.input;
      const isEntity = operation.type === 'upsert-entity';
      const existing = (isEntity ? entityTypes : relationTypes).get(id);
      if (existing === undefined || existing === (isEntity ? operation.entityType : operation.relationType)) continue;
      throw new NervError(
        isEntity ? 'entity/id-taken' : 'relation/id-taken',
        `'${id}' exists already, of type '${existing}'. Update it, or choose another id.`,
        { details: { id, type: existing, op } },
      );
    }
  }

  async #replaceProperties(operation: Update): Promise<void> {
    const { id, patch, ifSeq } = operation;
    const isEntity = operation.type === 'update-entity';
    const [row] = isEntity ? await this.#reads.entitiesById([id]) : await this.#reads.relationsById([id]);
    if (row === undefined) throw isEntity ? new EntityNotFoundError(id) : new RelationNotFoundError(id);
    const properties: Record<string, unknown> = { ...row.properties, ...patch.properties };
    for (const key of patch.removeProperties ?? []) delete properties[key];
    const whole = { ...operation, ifSeq: ifSeq ?? row.seq };
    // What was read and what is given are both storable.
    await this.#send([makeWholeUpdate(whole, properties as Properties, this.#context)], [operation]);
  }

  async #send(writes: readonly GraphWrite[], operations: readonly GraphOperation[]): Promise<void> {
    try {
      await this.#client.writeWithChunks(
        writes.flatMap(({ chunks }) => chunks),
        writes.map(({ op }) => op),
      );
    } catch (error) {
      throw asGraphError(error, operations);
    }
  }
}

function isUpsert(operation: GraphOperation): operation is Upsert {
  return operation.type === 'upsert-entity' || operation.type === 'upsert-relation';
}

/** A refusal for form as every graph tells it; any other error as it is. */
function asGraphError(error: unknown, operations: readonly GraphOperation[]): unknown {
  if (!(error instanceof RefusedError) || !FORM_CODES.has(error.code) || isStoredWhole(error)) return error;
  const operation = operations[error.op ?? 0];
  const code = operation?.type.endsWith('relation') === true ? 'relation/invalid' : 'entity/invalid';
  return new NervError(code, error.message, { details: error.details, cause: error });
}

function isLargePatch({ properties }: EntityPatch): boolean {
  return properties !== undefined && utf8Length(stringify(properties)) > MAX_INLINE_VALUE_BYTES;
}

/** Whether an update was refused because the properties as they are, or as they would be, do not fit in a column. */
function isStoredWhole(error: unknown): boolean {
  if (!(error instanceof RefusedError)) return false;
  if (error.code === 'value/malformed') return error.message.includes('replaced whole');
  return error.code === 'value/too-large' && error.details['what'] === 'properties';
}
