import { NervError } from '../errors.ts';
import type {
  DeleteEntityOptions,
  EntityInput,
  EntityPatch,
  Reference,
  RelationInput,
  RelationPatch,
  WriteOptions,
} from './entity.ts';
import type { GraphOperation } from './graph-operation.ts';

/** Where ids and times of writes come from. */
export interface WriteOrigin {
  readonly nextId: () => string;
  readonly nowMs: () => number;
}

/** Makes operations of what the graph's methods are given. Checks nothing: applying does. */
export class OperationFactory {
  readonly #origin: WriteOrigin;

  constructor(origin: WriteOrigin) {
    this.#origin = origin;
  }

  entity(type: 'create-entity' | 'upsert-entity', entityType: string, input: EntityInput): GraphOperation {
    return { type, entityType, input: this.#withId(input), at: this.#origin.nowMs() };
  }

  updateEntity(entity: Reference, patch: EntityPatch, options: WriteOptions = {}): GraphOperation {
    return { type: 'update-entity', id: idOf(entity), patch, ifSeq: options.ifSeq, at: this.#origin.nowMs() };
  }

  deleteEntity(entity: Reference, options: DeleteEntityOptions = {}): GraphOperation {
    const { cascade = false, ifSeq } = options;
    return { type: 'delete-entity', id: idOf(entity), cascade, ifSeq, at: this.#origin.nowMs() };
  }

  relation(type: 'create-relation' | 'upsert-relation', relationType: string, input: RelationInput): GraphOperation {
    const { from, to, strength, bidirectional } = input;
    return {
      type,
      relationType,
      from: idOf(from),
      to: idOf(to),
      strength,
      bidirectional,
      input: this.#withId(input),
      at: this.#origin.nowMs(),
    };
  }

  updateRelation(relation: Reference, patch: RelationPatch, options: WriteOptions = {}): GraphOperation {
    return { type: 'update-relation', id: idOf(relation), patch, ifSeq: options.ifSeq, at: this.#origin.nowMs() };
  }

  deleteRelation(relation: Reference, options: WriteOptions = {}): GraphOperation {
    return { type: 'delete-relation', id: idOf(relation), ifSeq: options.ifSeq, at: this.#origin.nowMs() };
  }

  /** The same, all its operations at one time: those of a batch. */
  atOnce(): OperationFactory {
    const { nextId, nowMs } = this.#origin;
    const at = nowMs();
    return new OperationFactory({ nextId, nowMs: () => at });
  }

  #withId(input: EntityInput): EntityInput & { readonly id: string } {
    const { name, description, tags, properties, createdAt, validFrom, validTo } = input;
    const id = input.id ?? this.#origin.nextId();
    return { id, name, description, tags, properties, createdAt, validFrom, validTo };
  }
}

/**
 * The id that a reference names.
 * @throws NervError `graph/invalid-argument` for what is neither an id nor has one
 */
export function idOf(reference: Reference): string {
  const given: unknown = reference;
  if (typeof given === 'string') return given;
  const id: unknown = typeof given === 'object' && given !== null ? Reflect.get(given, 'id') : undefined;
  if (typeof id === 'string') return id;
  throw new NervError(
    'graph/invalid-argument',
    `An entity or relation is named by its id, or by an object that has one, not by ${String(given)}.`,
  );
}

/** The id of the row that an operation writes. */
export function targetOf(operation: GraphOperation): string {
  return 'input' in operation ? operation.input.id : operation.id;
}
