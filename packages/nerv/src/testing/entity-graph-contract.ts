import { describe } from 'vitest';
import type { EntityGraph } from '../graph/entity-graph.ts';
import { following } from './entity-graph/graph-live-contract.ts';
import { querying } from './entity-graph/graph-queries-contract.ts';
import type { WithGraph } from './entity-graph/setting.ts';
import { holding } from './entity-graph/graph-validity-contract.ts';
import { walking } from './entity-graph/graph-walks-contract.ts';
import { batching, writingEntities, writingRelations } from './entity-graph/graph-writes-contract.ts';

/** Makes a new, empty graph without a schema; the suite closes it. */
export type MakeContractGraph = () => EntityGraph | Promise<EntityGraph>;

/** What every entity graph promises, as tests: call it inside a test file of the implementation. */
export function runEntityGraphContract(makeGraph: MakeContractGraph): void {
  const withGraph: WithGraph = (body) => async () => {
    const graph = await makeGraph();
    try {
      await body(graph);
    } finally {
      await graph.close();
    }
  };
  describe('entity graph contract', () => {
    writingEntities(withGraph);
    writingRelations(withGraph);
    batching(withGraph);
    querying(withGraph);
    walking(withGraph);
    holding(withGraph);
    following(withGraph);
  });
}
