import { expect, test } from 'vitest';
import type { EntityGraph } from '../../graph/entity-graph.ts';
import { refused, twoPeople, type WithGraph } from './setting.ts';

/** Entities are created, read, updated, replaced and deleted. */
export function writingEntities(withGraph: WithGraph): void {
  test(
    'a created entity is read back as it was given, and frozen',
    withGraph(async (graph) => {
      const properties = {
        age: 36,
        big: 12n,
        born: new Date(5),
        lists: [[1, 'x'], null],
        ['__proto__']: true,
      };
      const tags = ['mathematician', 'writer', 'writer'];
      const ada = await graph.createEntity('person', {
        name: 'Ada',
        description: 'Countess',
        tags,
        properties,
      });
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
      expect(older).toMatchObject({
        id: ada.id,
        name: 'Ada',
        tags: ['a'],
        createdAt: ada.createdAt,
      });
      expect(older.properties).toEqual({ age: 37, town: 'London', alive: false });
      const moved = await graph.updateEntity(ada.id, {
        name: 'Lady Ada',
        tags: [],
        removeProperties: ['town'],
      });
      expect(moved).toMatchObject({
        name: 'Lady Ada',
        tags: [],
        properties: { age: 37, alive: false },
      });
      expect(ada.name).toBe('Ada');
      expect(await graph.getEntity(ada)).toEqual(moved);
    }),
  );

  test(
    'an upsert creates, then replaces',
    withGraph(async (graph) => {
      const first = await graph.upsertEntity('file', {
        id: 'f',
        name: 'a.txt',
        properties: { size: 1 },
      });
      const second = await graph.upsertEntity('file', { id: 'f', name: 'b.txt' });
      expect(second).toMatchObject({
        id: 'f',
        name: 'b.txt',
        properties: {},
        createdAt: first.createdAt,
      });
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

/** So are relations, with both their ends. */
export function writingRelations(withGraph: WithGraph): void {
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
      expect(knows).toMatchObject({
        type: 'knows',
        from: 'a',
        to: 'b',
        strength: 0.5,
        bidirectional: true,
      });
      expect(knows).toMatchObject({ name: 'school', tags: ['old'], properties: { since: 1830 } });
      expect(await graph.getRelation(knows.id)).toEqual(knows);
      const stronger = await graph.updateRelation(knows, {
        strength: 2,
        properties: { until: 1852 },
      });
      expect(stronger).toMatchObject({
        strength: 2,
        bidirectional: true,
        properties: { since: 1830, until: 1852 },
      });
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

/** Batches are written whole or not at all. */
export function batching(withGraph: WithGraph): void {
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
      await expect(write()).rejects.toMatchObject({
        code: 'relation/endpoint-missing',
        details: { op: 2 },
      });
      expect(await graph.query()).toEqual([a]);
      expect(changes).toEqual([]);
    }),
  );
}
