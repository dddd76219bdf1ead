import { describe, expect, test, vi } from 'vitest';
import type { GraphChange } from '../graph/graph-change.ts';
import type { EntityGraph, QueryDelta } from '../graph/entity-graph.ts';
import type { Entity } from '../graph/entity.ts';

/** Makes a new, empty graph without a schema; the suite closes it. */
export type MakeContractGraph = () => EntityGraph | Promise<EntityGraph>;

type WithGraph = (body: (graph: EntityGraph) => Promise<void>) => () => Promise<void>;

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
    following(withGraph);
  });
}

function writingEntities(withGraph: WithGraph): void {
  test(
    'a created entity is read back as it was given, and frozen',
    withGraph(async (graph) => {
      const properties = { age: 36, big: 12n, born: new Date(5), lists: [[1, 'x'], null], ['__proto__']: true };
      const tags = ['mathematician', 'writer', 'writer'];
      const ada = await graph.createEntity('person', { name: 'Ada', description: 'Countess', tags, properties });
      tags.push('later');
      expect(ada).toMatchObject({ type: 'person', name: 'Ada', description: 'Countess' });
      expect(ada.tags).toEqual(['mathematician', 'writer']);
      expect(ada.properties).toEqual({
        age: 36,
        big: 12n,
        born: new Date(5),
        lists: [[1, 'x'], null],
        ['__proto__']: true,
      });
      expect(Object.isFrozen(ada) && Object.isFrozen(ada.tags) && Object.isFrozen(ada.properties)).toBe(true);
      expect(ada.updatedAt).toBeGreaterThanOrEqual(ada.createdAt);
      expect(await graph.getEntity(ada.id)).toEqual(ada);
      expect(await graph.getEntity(ada)).toEqual(ada);
    }),
  );

  test(
    'an entity needs nothing but a type, and keeps the id it was given',
    withGraph(async (graph) => {
      const plain = await graph.createEntity('person');
      expect(plain).toMatchObject({ name: '', description: '', tags: [], properties: {} });
      const named = await graph.createEntity('file', { id: 'git:repo:1' });
      expect(named.id).toBe('git:repo:1');
      expect(await graph.getEntity('nobody')).toBeUndefined();
    }),
  );

  test(
    'an update changes what it names and leaves the rest',
    withGraph(async (graph) => {
      const ada = await graph.createEntity('person', {
        name: 'Ada',
        tags: ['a'],
        properties: { age: 36, town: 'London' },
      });
      const older = await graph.updateEntity(ada, { properties: { age: 37, alive: false } });
      expect(older).toMatchObject({ id: ada.id, name: 'Ada', tags: ['a'], createdAt: ada.createdAt });
      expect(older.properties).toEqual({ age: 37, town: 'London', alive: false });
      const moved = await graph.updateEntity(ada.id, { name: 'Lady Ada', tags: [], removeProperties: ['town'] });
      expect(moved).toMatchObject({ name: 'Lady Ada', tags: [], properties: { age: 37, alive: false } });
      expect(ada.name).toBe('Ada');
      expect(await graph.getEntity(ada)).toEqual(moved);
    }),
  );

  test(
    'an upsert creates, then replaces',
    withGraph(async (graph) => {
      const first = await graph.upsertEntity('file', { id: 'f', name: 'a.txt', properties: { size: 1 } });
      const second = await graph.upsertEntity('file', { id: 'f', name: 'b.txt' });
      expect(second).toMatchObject({ id: 'f', name: 'b.txt', properties: {}, createdAt: first.createdAt });
      expect(await graph.query({ type: 'file' })).toEqual([second]);
    }),
  );

  test(
    'a deleted entity is gone; one with relations only with them',
    withGraph(async (graph) => {
      const a = await graph.createEntity('person', { id: 'a' });
      const b = await graph.createEntity('person', { id: 'b' });
      const knows = await graph.createRelation('knows', { from: a, to: b });
      await refused(() => graph.deleteEntity(b), 'entity/has-relations');
      expect(await graph.getEntity(b)).toEqual(b);
      await graph.deleteEntity(b, { cascade: true });
      expect(await graph.getEntity(b)).toBeUndefined();
      expect(await graph.getRelation(knows)).toBeUndefined();
      await graph.deleteEntity('a');
      expect(await graph.query()).toEqual([]);
    }),
  );

  test(
    'wrong writes are refused by code and write nothing',
    withGraph(async (graph) => {
      const ada = await graph.createEntity('person', { id: 'ada', name: 'Ada' });
      await refused(() => graph.createEntity('person', { id: 'ada' }), 'entity/id-taken');
      await refused(() => graph.updateEntity('nobody', { name: 'x' }), 'entity/not-found');
      await refused(() => graph.deleteEntity('nobody'), 'entity/not-found');
      await refused(() => graph.createEntity(''), 'entity/invalid');
      await refused(() => graph.createEntity('person', { id: 'x'.repeat(129) }), 'entity/invalid');
      await refused(() => graph.createEntity('person', { tags: [''] }), 'entity/invalid');
      // What the types forbid is what a program without types may do.
      const wrong = { f: () => 1 } as unknown as { f: string };
      await refused(() => graph.createEntity('person', { properties: wrong }), 'value/unsupported');
      await refused(() => graph.updateEntity(ada, { properties: wrong }), 'value/unsupported');
      await refused(() => graph.updateEntity(ada, { name: 'y' }, { ifSeq: 123_456 }), 'entity/seq-mismatch');
      expect(await graph.query()).toEqual([ada]);
    }),
  );
}

