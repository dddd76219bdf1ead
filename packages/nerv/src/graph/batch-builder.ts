import type {
  DeleteEntityOptions,
  EntityInput,
  EntityPatch,
  Reference,
  RelationInput,
  RelationPatch,
  WriteOptions,
} from './entity.ts';
import type { GraphBatch } from './entity-graph.ts';
import type { GraphOperation } from './graph-operation.ts';
import { type OperationFactory, targetOf } from './operation-factory.ts';

/** Collects a batch's operations, in order. What the schema promises is seen to by the type `GraphBatch`. */
export class BatchBuilder implements GraphBatch {
  readonly operations: GraphOperation[] = [];
  readonly #factory: OperationFactory;

  constructor(factory: OperationFactory) {
    this.#factory = factory;
  }

  createEntity(type: string, input: EntityInput = {}): string {
    return this.#add(this.#factory.entity('create-entity', type, input));
  }

  upsertEntity(type: string, input: EntityInput): string {
    return this.#add(this.#factory.entity('upsert-entity', type, input));
  }

  updateEntity(entity: Reference, patch: EntityPatch, options?: WriteOptions): string {
    return this.#add(this.#factory.updateEntity(entity, patch, options));
  }

  deleteEntity(entity: Reference, options?: DeleteEntityOptions): string {
    return this.#add(this.#factory.deleteEntity(entity, options));
  }

  createRelation(type: string, input: RelationInput): string {
    return this.#add(this.#factory.relation('create-relation', type, input));
  }

  upsertRelation(type: string, input: RelationInput): string {
    return this.#add(this.#factory.relation('upsert-relation', type, input));
  }

  updateRelation(relation: Reference, patch: RelationPatch, options?: WriteOptions): string {
    return this.#add(this.#factory.updateRelation(relation, patch, options));
  }

  deleteRelation(relation: Reference, options?: WriteOptions): string {
    return this.#add(this.#factory.deleteRelation(relation, options));
  }

  #add(operation: GraphOperation): string {
    this.operations.push(operation);
    return targetOf(operation);
  }
}
