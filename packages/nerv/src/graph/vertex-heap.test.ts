import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StoredVertex } from './stored-vertex.ts';
import type { EntityVertex } from './vertex.ts';
import { VertexHeap } from './vertex-heap.ts';

test('vertices come out by cost, the cheapest first', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 10, maxLength: 60 }), (costs) => {
      const heap = new VertexHeap();
      const costOf = new Map<EntityVertex, number>();
      for (const cost of costs) {
        // A heap does not look at the entities.
        const vertex = new StoredVertex(undefined) as EntityVertex;
        costOf.set(vertex, cost);
        heap.push(vertex, cost);
      }
      const popped: (number | undefined)[] = [];
      while (heap.firstCost < Infinity) {
        const cost = heap.firstCost;
        const vertex = heap.pop();
        expect(vertex && costOf.get(vertex)).toBe(cost);
        popped.push(cost);
      }
      expect(popped).toEqual([...costs].sort((left, right) => left - right));
      expect(heap.pop()).toBeUndefined();
    }),
  );
});
