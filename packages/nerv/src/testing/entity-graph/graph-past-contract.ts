import { describe, expect, test } from 'vitest';
import type { EntityGraph } from '../../graph/entity-graph.ts';
import type { GraphPast } from '../../graph/graph-past.ts';
import { refused } from './setting.ts';

/** A graph that keeps its past, and how to let time go on. */
export interface PastContractSetting {
  readonly graph: EntityGraph & GraphPast;
  /** Lets the graph's clock go on by at least a millisecond; gives a time after what was written before. */
  readonly passTime: () => number | Promise<number>;
}

/** What every graph promises that keeps its past, as tests. `makeSetting` makes a new, empty graph; it is closed. */
export function runGraphPastContract(makeSetting: () => PastContractSetting | Promise<PastContractSetting>): void {
  const withPast = (body: (setting: PastContractSetting) => Promise<void>) => async () => {
    const setting = await makeSetting();
    try {
      await body(setting);
    } finally {
      await setting.graph.close();
    }
  };

  describe('graph past contract', () => {
    test(
      'the past is as it was recorded, whatever is written later',
      withPast(async ({ graph, passTime }) => {
        const before = await passTime();
        const ada = await graph.createEntity('person', {
          id: 'ada',
          name: 'Ada',
          properties: { age: 36 },
        });
        await graph.createEntity('firm', { id: 'firm' });
        const job = await graph.createRelation('works', { id: 'job', from: 'ada', to: 'firm' });
        const then = await passTime();
        await graph.updateEntity('ada', { name: 'Lady Ada', properties: { age: 37 } });
        await graph.updateRelation('job', { strength: 2 });
        const later = await passTime();
        await graph.deleteEntity('firm', { cascade: true });
        await graph.createEntity('robot', { id: 'firm' });

        expect(await (await graph.asOf(before)).query()).toEqual([]);
        const past = await graph.asOf(then);
        expect(await past.getEntity('ada')).toEqual(ada);
        expect(await past.getRelation(job)).toEqual(job);
        expect((await past.query({ type: ['person', 'robot', 'firm'] })).map(({ name, type }) => name || type)).toEqual(
          ['Ada', 'firm'],
        );
        expect(await past.query({ where: { properties: { age: 36 } } })).toEqual([ada]);
        expect(await past.queryRelations({ from: 'ada' })).toEqual([job]);
        expect((await past.neighbors('ada')).map(({ type }) => type)).toEqual(['firm']);
        expect((await past.shortestPath('ada', 'firm'))?.relations).toEqual([job]);
        const middle = await graph.asOf(new Date(later));
        expect((await middle.relationsOf('firm')).map(({ strength }) => strength)).toEqual([2]);
        expect((await middle.getEntity('ada'))?.name).toBe('Lady Ada');
        await graph.deleteEntity('ada', { cascade: true });
        expect((await middle.traverse('ada')).map(({ entity }) => entity.type)).toEqual(['person', 'firm']);
        expect((await (await graph.asOf(await passTime())).query()).map(({ type }) => type)).toEqual(['robot']);
      }),
    );

    test(
      'the history of a row has all it has been, with the times',
      withPast(async ({ graph, passTime }) => {
        expect(await graph.history('x')).toEqual([]);
        const first = await graph.createEntity('note', { id: 'x', name: 'one' });
        await passTime();
        const second = await graph.updateEntity('x', { name: 'two' });
        await passTime();
        await graph.deleteEntity('x');
        await passTime();
        const third = await graph.createEntity('note', { id: 'x', name: 'three' });
        const versions = await graph.history(third);
        expect(versions.map(({ row }) => row)).toEqual([first, second, third]);
        expect(versions.every(({ subject }) => subject === 'entity')).toBe(true);
        const [one, two, three] = versions;
        expect(one?.replacedAt).toBe(two?.recordedAt);
        expect(Number(two?.replacedAt)).toBeLessThan(Number(three?.recordedAt));
        expect(three?.replacedAt).toBeUndefined();
        for (const { row, recordedAt } of versions) {
          expect(await (await graph.asOf(recordedAt ?? 0)).getEntity('x')).toEqual(row);
        }
        expect(await (await graph.asOf(two?.replacedAt ?? 0)).getEntity('x')).toBeUndefined();
      }),
    );

    test(
      'what a refused write would have done is in no past',
      withPast(async ({ graph, passTime }) => {
        await graph.createEntity('note', { id: 'x' });
        await refused(
          () =>
            graph.batch((batch) => {
              batch.updateEntity('x', { name: 'never' });
              batch.deleteEntity('nobody');
            }),
          'entity/not-found',
        );
        await passTime();
        expect(await graph.history('x')).toHaveLength(1);
      }),
    );

    test(
      'recording time and validity are two things',
      withPast(async ({ graph, passTime }) => {
        await graph.createEntity('fact', { id: 'x', validFrom: 100 });
        const then = await passTime();
        await graph.updateEntity('x', { validFrom: 50 });
        const now = await passTime();
        const holds = async (asOf: number, validAt: number): Promise<boolean> =>
          (await (await graph.asOf(asOf)).query({ validAt })).length === 1;
        expect(await holds(then, 70)).toBe(false);
        expect(await holds(then, 100)).toBe(true);
        expect(await holds(now, 70)).toBe(true);
      }),
    );

    test(
      'what is no time is refused',
      withPast(async ({ graph }) => {
        await refused(() => graph.asOf(Number.NaN), 'graph/invalid-argument');
        await refused(() => graph.asOf(new Date('never')), 'graph/invalid-argument');
      }),
    );
  });
}
