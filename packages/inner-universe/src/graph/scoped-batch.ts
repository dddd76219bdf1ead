import { NervError } from '@inner-universe/nerv';
import type {
  DeleteEntityOptions,
  EntityInput,
  EntityPatch,
  GraphBatch,
  GraphSchema,
  Reference,
  RelationInput,
  RelationPatch,
  WriteOptions,
} from '@inner-universe/nerv/graph';
import { BatchBuilder, type GraphOperation, type OperationFactory } from '@inner-universe/nerv/graph/replica';
import { isWellFormed } from '../controller/check-options.ts';
import { checkInput, checkPatch, checkReference } from './check-input.ts';
import { checkBatchedOptions } from './write-options.ts';

/** A write that may say which scope it creates in. */
export type ScopedOperation = GraphOperation & {
  /** Undefined for the one that its graph writes to; of what is there already, the scope stays as it is. */
  readonly scope?: string | undefined;
};

/** A batch whose writes may go to several scopes. */
export interface ScopedGraphBatch<S extends GraphSchema = GraphSchema> extends GraphBatch<S> {
  /** The same batch, with what is created through it in another scope; its writes have their place among all others. */
  inScope(scope: string): ScopedGraphBatch<S>;
}

/** The same write, in a scope; undefined for the one that its graph writes to. @throws NervError `graph/invalid-argument` */
export function inScope(operation: GraphOperation, scope: string | undefined): ScopedOperation {
  return scope === undefined ? operation : { ...operation, scope: checkedScope(scope) };
}

/** The scope that a write creates in. */
export function scopeOf(operation: ScopedOperation, byDefault: string): string {
  return operation.scope ?? byDefault;
}

/** Collects a batch's operations, of all its scopes, in order. */
export class ScopedBatchBuilder extends BatchBuilder implements ScopedGraphBatch {
  readonly #factory: OperationFactory;
  readonly #scope: string | undefined;
  readonly #root: ScopedBatchBuilder | undefined;

  constructor(factory: OperationFactory, scope?: string, root?: ScopedBatchBuilder) {
    super(factory);
    this.#factory = factory;
    this.#scope = scope === undefined ? undefined : checkedScope(scope);
    this.#root = root;
  }

  inScope(scope: string): ScopedBatchBuilder {
    return new ScopedBatchBuilder(this.#factory, scope, this.#root ?? this);
  }

  override createEntity(type: string, input: EntityInput = {}): string {
    checkInput('entity', type, input);
    return super.createEntity(type, input);
  }

  override upsertEntity(type: string, input: EntityInput): string {
    checkInput('entity', type, input);
    return super.upsertEntity(type, input);
  }

  override updateEntity(entity: Reference, patch: EntityPatch, options: WriteOptions = {}): string {
    checkPatch('entity', entity, patch);
    checkBatchedOptions('updateEntity', options);
    return super.updateEntity(entity, patch, options);
  }

  override deleteEntity(entity: Reference, options: DeleteEntityOptions = {}): string {
    checkReference('entity', entity);
    checkBatchedOptions('deleteEntity', options);
    return super.deleteEntity(entity, options);
  }

  override createRelation(type: string, input: RelationInput): string {
    checkInput('relation', type, input);
    return super.createRelation(type, input);
  }

  override upsertRelation(type: string, input: RelationInput): string {
    checkInput('relation', type, input);
    return super.upsertRelation(type, input);
  }

  override updateRelation(relation: Reference, patch: RelationPatch, options: WriteOptions = {}): string {
    checkPatch('relation', relation, patch);
    checkBatchedOptions('updateRelation', options);
    return super.updateRelation(relation, patch, options);
  }

  override deleteRelation(relation: Reference, options: WriteOptions = {}): string {
    checkReference('relation', relation);
    checkBatchedOptions('deleteRelation', options);
    return super.deleteRelation(relation, options);
  }

  protected override take(operation: ScopedOperation): string {
    const scoped = operation.scope === undefined ? inScope(operation, this.#scope) : operation;
    return this.#root === undefined ? super.take(scoped) : this.#root.take(scoped);
  }
}

function checkedScope(scope: unknown): string {
  if (typeof scope === 'string' && scope !== '' && isWellFormed(scope)) return scope;
  throw new NervError('graph/invalid-argument', `The scope of a write is ${String(scope)}; it must be a name.`, {
    details: { option: 'scope', value: String(scope) },
  });
}
