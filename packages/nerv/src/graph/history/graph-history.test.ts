import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EntityGraph } from '../entity-graph.ts';
import type { Entity, Relation } from '../entity.ts';
import type { LocalEntityGraph } from '../local-entity-graph.ts';
import { GraphHistory, type GraphHistoryOptions } from './graph-history.ts';

/** A graph with a past, and the clock it has. */
function makeGraph(options?: GraphHistoryOptions): {
  readonly graph: LocalEntityGraph;
  readonly history: GraphHistory;
  readonly clock: { nowMs(): number; nowMicros(): bigint; timeMs: number };
} {
  const clock = {
    timeMs: 0,
    nowMs: () => clock.timeMs,
    nowMicros: () => BigInt(clock.timeMs) * 1000n,
  };
  const history = new GraphHistory(options);
  return {
    graph: new EntityGraph({ clock, history, indexes: { entities: ['p'] } }),
    history,
    clock,
  };
}

type Step = (graph: LocalEntityGraph) => void;

const id = fc.constantFrom('a', 'b', 'c', 'd');
const type = fc.constantFrom('x', 'y');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(type, id, fc.nat(2)).map(
    ([of, one, p]): Step =>
      (graph) =>
        void graph.upsertEntity(of, { id: one, tags: [`t${p}`], properties: { p } }),
  ),
  fc.tuple(id, fc.boolean()).map(
    ([one, cascade]): Step =>
      (graph) =>
        graph.deleteEntity(one, { cascade }),
  ),
  fc.tuple(type, id, id, id, fc.boolean()).map(
    ([of, one, from, to, bidirectional]): Step =>
      (graph) =>
        void graph.upsertRelation(of, { id: one, from, to, bidirectional }),
  ),
  id.map(
    (one): Step =>
      (graph) =>
        graph.deleteRelation(one),
  ),
  fc.tuple(id, id).map(
    ([one, other]): Step =>
      (graph) =>
        graph.batch((batch) => {
          batch.deleteEntity(one, { cascade: true });
          batch.createEntity('x', { id: one });
          batch.createRelation('y', { id: one, from: one, to: other });
        }),
  ),
);

function attempt(graph: LocalEntityGraph, now: Step): void {
  try {
    now(graph);
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(entity|relation)\//) });
  }
}

/** Everything a graph says, in an order of its own. */
function tell(graph: Pick<LocalEntityGraph, 'query' | 'queryRelations' | 'relationsOf' | 'getEntity' | 'getRelation'>) {
  const byId = (left: Entity, right: Entity): number => (left.id < right.id ? -1 : 1);
  const entities = graph.query();
  return {
    entities,
    relations: graph.queryRelations(),
    byType: ['x', 'y'].map((of) => graph.query({ type: of })),
    byTag: graph.query({ tags: ['t1'] }),
    byProperty: [0, 1].map((p) => graph.query({ where: { properties: { p } } })),
    byEnd: ['a', 'b'].map((end) => graph.queryRelations({ from: end })),
    around: entities.map((entity) => [...graph.relationsOf(entity)].sort(byId)),
    out: entities.map((entity) => [...graph.relationsOf(entity, { direction: 'out' })].sort(byId)),
    single: ['a', 'b'].map((one): [Entity | undefined, Relation | undefined] => [
      graph.getEntity(one),
      graph.getRelation(one),
    ]),
  };
}

describe('against replay', () => {
  test('the graph as of any time is what replaying the writes up to then gives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(step, fc.nat(1)), { maxLength: 30 }),
        fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
        (steps, changes) => {
          const { graph, clock } = makeGraph({ changes });
          const replayed = makeGraph();
          // What it was at the end of each time, and a view of it that was taken then and asked at once.
          const told = new Map<number, ReturnType<typeof tell>>([[0, tell(replayed.graph)]]);
          const views = new Map<number, ReturnType<LocalEntityGraph['asOf']>>();
          for (const [now, pause] of steps) {
            for (const target of [{ graph, clock }, replayed]) {
              target.clock.timeMs += pause;
              attempt(target.graph, now);
            }
            told.set(clock.timeMs, tell(replayed.graph));
            const before = clock.timeMs - 1;
            if (pause !== 1 || clock.timeMs % 2 !== 0) continue;
            try {
              const view = graph.asOf(before);
              views.set(before, view);
              expect(tell(view)).toEqual(told.get(before));
            } catch (error) {
              // One write may make more changes than are kept.
              expect(error).toMatchObject({
                code: 'graph/history-trimmed',
                details: { timeMs: before },
              });
              expect(changes).toBeDefined();
            }
          }
          for (const [timeMs, wanted] of told) {
            for (const asOf of [() => graph.asOf(timeMs), () => views.get(timeMs) ?? graph.asOf(timeMs)]) {
              try {
                expect(tell(asOf())).toEqual(wanted);
              } catch (error) {
                expect(error).toMatchObject({ code: 'graph/history-trimmed', details: { timeMs } });
                expect(changes).toBeDefined();
              }
            }
          }
        },
      ),
    );
  });
});

