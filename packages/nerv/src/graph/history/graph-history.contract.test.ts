import { runGraphPastContract } from '../../testing/entity-graph/graph-past-contract.ts';
import { EntityGraph } from '../entity-graph.ts';
import { GraphHistory } from './graph-history.ts';

for (const indexes of [{}, { entities: ['age'] }]) {
  runGraphPastContract(() => {
    let nowMs = 1_000;
    const clock = { nowMicros: () => BigInt(nowMs) * 1000n, nowMs: () => nowMs };
    const graph = new EntityGraph({ clock, indexes, history: new GraphHistory() });
    return {
      graph,
      passTime() {
        nowMs += 2;
        return nowMs - 1;
      },
    };
  });
}
