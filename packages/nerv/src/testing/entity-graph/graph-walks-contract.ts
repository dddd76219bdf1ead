import { expect, test } from 'vitest';
import type { EntityGraph } from '../../graph/entity-graph.ts';
import type { Entity } from '../../graph/entity.ts';
import { refused, type WithGraph } from './setting.ts';

/** Walks and paths go along relations. */
export function walking(withGraph: WithGraph): void {
  // a -> b -> c -> d, a -> c heavy, e alone; d - a both ways of another type
  const chain = async (graph: EntityGraph): Promise<void> => {
    await graph.batch((batch) => {
      for (const id of 'abcde') batch.createEntity('node', { id });
      batch.createRelation('leads', { id: 'ab', from: 'a', to: 'b' });
      batch.createRelation('leads', { id: 'bc', from: 'b', to: 'c' });
      batch.createRelation('leads', { id: 'cd', from: 'c', to: 'd' });
      batch.createRelation('leads', { id: 'ac', from: 'a', to: 'c', strength: 5 });
      batch.createRelation('twin', { id: 'da', from: 'd', to: 'a', bidirectional: true });
    });
  };
  const leads = { relationType: 'leads' } as const;
  const sorted = (letters: string): string => letters.split('').sort().join('');
  const idsOf = (entities: readonly Entity[]): string => entities.map(({ id }) => id).join('');

  test(
    'neighbours are found by direction, type, depth and number',
    withGraph(async (graph) => {
      await chain(graph);
      const ids = async (id: string, options: Parameters<EntityGraph['neighbors']>[1]): Promise<string> =>
        sorted(idsOf(await graph.neighbors(id, options)));
      expect(await ids('a', {})).toBe('bcd');
      expect(await ids('c', { direction: 'out' })).toBe('d');
      expect(await ids('c', { direction: 'in' })).toBe('ab');
      expect(await ids('a', { direction: 'out', relationType: 'twin' })).toBe('d');
      expect(await ids('a', { ...leads, direction: 'out', depth: 2 })).toBe('bcd');
      expect(await graph.neighbors('a', { limit: 2 })).toHaveLength(2);
      expect(await ids('e', {})).toBe('');
    }),
  );

  test(
    'a walk goes breadth first or depth first, within its bounds',
    withGraph(async (graph) => {
      await chain(graph);
      const wide = await graph.traverse('a', leads);
      expect(wide.map(({ entity, depth }) => `${entity.id}${depth}`)).toEqual(['a0', 'b1', 'c1', 'd2']);
      expect(wide[3]?.via?.id).toBe('cd');
      const deep = await graph.traverse('a', { ...leads, order: 'depth-first' });
      expect(deep.map(({ entity, depth }) => `${entity.id}${depth}`)).toEqual(['a0', 'b1', 'c2', 'd3']);
      const shallow = await graph.traverse('a', { ...leads, maxDepth: 1 });
      expect(shallow.map(({ entity }) => entity.id)).toEqual(['a', 'b', 'c']);
      expect(await graph.traverse('a', { ...leads, limit: 2 })).toHaveLength(2);
      await refused(() => graph.traverse('nobody'), 'entity/not-found');
    }),
  );

  test(
    'the shortest path counts relations, or weighs them',
    withGraph(async (graph) => {
      await chain(graph);
      const short = await graph.shortestPath('a', 'd', leads);
      expect([idsOf(short?.entities ?? []), short?.cost]).toEqual(['acd', 2]);
      const light = await graph.shortestPath('a', 'd', {
        ...leads,
        weight: (relation) => relation.strength,
      });
      expect([light?.relations.map(({ id }) => id), light?.cost]).toEqual([['ab', 'bc', 'cd'], 3]);
      expect(await graph.shortestPath('a', 'e')).toBeUndefined();
      expect(await graph.shortestPath('d', 'a', leads)).toBeUndefined();
      expect((await graph.shortestPath('a', 'a'))?.cost).toBe(0);
      await refused(() => graph.shortestPath('a', 'd', { weight: () => -1 }), 'graph/invalid-argument');
    }),
  );
}