function writingRelations(withGraph: WithGraph): void {
  test(
    'a relation is read back as it was given, updated and deleted',
    withGraph(async (graph) => {
      const { a, b } = await twoPeople(graph);
      const knows = await graph.createRelation('knows', {
        from: a,
        to: b.id,
        strength: 0.5,
        bidirectional: true,
        name: 'school',
        tags: ['old'],
        properties: { since: 1830 },
      });
      expect(knows).toMatchObject({ type: 'knows', from: 'a', to: 'b', strength: 0.5, bidirectional: true });
      expect(knows).toMatchObject({ name: 'school', tags: ['old'], properties: { since: 1830 } });
      expect(await graph.getRelation(knows.id)).toEqual(knows);
      const stronger = await graph.updateRelation(knows, { strength: 2, properties: { until: 1852 } });
      expect(stronger).toMatchObject({ strength: 2, bidirectional: true, properties: { since: 1830, until: 1852 } });
      await graph.deleteRelation(knows);
      expect(await graph.getRelation(knows)).toBeUndefined();
      expect(await graph.relationsOf(a)).toEqual([]);
    }),
  );

  test(
    'a relation needs both its ends',
    withGraph(async (graph) => {
      await graph.createEntity('person', { id: 'a' });
      await refused(() => graph.createRelation('knows', { from: 'a', to: 'z' }), 'relation/endpoint-missing');
      await refused(() => graph.createRelation('knows', { from: 'z', to: 'a' }), 'relation/endpoint-missing');
      expect(await graph.queryRelations()).toEqual([]);
    }),
  );

  test(
    'an upsert of a relation creates, then replaces, but never moves its ends',
    withGraph(async (graph) => {
      const { a, b } = await twoPeople(graph);
      await graph.upsertRelation('knows', { id: 'r', from: a, to: b, properties: { since: 1 } });
      const second = await graph.upsertRelation('knows', { id: 'r', from: a, to: b, strength: 2 });
      expect(second).toMatchObject({ strength: 2, properties: {} });
      expect(await graph.queryRelations()).toEqual([second]);
      await refused(() => graph.upsertRelation('knows', { id: 'r', from: b, to: a }), 'relation/id-taken');
      await refused(() => graph.upsertRelation('pays', { id: 'r', from: a, to: b }), 'relation/id-taken');
      await refused(() => graph.upsertEntity('robot', { id: 'a' }), 'entity/id-taken');
    }),
  );

  test(
    'wrong writes of relations are refused by code',
    withGraph(async (graph) => {
      const { a, b } = await twoPeople(graph);
      await graph.createRelation('knows', { id: 'r', from: a, to: b });
      await refused(() => graph.createRelation('knows', { id: 'r', from: a, to: b }), 'relation/id-taken');
      await refused(() => graph.createRelation('knows', { from: a, to: b, strength: Number.NaN }), 'relation/invalid');
      await refused(() => graph.updateRelation('nothing', { strength: 1 }), 'relation/not-found');
      await refused(() => graph.deleteRelation('nothing'), 'relation/not-found');
    }),
  );

  test(
    'the relations of an entity are found by direction and type',
    withGraph(async (graph) => {
      const { a, b } = await twoPeople(graph);
      await graph.createRelation('knows', { id: 'ab', from: a, to: b });
      await graph.createRelation('pays', { id: 'ba', from: b, to: a });
      await graph.createRelation('likes', { id: 'aa', from: a, to: a });
      const ids = async (options: Parameters<EntityGraph['relationsOf']>[1]): Promise<string[]> =>
        (await graph.relationsOf(a, options)).map(({ id }) => id).sort();
      expect(await ids({})).toEqual(['aa', 'ab', 'ba']);
      expect(await ids({ direction: 'out' })).toEqual(['aa', 'ab']);
      expect(await ids({ relationType: ['pays', 'likes'] })).toEqual(['aa', 'ba']);
      await refused(() => graph.relationsOf('nobody'), 'entity/not-found');
    }),
  );
}

