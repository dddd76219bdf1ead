import { expectTypeOf, test } from 'vitest';
import { EventBus } from '../events/event-bus.ts';
import type { NervEvent } from '../events/event.ts';
import { TemporalStore } from '../temporal/temporal-store.ts';
import { feedStore } from './feed.ts';
import { makePerspective, type Perspective, type PerspectiveView } from './perspective.ts';
import { Projection } from './projection.ts';

interface Events {
  'order.placed': { readonly total: number };
  'order.cancelled': { readonly reason: string };
  'user.joined': { readonly name: string };
}

test('reducers get the events that their pattern selects, and give the state', () => {
  const projection = Projection.of<Events>()({
    name: 'p',
    initial: { total: 0 },
    on: {
      'order.placed': (state, event) => {
        expectTypeOf(state).toEqualTypeOf<{ total: number }>();
        expectTypeOf(event.data).toEqualTypeOf<{ readonly total: number }>();
        return { total: state.total + event.data.total };
      },
      'order.*': (state, event) => {
        expectTypeOf(event.type).toEqualTypeOf<'order.placed' | 'order.cancelled'>();
        return state;
      },
    },
  });
  expectTypeOf(projection.state).toEqualTypeOf<{ total: number }>();
  projection.attach(new EventBus<Events>());

  Projection.of<Events>()({
    name: 'p',
    initial: 0,
    // @ts-expect-error a reducer gives a state
    on: { 'user.joined': (_state, { data }) => data.name },
  });
});

test('without a map, any event may come', () => {
  new Projection({
    name: 'p',
    initial: 0,
    on: {
      'a.b': (state: number, event) => {
        expectTypeOf(event).toExtend<NervEvent>();
        expectTypeOf(event.data).toEqualTypeOf<unknown>();
        return state;
      },
    },
  });
});

test('a perspective has a parameter if its functions take one', () => {
  const total = makePerspective({
    name: 'total',
    view: (state: { readonly total: number }) => state.total,
  });
  expectTypeOf(total).toEqualTypeOf<Perspective<{ readonly total: number }, undefined, number>>();
  expectTypeOf(total.of({ total: 1 })).toEqualTypeOf<number>();

  const over = makePerspective({
    name: 'over',
    select: (state: { readonly totals: readonly number[] }) => state.totals,
    view: (totals, limit: number) => totals.filter((one) => one > limit),
  });
  expectTypeOf(over.of({ totals: [1] }, 5)).toEqualTypeOf<number[]>();
  // @ts-expect-error the limit is missing
  over.of({ totals: [1] });
  const store = new TemporalStore({ totals: [1] });
  expectTypeOf(over.on(store, 5)).toEqualTypeOf<PerspectiveView<number[]>>();
});

test('a feed writes drafts of its store', () => {
  const store = new TemporalStore<{ readonly names: readonly string[] }>({ names: [] });
  feedStore<{ readonly names: readonly string[] }, Events, 'user.joined'>(store, {
    name: 'names',
    on: {
      'user.joined': (draft, { data }) => {
        expectTypeOf(draft.names).toEqualTypeOf<string[]>();
        draft.names.push(data.name);
      },
    },
  }).attach(new EventBus<Events>());
});
