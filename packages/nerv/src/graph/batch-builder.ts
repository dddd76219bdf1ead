import type { GraphBatch } from './entity-graph.ts';
import { CollectedWrites } from './graph-writes.ts';
import type { OperationFactory } from './operation-factory.ts';

/** Collects a batch's operations, in order. What the schema promises is seen to by the type `GraphBatch`. */
export class BatchBuilder extends CollectedWrites implements GraphBatch {
  constructor(factory: OperationFactory) {
    super(factory.origin);
  }
}