function batching(withGraph: WithGraph): void {
  test(
    'a batch writes all it asks for, and later parts see earlier ones',
    withGraph(async (graph) => {
      let relationId = '';
      await graph.batch((batch) => {
        const a = batch.createEntity('person', { name: 'Ada' });
        const b = batch.createEntity('person', { name: 'Charles' });
        relationId = batch.createRelation('knows', { from: a, to: b });
        batch.updateEntity(a, { name: 'Ada Lovelace' });
      });
      const names = (await graph.query({ orderBy: { field: 'name' } })).map(({ name }) => name);
      expect(names).toEqual(['Ada Lovelace', 'Charles']);
      expect(await graph.getRelation(relationId)).toBeDefined();
    }),
  );

  test(
    'a batch takes every kind of write',
    withGraph(async (graph) => {
      await graph.batch((batch) => {
        batch.upsertEntity('person', { id: 'a', name: 'A' });
        batch.upsertEntity('person', { id: 'b', name: 'B' });
        batch.createEntity('person', { id: 'c', name: 'C' });
        batch.createRelation('knows', { id: 'ab', from: 'a', to: 'b' });
        batch.upsertRelation('knows', { id: 'bc', from: 'b', to: 'c' });
        batch.createRelation('knows', { id: 'ac', from: 'a', to: 'c' });
      });
      await graph.batch((batch) => {
        batch.updateRelation('ab', { strength: 4 });
        batch.deleteRelation('ac');
        batch.deleteEntity('c', { cascade: true });
      });
      expect((await graph.query()).map(({ id }) => id)).toEqual(['a', 'b']);
      expect((await graph.queryRelations()).map(({ id, strength }) => [id, strength])).toEqual([['ab', 4]]);
      await graph.batch(() => undefined);
    }),
  );

  test(
    'a batch of which one part is refused writes nothing and says which',
    withGraph(async (graph) => {
      const a = await graph.createEntity('person', { id: 'a', name: 'before' });
      const changes: unknown[] = [];
      graph.subscribe((change) => changes.push(change));
      const write = async (): Promise<void> => {
        await graph.batch((batch) => {
          batch.updateEntity('a', { name: 'after' });
          batch.createEntity('person', { id: 'b' });
          batch.createRelation('knows', { from: 'a', to: 'z' });
        });
      };
      await expect(write()).rejects.toMatchObject({ code: 'relation/endpoint-missing', details: { op: 2 } });
      expect(await graph.query()).toEqual([a]);
      expect(changes).toEqual([]);
    }),
  );
}

