import { expectTypeOf } from 'vitest';
import { EntityGraph } from './entity-graph.ts';
import type { Entity, EntityOf, Properties, Relation } from './entity.ts';

interface Schema {
  readonly entities: {
    readonly person: { readonly age: number; readonly nick?: string };
    readonly file: { readonly size?: number };
  };
  readonly relations: { readonly touched: { readonly lines?: number } };
}

const graph = new EntityGraph<Schema>();
const shared: EntityGraph<Schema> = graph;

const ada = graph.createEntity('person', { properties: { age: 36 } });
expectTypeOf(ada).toEqualTypeOf<Entity<'person', { readonly age: number; readonly nick?: string }>>();
expectTypeOf(ada.properties.age).toEqualTypeOf<number>();
expectTypeOf(shared.createEntity('file')).toEqualTypeOf<EntityOf<Schema, 'file'> | Promise<EntityOf<Schema, 'file'>>>();

// @ts-expect-error a person needs an age
graph.createEntity('person');
// @ts-expect-error an age is a number
graph.createEntity('person', { properties: { age: '36' } });
// @ts-expect-error there is no such type
graph.createEntity('ghost', {});

const found = graph.getEntity('id');
if (found?.type === 'person') expectTypeOf(found.properties.age).toEqualTypeOf<number>();

expectTypeOf(graph.query({ type: 'person' })).toEqualTypeOf<readonly EntityOf<Schema, 'person'>[]>();
graph.query({ type: 'person', where: { properties: { age: { gte: 18 } } } });
// @ts-expect-error an age is compared with a number
graph.query({ type: 'person', where: { properties: { age: { gte: 'old' } } } });
// @ts-expect-error an entity has no strength
graph.query({ type: 'person', where: { strength: 1 } });
graph.updateEntity<'person'>('id', { properties: { nick: 'A' } });

graph.createRelation('touched', { from: ada, to: 'file', properties: { lines: 3 } });
// @ts-expect-error a relation has two ends
graph.createRelation('touched', { from: ada });
graph.batch((batch) => {
  expectTypeOf(batch.createEntity('file')).toEqualTypeOf<string>();
  // @ts-expect-error there is no such type
  batch.createEntity('ghost');
});
graph.subscribe((change) => {
  if (change.subject === 'entity' && change.type === 'inserted') {
    expectTypeOf(change.after).toEqualTypeOf<EntityOf<Schema>>();
    expectTypeOf(change.before).toEqualTypeOf<undefined>();
  }
});

const open = new EntityGraph();
expectTypeOf(open.createEntity('anything', { properties: { any: ['thing', 1n] } })).toEqualTypeOf<
  Entity<'anything', Properties>
>();
expectTypeOf(open.queryRelations({ from: 'a', where: { strength: { gt: 1 } } })).toEqualTypeOf<
  readonly Relation<string, Properties>[]
>();
