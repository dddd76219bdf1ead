import { expectTypeOf, test } from 'vitest';
import type { LocalEventBus } from './events/local-event-bus.ts';
import { LocalEntityGraph } from './graph/local-entity-graph.ts';
import { EntityGraph, EventBus, Projection, TemporalStore } from './index.ts';
import type { Projection as WholeProjection } from './projection/projection.ts';
import type { LocalTemporalStore } from './temporal/local-temporal-store.ts';

interface Schema {
  entities: { person: { age: number }; firm: { size?: number } };
  relations: { 'works-at': { role?: string } };
}
type Events = { 'order.placed': { total: number }; 'order.shipped': string };

test('the small classes infer what the whole ones do', () => {
  const bus = new EventBus<Events>();
  bus.subscribe('order.*', ({ data }) => expectTypeOf(data).toEqualTypeOf<{ total: number } | string>());
  // @ts-expect-error The data of a type is asked for.
  bus.emit('order.placed');

  const store = new TemporalStore({ items: [1], when: new Date() });
  store.commit((draft) => expectTypeOf(draft.items).toEqualTypeOf<number[]>());
  store.subscribe((change) => expectTypeOf(change).not.toHaveProperty('patch'));
  // @ts-expect-error A state is read-only.
  store.state.items.push(2);

  const graph = new EntityGraph<Schema>();
  const ada = graph.createEntity('person', { properties: { age: 36 } });
  expectTypeOf(ada.properties.age).toEqualTypeOf<number>();
  graph.query({ type: 'person', where: ({ properties }) => properties.age > 18 });
  graph.createRelation('works-at', { from: ada, to: graph.createEntity('firm') });
  // @ts-expect-error The schema says that a person has an age.
  graph.createEntity('person');

  const total = Projection.of<Events>()({
    name: 'total',
    initial: 0,
    on: { 'order.placed': (sum, { data }) => sum + data.total },
  });
  total.attach(bus);
  expectTypeOf(total.state).toEqualTypeOf<number>();
});

test('what only the whole ones can is not there', () => {
  const small = [new EventBus(), new TemporalStore(0), new EntityGraph(), new Projection(null as never)] as const;
  expectTypeOf(small[0]).not.toHaveProperty('publish');
  expectTypeOf(small[1]).not.toHaveProperty('merge');
  expectTypeOf(small[2]).not.toHaveProperty('liveQuery');
  expectTypeOf(small[3]).not.toHaveProperty('rebuild');
  // @ts-expect-error The small graph gives no pages.
  small[2].query({ cursor: 'x' });
  // @ts-expect-error The small bus keeps no history.
  new EventBus({ history: undefined });
});

test('whoever takes a small one takes a whole one', () => {
  expectTypeOf<LocalEventBus<Events>>().toExtend<EventBus<Events>>();
  expectTypeOf<LocalTemporalStore<number>>().toExtend<TemporalStore<number>>();
  expectTypeOf<LocalEntityGraph<Schema>['createEntity']>().toEqualTypeOf<EntityGraph<Schema>['createEntity']>();
  expectTypeOf<WholeProjection<number>>().toExtend<Projection<number>>();
  expectTypeOf(new LocalEntityGraph<Schema>().query({ type: 'person' })).toEqualTypeOf(
    new EntityGraph<Schema>().query({ type: 'person' }),
  );
});
