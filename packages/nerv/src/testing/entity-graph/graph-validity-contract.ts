import { expect, test } from 'vitest';
import type { EntityGraph } from '../../graph/entity-graph.ts';
import { refused, type WithGraph } from './setting.ts';

/** Facts hold for a while, whenever they were recorded. */
export function holding(withGraph: WithGraph): void {
  // Ada works for a firm from 10 to 20, and for another from 20 on; the first firm is there until 30.
  const work = async (graph: EntityGraph): Promise<void> => {
    await graph.batch((batch) => {
      batch.createEntity('person', { id: 'ada' });
      batch.createEntity('firm', { id: 'first', validTo: 30 });
      batch.createEntity('firm', { id: 'second', validFrom: 15 });
      batch.createRelation('works', {
        id: 'one',
        from: 'ada',
        to: 'first',
        validFrom: 10,
        validTo: 20,
      });
      batch.createRelation('works', { id: 'two', from: 'ada', to: 'second', validFrom: 20 });
      batch.createRelation('owns', { id: 'own', from: 'second', to: 'first' });
    });
  };

  test(
    'a validity is read back, changed in part and taken away',
    withGraph(async (graph) => {
      await work(graph);
      expect(await graph.getEntity('ada')).toMatchObject({
        validFrom: undefined,
        validTo: undefined,
      });
      expect(await graph.getRelation('one')).toMatchObject({ validFrom: 10, validTo: 20 });
      expect(await graph.updateRelation('one', { validTo: 25 })).toMatchObject({
        validFrom: 10,
        validTo: 25,
      });
      expect(await graph.updateRelation('one', { name: 'job' })).toMatchObject({
        validFrom: 10,
        validTo: 25,
      });
      const open = await graph.updateRelation('one', { clearValidity: true, validFrom: 5 });
      expect(open).toMatchObject({ validFrom: 5, validTo: undefined });
      expect(await graph.updateEntity('first', { clearValidity: true })).toMatchObject({
        validTo: undefined,
      });
      const replaced = await graph.upsertEntity('firm', { id: 'first', validFrom: 1, validTo: 1 });
      expect(replaced).toMatchObject({ validFrom: 1, validTo: 1 });
    }),
  );

  test(
    'a validity that ends before it begins, or is no time, is refused',
    withGraph(async (graph) => {
      await work(graph);
      await refused(() => graph.createEntity('firm', { validFrom: 2, validTo: 1 }), 'entity/invalid');
      await refused(() => graph.updateEntity('first', { validFrom: 31 }), 'entity/invalid');
      await refused(() => graph.updateRelation('one', { validTo: Number.NaN }), 'relation/invalid');
      await refused(() => graph.createEntity('firm', { validFrom: Number.POSITIVE_INFINITY }), 'entity/invalid');
    }),
  );

  test(
    'queries find what holds at a time: from its beginning on, and before its end',
    withGraph(async (graph) => {
      await work(graph);
      const entities = async (validAt: number): Promise<string> =>
        (await graph.query({ validAt })).map(({ id }) => id).join(' ');
      expect(await entities(14)).toBe('ada first');
      expect(await entities(15)).toBe('ada first second');
      expect(await entities(30)).toBe('ada second');
      const relations = async (validAt: number | Date): Promise<string> =>
        (await graph.queryRelations({ type: 'works', validAt })).map(({ id }) => id).join(' ');
      expect(await relations(9)).toBe('');
      expect(await relations(19)).toBe('one');
      expect(await relations(new Date(20))).toBe('two');
      const ended = await graph.queryRelations({ where: { validTo: { lte: 20 } } });
      expect(ended.map(({ id }) => id)).toEqual(['one']);
      await refused(() => graph.query({ validAt: Number.NaN }), 'graph/invalid-query');
    }),
  );

  test(
    'walks take what holds at a time, relations and entities',
    withGraph(async (graph) => {
      await work(graph);
      const around = async (validAt: number, depth: number): Promise<string> =>
        (await graph.neighbors('ada', { validAt, depth }))
          .map(({ id }) => id)
          .sort()
          .join(' ');
      expect(await around(5, 2)).toBe('');
      expect(await around(12, 2)).toBe('first');
      expect(await around(16, 2)).toBe('first second');
      expect(await around(25, 1)).toBe('second');
      expect(await around(25, 2)).toBe('first second');
      expect(await around(30, 2)).toBe('second');
      const ties = async (of: string, validAt: number): Promise<string> =>
        (await graph.relationsOf(of, { validAt }))
          .map(({ id }) => id)
          .sort()
          .join(' ');
      expect(await ties('ada', 19)).toBe('one');
      expect(await ties('second', 14)).toBe('own');
      expect(await ties('second', 30)).toBe('two');
      expect((await graph.traverse('ada', { validAt: 25 })).map(({ entity }) => entity.id)).toEqual([
        'ada',
        'second',
        'first',
      ]);
      const path = async (validAt: number): Promise<readonly string[] | undefined> =>
        (await graph.shortestPath('ada', 'first', { validAt }))?.relations.map(({ id }) => id);
      expect(await path(19)).toEqual(['one']);
      expect(await path(25)).toEqual(['two', 'own']);
      expect(await path(30)).toBeUndefined();
      await refused(() => graph.neighbors('ada', { validAt: Number.NaN }), 'graph/invalid-argument');
    }),
  );
}