function querying(withGraph: WithGraph): void {
  const people = async (graph: EntityGraph): Promise<void> => {
    await graph.batch((batch) => {
      batch.createEntity('person', {
        id: '1',
        name: 'Ada',
        tags: ['poet', 'countess'],
        properties: { age: 36, town: 'London' },
      });
      batch.createEntity('person', { id: '2', name: 'Bob', tags: ['poet'], properties: { age: 17, town: 'Rome' } });
      batch.createEntity('person', { id: '3', name: 'Cleo', properties: { age: 36, at: { street: 'Main' } } });
      batch.createEntity('robot', {
        id: '4',
        name: 'Dot',
        tags: ['countess'],
        properties: { age: 2, parts: ['arm', 'leg'] },
      });
    });
  };
  const cases: readonly [string, Parameters<EntityGraph['query']>[0], string][] = [
    ['everything, by id', {}, '1234'],
    ['a type', { type: 'person' }, '123'],
    ['several types', { type: ['robot', 'person'] }, '1234'],
    ['a tag', { tags: ['poet'] }, '12'],
    ['all of several tags', { tags: ['poet', 'countess'] }, '1'],
    ['a name', { name: 'Bob' }, '2'],
    ['an equal property', { where: { properties: { age: 36 } } }, '13'],
    ['an unequal property, absent ones too', { where: { properties: { town: { notEquals: 'Rome' } } } }, '134'],
    ['greater', { where: { properties: { age: { gt: 17 } } } }, '13'],
    ['greater or equal', { where: { properties: { age: { gte: 17 } } } }, '123'],
    ['less', { where: { properties: { age: { lt: 17 } } } }, '4'],
    ['less or equal, of two', { where: { properties: { age: { lte: 36, gt: 2 } } } }, '123'],
    ['in', { where: { properties: { town: { in: ['Rome', 'London'] } } } }, '12'],
    ['not in', { where: { properties: { town: { notIn: ['Rome', 'London'] } } } }, '34'],
    ['contains, in text', { where: { name: { contains: 'o' } } }, '234'],
    ['contains, in a list', { where: { properties: { parts: { contains: 'leg' } } } }, '4'],
    ['starts with', { where: { name: { startsWith: 'A' } } }, '1'],
    ['ends with', { where: { name: { endsWith: 'o' } } }, '3'],
    ['exists', { where: { properties: { town: { exists: true } } } }, '12'],
    ['does not exist', { where: { properties: { town: { exists: false } } } }, '34'],
    ['a nested property', { where: { properties: { '/at/street': 'Main' } } }, '3'],
    ['or', { where: { or: [{ name: 'Ada' }, { type: 'robot' }] } }, '14'],
    ['and', { where: { and: [{ type: 'person' }, { properties: { age: 36 } }, { name: { notEquals: 'Ada' } }] } }, '3'],
    ['not', { where: { not: { type: 'person' } } }, '4'],
    ['a tag as a condition', { where: { tags: { contains: 'poet' } } }, '12'],
    ['an order', { orderBy: { property: 'age' } }, '4213'],
    [
      'two orders',
      {
        orderBy: [
          { property: 'age', direction: 'descending' },
          { field: 'name', direction: 'descending' },
        ],
      },
      '3124',
    ],
    ['a limit', { orderBy: { field: 'name' }, limit: 2 }, '12'],
  ];
  for (const [what, query, expected] of cases) {
    test(
      `a query finds ${what}`,
      withGraph(async (graph) => {
        await people(graph);
        expect((await graph.query(query)).map(({ id }) => id).join('')).toBe(expected);
      }),
    );
  }

  test(
    'pages follow one another without gaps, whatever is written between them',
    withGraph(async (graph) => {
      await people(graph);
      const query = { orderBy: { property: 'age' }, limit: 2 } as const;
      const first = await graph.queryPage(query);
      expect(first.items.map(({ id }) => id)).toEqual(['4', '2']);
      await graph.deleteEntity('2');
      const second = await graph.queryPage({ ...query, cursor: first.next });
      expect(second.items.map(({ id }) => id)).toEqual(['1', '3']);
      expect(second.next).toBeUndefined();
      await refused(() => graph.queryPage({ ...query, cursor: 'made up' }), 'graph/invalid-cursor');
      await refused(() => graph.queryPage({ orderBy: { field: 'name' }, cursor: first.next }), 'graph/invalid-cursor');
    }),
  );

  test(
    'relations are found by their ends, type and properties',
    withGraph(async (graph) => {
      const { a, b } = await twoPeople(graph);
      await graph.createRelation('knows', { id: '1', from: a, to: b, strength: 3 });
      await graph.createRelation('pays', { id: '2', from: a, to: b, properties: { euros: 5 } });
      await graph.createRelation('knows', { id: '3', from: b, to: a });
      const ids = async (query: Parameters<EntityGraph['queryRelations']>[0]): Promise<string> =>
        (await graph.queryRelations(query)).map(({ id }) => id).join('');
      expect(await ids({ type: 'knows' })).toBe('13');
      expect(await ids({ from: 'a' })).toBe('12');
      expect(await ids({ from: 'a', to: 'b', type: 'pays' })).toBe('2');
      expect(await ids({ where: { strength: { gt: 1 } } })).toBe('1');
      expect(await ids({ where: { properties: { euros: 5 } } })).toBe('2');
      expect(await ids({ orderBy: { field: 'strength', direction: 'descending' } })).toBe('123');
    }),
  );

  test(
    'a query that makes no sense is refused',
    withGraph(async (graph) => {
      // What the types forbid is what a program without types may do.
      const wrong = (query: unknown) => () => graph.query(query as Record<string, never>);
      await refused(wrong({ where: { age: 1 } }), 'graph/invalid-query');
      await refused(wrong({ where: { name: { like: 'A' } } }), 'graph/invalid-query');
      await refused(wrong({ were: {} }), 'graph/invalid-query');
      await refused(wrong({ limit: 0 }), 'graph/invalid-query');
      await refused(wrong({ orderBy: {} }), 'graph/invalid-query');
    }),
  );
}

function walking(withGraph: WithGraph): void {
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
      const light = await graph.shortestPath('a', 'd', { ...leads, weight: (relation) => relation.strength });
      expect([light?.relations.map(({ id }) => id), light?.cost]).toEqual([['ab', 'bc', 'cd'], 3]);
      expect(await graph.shortestPath('a', 'e')).toBeUndefined();
      expect(await graph.shortestPath('d', 'a', leads)).toBeUndefined();
      expect((await graph.shortestPath('a', 'a'))?.cost).toBe(0);
      await refused(() => graph.shortestPath('a', 'd', { weight: () => -1 }), 'graph/invalid-argument');
    }),
  );
}

function following(withGraph: WithGraph): void {
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

async function twoPeople(graph: EntityGraph): Promise<{ readonly a: Entity; readonly b: Entity }> {
  const a = await graph.createEntity('person', { id: 'a', name: 'Ada' });
  const b = await graph.createEntity('person', { id: 'b', name: 'Bob' });
  return { a, b };
}

async function refused(act: () => unknown, code: string): Promise<void> {
  const attempt = async (): Promise<unknown> => await act();
  await expect(attempt()).rejects.toMatchObject({ code });
}
