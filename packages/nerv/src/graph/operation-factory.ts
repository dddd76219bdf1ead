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
import { GraphWrites, type WriteOrigin } from './graph-writes.ts';

/** Makes operations of what the graph's methods are given. Checks nothing: applying does. */
export class OperationFactory {
  readonly origin: WriteOrigin;
  readonly #writes: Operations;

  constructor(origin: WriteOrigin) {
    this.origin = origin;
    this.#writes = new Operations(origin);
  }

  entity(type: 'create-entity' | 'upsert-entity', entityType: string, input: EntityInput): GraphOperation {
    return type === 'create-entity'
      ? this.#writes.createEntity(entityType, input)
      : this.#writes.upsertEntity(entityType, input);
  }

  updateEntity(entity: Reference, patch: EntityPatch, options?: WriteOptions): GraphOperation {
    return this.#writes.updateEntity(entity, patch, options);
  }

  deleteEntity(entity: Reference, options?: DeleteEntityOptions): GraphOperation {
    return this.#writes.deleteEntity(entity, options);
  }

  relation(type: 'create-relation' | 'upsert-relation', relationType: string, input: RelationInput): GraphOperation {
    return type === 'create-relation'
      ? this.#writes.createRelation(relationType, input)
      : this.#writes.upsertRelation(relationType, input);
  }

  updateRelation(relation: Reference, patch: RelationPatch, options?: WriteOptions): GraphOperation {
    return this.#writes.updateRelation(relation, patch, options);
  }

  deleteRelation(relation: Reference, options?: WriteOptions): GraphOperation {
    return this.#writes.deleteRelation(relation, options);
  }

  /** The same, all its operations at one time: those of a batch. */
  atOnce(): OperationFactory {
    const at = this.origin.nowMs();
    return new OperationFactory({ ...this.origin, nowMs: () => at });
  }
}

class Operations extends GraphWrites<GraphOperation> {
  protected override take(operation: GraphOperation): GraphOperation {
    return operation;
  }
}
