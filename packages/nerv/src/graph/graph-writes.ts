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

/** The writes of a graph, each made an operation, which `take` does something with. Checks nothing: applying does. */
export abstract class GraphWrites<Result> {
  readonly #origin: WriteOrigin;

  constructor(origin: WriteOrigin) {
    this.#origin = origin;
  }

  /** What becomes of an operation, and of what the write gives. */
  protected abstract take(operation: GraphOperation): Result;

  createEntity(entityType: string, input: EntityInput = {}): Result {
    return this.take({ type: 'create-entity', entityType, input: this.#row(input), at: this.#now });
  }

  upsertEntity(entityType: string, input: EntityInput): Result {
    return this.take({ type: 'upsert-entity', entityType, input: this.#row(input), at: this.#now });
  }

  updateEntity(entity: Reference, patch: EntityPatch, { ifSeq }: WriteOptions = {}): Result {
    return this.take({ type: 'update-entity', id: idOf(entity), patch, ifSeq, at: this.#now });
  }

  deleteEntity(entity: Reference, { cascade = false, ifSeq }: DeleteEntityOptions = {}): Result {
    return this.take({ type: 'delete-entity', id: idOf(entity), cascade, ifSeq, at: this.#now });
  }

  createRelation(relationType: string, input: RelationInput): Result {
    return this.#relation('create-relation', relationType, input);
  }

  upsertRelation(relationType: string, input: RelationInput): Result {
    return this.#relation('upsert-relation', relationType, input);
  }

  updateRelation(relation: Reference, patch: RelationPatch, { ifSeq }: WriteOptions = {}): Result {
    return this.take({ type: 'update-relation', id: idOf(relation), patch, ifSeq, at: this.#now });
  }

  deleteRelation(relation: Reference, { ifSeq }: WriteOptions = {}): Result {
    return this.take({ type: 'delete-relation', id: idOf(relation), ifSeq, at: this.#now });
  }

  #relation(type: 'create-relation' | 'upsert-relation', relationType: string, input: RelationInput): Result {
    const { strength, bidirectional } = input;
    const [from, to] = [idOf(input.from), idOf(input.to)];
    return this.take({
      type,
      relationType,
      from,
      to,
      strength,
      bidirectional,
      input: this.#row(input),
      at: this.#now,
    });
  }

  get #now(): number {
    return this.#origin.nowMs();
  }

  #row(input: EntityInput): RowInput {
    const { name, description, tags, properties, createdAt, validFrom, validTo } = input;
    const { id = this.#origin.nextId() } = input;
    return { id, name, description, tags, properties, createdAt, validFrom, validTo };
  }
}

/** Collects operations, in order, and gives the id of what each writes. */
export class CollectedWrites extends GraphWrites<string> {
  readonly operations: GraphOperation[] = [];

  protected override take(operation: GraphOperation): string {
    this.operations.push(operation);
    return targetOf(operation);
  }
}

/**
 * The id that a reference names.
 * @throws NervError `graph/invalid-argument` for what is neither an id nor has one
 */
export function idOf(reference: Reference): string {
  const given: unknown = reference;
  const id: unknown = typeof given === 'string' ? given : Reflect.get(Object(given) as object, 'id');
  if (typeof id === 'string') return id;
  throw new NervError('graph/invalid-argument', `A row is named by its id, or by itself, not by ${String(given)}.`);
}

/** The id of the row that an operation writes. */
export function targetOf(operation: GraphOperation): string {
  return 'input' in operation ? operation.input.id : operation.id;
}
