import { expect, test, vi } from 'vitest';
import type { QueryDelta } from '../../graph/entity-graph.ts';
import type { Entity } from '../../graph/entity.ts';
import type { GraphChange } from '../../graph/graph-change.ts';
import { refused, type WithGraph } from './setting.ts';

/** Subscribers and live queries follow what is written. */
export function following(withGraph: WithGraph): void {
  test(
    'subscribers are told of each change, after the write, in order',
    withGraph(async (graph) => {
      const all: string[] = [];
      const people: string[] = [];
      const tell = (change: GraphChange): string => `${change.type} ${change.subject} ${change.id}`;
      graph.subscribe((change) => all.push(tell(change)));
      const subscription = graph.subscribe({ subject: 'entity', type: 'person', change: 'updated' }, (change) =>
        people.push(`${change.before?.name} -> ${change.after?.name}`),
      );
      await graph.batch((batch) => {
        batch.createEntity('person', { id: 'a', name: 'Ada' });
        batch.createEntity('robot', { id: 'b' });
        batch.createRelation('owns', { id: 'r', from: 'a', to: 'b' });
      });
      await graph.updateEntity('a', { name: 'Lady Ada' });
      subscription.unsubscribe();
      await graph.updateEntity('a', { name: 'Countess' });
      await graph.deleteEntity('b', { cascade: true });
      await vi.waitFor(() => expect(all).toHaveLength(7));
      expect(all.slice(0, 5)).toEqual([
        'inserted entity a',
        'inserted entity b',
        'inserted relation r',
        'updated entity a',
        'updated entity a',
      ]);
      expect(all.slice(5).sort()).toEqual(['deleted entity b', 'deleted relation r']);
      expect(people).toEqual(['Ada -> Lady Ada']);
    }),
  );

  test(
    'a live query starts with its result and follows it',
    withGraph(async (graph) => {
      await graph.createEntity('person', { id: '1', name: 'Cleo', properties: { age: 40 } });
      const live = graph.liveQuery({
        type: 'person',
        where: { properties: { age: { gte: 18 } } },
        orderBy: { field: 'name' },
      });
      const names = (): string => live.current.map(({ name }) => name).join(' ');
      const deltas: QueryDelta<Entity>[] = [];
      live.subscribe((delta) => deltas.push(delta));
      await vi.waitFor(() => expect(names()).toBe('Cleo'));
      await graph.createEntity('person', { id: '2', name: 'Ada', properties: { age: 36 } });
      await graph.createEntity('person', { id: '3', name: 'Bob', properties: { age: 17 } });
      await graph.createEntity('robot', { id: '4', name: 'Abe', properties: { age: 99 } });
      await vi.waitFor(() => expect(names()).toBe('Ada Cleo'));
      await graph.updateEntity('3', { properties: { age: 18 } });
      await graph.updateEntity('1', { name: 'Abby' });
      await vi.waitFor(() => expect(names()).toBe('Abby Ada Bob'));
      await graph.deleteEntity('2');
      await vi.waitFor(() => expect(names()).toBe('Abby Bob'));
      const told = deltas.filter(({ origin }) => origin === 'confirmed');
      expect(told.flatMap(({ added }) => added.map(({ id }) => id)).slice(-2)).toEqual(['2', '3']);
      expect(told.flatMap(({ updated }) => updated.map(({ after }) => after.name))).toEqual(['Abby']);
      expect(told.flatMap(({ removed }) => removed.map(({ id }) => id))).toEqual(['2']);
      live.close();
      await graph.createEntity('person', { id: '5', name: 'Eve', properties: { age: 20 } });
      expect(names()).toBe('Abby Bob');
    }),
  );

  test(
    'a closed graph takes no writes, and closing again is harmless',
    withGraph(async (graph) => {
      await graph.close();
      await graph.close();
      await refused(() => graph.createEntity('person'), 'graph/closed');
    }),
  );
}