describe('retention', () => {
  test('no more changes are kept than asked for, and what is kept can be told', () => {
    const { graph, history, clock } = makeGraph({ changes: 100 });
    for (let number = 1; number <= 1_000; number += 1) {
      clock.timeMs = number;
      graph.upsertEntity('x', { id: `${number % 7}`, name: `${number}` });
    }
    expect(history.size).toBe(100);
    expect(graph.asOf(900).getEntity('4')?.name).toBe('900');
    expect(graph.asOf(950).query({ orderBy: { field: 'updatedAt', direction: 'descending' } })[0]?.name).toBe('950');
    expect(() => graph.asOf(899)).toThrow(
      expect.objectContaining({
        code: 'graph/history-trimmed',
        details: { timeMs: 899, keptFromMs: 900 },
      }),
    );
    const versions = graph.history('4');
    expect(versions[0]).toMatchObject({ recordedAt: 900, replacedAt: 907 });
    expect(versions).toHaveLength(15);
  });

  test('what did not change since is known without a time', () => {
    const { graph, clock } = makeGraph({ changes: 2 });
    const old = graph.createEntity('x', { id: 'old' });
    clock.timeMs = 5;
    for (const other of ['a', 'b', 'c']) graph.createEntity('x', { id: other });
    expect(graph.history('old')).toEqual([
      { subject: 'entity', row: old, recordedAt: undefined, replacedAt: undefined },
    ]);
    clock.timeMs = 6;
    graph.updateEntity('old', { name: 'new' });
    expect(graph.history('old').map(({ recordedAt, replacedAt }) => [recordedAt, replacedAt])).toEqual([
      [undefined, 6],
      [6, undefined],
    ]);
    expect(graph.asOf(5).getEntity('old')).toBe(old);
  });

  test('changes older than asked for are let go at the next write', () => {
    const { graph, history, clock } = makeGraph({ ageMs: 10 });
    graph.createEntity('x', { id: 'a' });
    clock.timeMs = 5;
    graph.createEntity('x', { id: 'b' });
    const view = graph.asOf(4);
    expect(view.query()).toHaveLength(1);
    clock.timeMs = 14;
    graph.createEntity('x', { id: 'c' });
    expect(history.size).toBe(2);
    expect(view.getEntity('a')).toBeDefined();
    clock.timeMs = 16;
    graph.deleteEntity('c');
    for (const ask of [() => view.getEntity('a'), () => view.getRelation('a'), () => view.query()]) {
      expect(ask).toThrow(expect.objectContaining({ code: 'graph/history-trimmed' }));
    }
    expect(graph.asOf(14).query()).toHaveLength(3);
    expect(graph.asOf(16).query()).toHaveLength(2);
  });

  test('a clock that runs backwards does not change the order', () => {
    const { graph, clock } = makeGraph();
    clock.timeMs = 10;
    graph.createEntity('x', { id: 'a' });
    clock.timeMs = 3;
    graph.createEntity('x', { id: 'b' });
    expect(graph.history('b')[0]?.recordedAt).toBe(10);
    expect(graph.asOf(5).query()).toEqual([]);
    expect(graph.asOf(10).query()).toHaveLength(2);
  });

  test.each([{ changes: 0 }, { changes: 1.5 }, { ageMs: -1 }, { ageMs: Number.NaN }])('%j is refused', (options) => {
    expect(() => new GraphHistory(options)).toThrow(expect.objectContaining({ code: 'graph/invalid-argument' }));
  });
});

test('an entity and a relation of one id have both their histories', () => {
  const { graph } = makeGraph();
  graph.createEntity('x', { id: 'a' });
  graph.createRelation('y', { id: 'a', from: 'a', to: 'a' });
  expect(graph.history('a').map(({ subject }) => subject)).toEqual(['entity', 'relation']);
});

test('a history is of one graph; a graph without one has none', () => {
  const history = new GraphHistory();
  new EntityGraph({ history });
  expect(() => new EntityGraph({ history })).toThrow(expect.objectContaining({ code: 'graph/invalid-argument' }));
  const without = new EntityGraph();
  expect(() => without.asOf(0)).toThrow(expect.objectContaining({ code: 'graph/no-history' }));
  expect(() => without.history('a')).toThrow(expect.objectContaining({ code: 'graph/no-history' }));
});

test('what is recorded while a past is read does not show in it', () => {
  const { graph, clock } = makeGraph();
  graph.createEntity('x', { id: 'a' });
  const view = graph.asOf(0);
  clock.timeMs = 1;
  graph.createEntity('x', { id: 'b' });
  const seen: string[] = [];
  for (const { row } of view.rows.entities.all()) {
    seen.push(row.id);
    graph.createEntity('x');
  }
  expect(seen).toEqual(['a']);
  expect([...view.rows.relations.all()]).toEqual([]);
});
