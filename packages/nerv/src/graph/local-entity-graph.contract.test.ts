import { runEntityGraphContract } from '../testing/entity-graph-contract.ts';
import { EntityGraph } from './entity-graph.ts';

runEntityGraphContract(() => new EntityGraph());
runEntityGraphContract(() => new EntityGraph({ indexes: { entities: ['age', 'town'], relations: ['euros'] } }));
