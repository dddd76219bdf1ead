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
import type { GraphOperation, RowInput } from './graph-operation.ts';

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
    return { type, entityType, input: this.#rowInput(input), at: this.#origin.nowMs() };
  }

  updateEntity(entity: Reference, patch: EntityPatch, { ifSeq }: WriteOptions = {}): GraphOperation {
    return { type: 'update-entity', id: idOf(entity), patch, ifSeq, at: this.#origin.nowMs() };
  }

  deleteEntity(entity: Reference, { cascade = false, ifSeq }: DeleteEntityOptions = {}): GraphOperation {
    return { type: 'delete-entity', id: idOf(entity), cascade, ifSeq, at: this.#origin.nowMs() };
  }

  relation(type: 'create-relation' | 'upsert-relation', relationType: string, input: RelationInput): GraphOperation {
    const { strength, bidirectional } = input;
    const [from, to] = [idOf(input.from), idOf(input.to)];
    const row = this.#rowInput(input);
    return { type, relationType, from, to, strength, bidirectional, input: row, at: this.#origin.nowMs() };
  }

  updateRelation(relation: Reference, patch: RelationPatch, { ifSeq }: WriteOptions = {}): GraphOperation {
    return { type: 'update-relation', id: idOf(relation), patch, ifSeq, at: this.#origin.nowMs() };
  }

  deleteRelation(relation: Reference, { ifSeq }: WriteOptions = {}): GraphOperation {
    return { type: 'delete-relation', id: idOf(relation), ifSeq, at: this.#origin.nowMs() };
  }

  /** The same, all its operations at one time: those of a batch. */
  atOnce(): OperationFactory {
    const at = this.#origin.nowMs();
    return new OperationFactory({ ...this.#origin, nowMs: () => at });
  }

  #rowInput(input: EntityInput): RowInput {
    const { name, description, tags, properties, createdAt, validFrom, validTo } = input;
    const { id = this.#origin.nextId() } = input;
    return { id, name, description, tags, properties, createdAt, validFrom, validTo };
  }
}

/**
 * The id that a reference names.
 * @throws NervError `graph/invalid-argument` for what is neither an id nor has one
 */
export function idOf(reference: Reference): string {
  const id: unknown = typeof reference === 'string' ? reference : Reflect.get(Object(reference) as object, 'id');
  if (typeof id === 'string') return id;
  throw new NervError('graph/invalid-argument', `A row is named by its id, or by itself, not by ${String(reference)}.`);
}

/** The id of the row that an operation writes. */
export function targetOf(operation: GraphOperation): string {
  return 'input' in operation ? operation.input.id : operation.id;
}
