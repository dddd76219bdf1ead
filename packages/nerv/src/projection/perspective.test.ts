import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { NervEvent } from '../events/event.ts';
import { TemporalStore } from '../temporal/temporal-store.ts';
import { isSame } from './memo.ts';
import { combineStates, makePerspective, type Perspective } from './perspective.ts';
import { Projection } from './projection.ts';
import type { StateSource } from './state-source.ts';

interface Order {
  readonly customer: string;
  readonly total: number;
}

interface Shop {
  readonly orders: { readonly [id: string]: Order };
  readonly open: boolean;
  readonly notes: readonly string[];
}

const shop = (): TemporalStore<Shop> =>
  new TemporalStore<Shop>({
    orders: { a: { customer: 'ada', total: 5 }, b: { customer: 'bob', total: 7 } },
    open: true,
    notes: [],
  });

/** Orders of a customer, counting how often they were looked for. */
function ordersOf(): {
  perspective: Perspective<Shop, string, readonly Order[]>;
  calls: () => number;
} {
  let calls = 0;
  const perspective = makePerspective({
    name: 'orders-of',
    select: (state: Shop) => state.orders,
    view: (orders, customer: string): readonly Order[] => {
      calls += 1;
      return Object.values(orders).filter((order) => order.customer === customer);
    },
  });
  return { perspective, calls: () => calls };
}

describe('what did not change', () => {
  test('is not made anew: the same part of a store gives the same result, without a call', () => {
    const store = shop();
    const { perspective, calls } = ordersOf();
    const first = perspective.of(store.state, 'ada');
    store.commit((draft) => {
      draft.notes.push('unrelated');
      draft.open = false;
    });
    expect(perspective.of(store.state, 'ada')).toBe(first);
    expect(calls()).toBe(1);
    store.commit((draft) => {
      draft.orders['a']!.total = 6;
    });
    expect(perspective.of(store.state, 'ada')).toEqual([{ customer: 'ada', total: 6 }]);
    expect(calls()).toBe(2);
  });

  test('in the result keeps the result: it is looked for again, and found to be the same', () => {
    const store = shop();
    const { perspective, calls } = ordersOf();
    const first = perspective.of(store.state, 'ada');
    store.commit((draft) => {
      draft.orders['c'] = { customer: 'eve', total: 1 };
    });
    expect(perspective.of(store.state, 'ada')).toBe(first);
    expect(calls()).toBe(2);
  });

  test('is found in any commits: the result is what a fresh look gives, and calls are made only for changed parts', () => {
    const step = fc.record({
      path: fc.constantFrom('orders', 'notes', 'open'),
      key: fc.constantFrom('a', 'b', 'c'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const store = shop();
        const { perspective, calls } = ordersOf();
        perspective.of(store.state, 'ada');
        let changed = 1;
        for (const [place, { path, key }] of steps.entries()) {
          store.commit((draft) => {
            if (path === 'orders') draft.orders[key] = { customer: 'ada', total: 100 + place };
            else if (path === 'notes') draft.notes.push(key);
            else draft.open = !draft.open;
          });
          if (path === 'orders') changed += 1;
          const expected = Object.values(store.state.orders).filter(({ customer }) => customer === 'ada');
          expect(perspective.of(store.state, 'ada')).toEqual(expected);
        }
        expect(calls()).toBe(changed);
      }),
    );
  });
});

describe('parameters', () => {
  test('each have their own result; the last used ones are remembered', () => {
    const store = shop();
    let calls = 0;
    const perspective = makePerspective({
      name: 'p',
      keep: 2,
      view: (state: Shop, param: string) => {
        calls += 1;
        return [state.open, param];
      },
    });
    const first = perspective.of(store.state, 'one');
    perspective.of(store.state, 'two');
    expect(perspective.of(store.state, 'one')).toBe(first);
    perspective.of(store.state, 'three');
    expect(perspective.of(store.state, 'one')).toBe(first);
    expect(calls).toBe(3);
    perspective.of(store.state, 'two');
    expect(calls).toBe(4);
    perspective.clear();
    expect(perspective.of(store.state, 'one')).not.toBe(first);
  });

  test('are told apart by value, and must be plain data', () => {
    const pairs = makePerspective({
      name: 'pairs',
      view: (state: Shop, param: unknown) => [state, param],
    });
    const { state } = shop();
    expect(pairs.of(state, { a: 1, b: [2] })).toBe(pairs.of(state, { b: [2], a: 1 }));
    expect(pairs.of(state, { a: 1 })).not.toBe(pairs.of(state, '{"a":1}'));
    expect(pairs.of(state, 1)).not.toBe(pairs.of(state, '1'));
    expect(pairs.of(state, null)).toBe(pairs.of(state, null));
    expect(pairs.of(state)).toBe(pairs.of(state, undefined));
    expect(() => pairs.of(state, { now: () => 1 })).toThrow(expect.objectContaining({ code: 'value/unsupported' }));
  });
});

test('a perspective of the whole state, and of several parts', () => {
  let calls = 0;
  const both = makePerspective({
    name: 'both',
    select: (state: Shop) => [state.open, state.notes] as const,
    view: ([open, notes]) => {
      calls += 1;
      return { open, count: notes.length };
    },
  });
  const store = shop();
  const first = both.of(store.state);
  store.commit((draft) => {
    draft.orders['a']!.total = 9;
  });
  expect(both.of(store.state)).toBe(first);
  expect(calls).toBe(1);
  const whole = makePerspective({ name: 'whole', view: (state: Shop) => state.open });
  expect(whole.of(store.state)).toBe(true);
});

test('which results are equal is for the user to say', () => {
  const total = makePerspective({
    name: 'total',
    view: (state: { readonly total: number }) => ({ hundreds: [Math.floor(state.total / 100)] }),
    equals: (a, b) => a.hundreds[0] === b.hundreds[0],
  });
  const first = total.of({ total: 120 });
  expect(total.of({ total: 180 })).toBe(first);
  expect(total.of({ total: 220 })).toEqual({ hundreds: [2] });
});

describe('sameness', () => {
  const shared = { deep: 1 };
  test.each([
    [1, 1, true],
    [Number.NaN, Number.NaN, true],
    [0, -0, false],
    [shared, shared, true],
    [[1, shared], [1, shared], true],
    [[1, { deep: 1 }], [1, { deep: 1 }], false],
    [[1], [1, 2], false],
    [[], {}, false],
    [{}, [], false],
    [{ a: 1, b: shared }, { b: shared, a: 1 }, true],
    [{ a: undefined }, { b: undefined }, false],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1 }, { a: 2 }, false],
    [Object.create(null), {}, true],
    [null, {}, false],
    [{}, null, false],
    ['x', {}, false],
    [{}, 'x', false],
    [new Map(), new Map(), false],
    [{}, new Date(0), false],
  ])('of %j and %j is %s', (a, b, expected) => {
    expect(isSame(a, b)).toBe(expected);
  });

  test('of more parts than the limit is that of the whole alone', () => {
    expect([isSame([1, 2], [1, 2], 2), isSame([1, 2], [1, 2], 1), isSame({ a: 1 }, { a: 1 }, 0)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('a view of a source', () => {
  test('tells its subscribers when its result changed, and only then', () => {
    const store = shop();
    const { perspective, calls } = ordersOf();
    using view = perspective.on(store, 'ada');
    const heard: (readonly [number, number])[] = [];
    const subscription = view.subscribe((now, before) => heard.push([now[0]?.total ?? 0, before[0]?.total ?? 0]));
    store.commit((draft) => {
      draft.notes.push('unrelated');
    });
    store.commit((draft) => {
      draft.orders['b']!.total = 8;
    });
    expect(heard).toEqual([]);
    store.commit((draft) => {
      draft.orders['a']!.total = 6;
    });
    expect(heard).toEqual([[6, 5]]);
    expect(calls()).toBe(3);
    subscription.unsubscribe();
    store.commit((draft) => {
      draft.orders['a']!.total = 7;
    });
    expect(heard).toHaveLength(1);
    expect(view.state).toEqual([{ customer: 'ada', total: 7 }]);
  });

  test('of a projection too; it listens to its source only while somebody listens to it', () => {
    const sum = new Projection({
      name: 'sum',
      initial: { even: 0, odd: 0 },
      on: {
        '**': (state: { even: number; odd: number }, event: NervEvent) =>
          Number(event.id) % 2 === 0 ? { ...state, even: state.even + 1 } : { ...state, odd: state.odd + 1 },
      },
    });
    const take = (id: string): boolean =>
      sum.apply({
        ...{ kind: 'application', source: undefined, metadata: {}, pending: false, seq: undefined },
        ...{ id, type: 't', data: undefined, timestamp: 1 },
      });
    const even = makePerspective({ name: 'even', view: (state: { even: number }) => state.even });
    const subscribe = vi.spyOn(sum, 'subscribe');
    const view = even.on(sum);
    expect(subscribe).not.toHaveBeenCalled();
    const heard: number[] = [];
    const one = view.subscribe((count) => heard.push(count));
    const other = view.subscribe((count) => heard.push(-count));
    expect(subscribe).toHaveBeenCalledOnce();
    for (const id of ['1', '2', '3', '4']) take(id);
    expect(heard).toEqual([1, -1, 2, -2]);
    one.unsubscribe();
    other.unsubscribe();
    take('6');
    expect([view.state, heard.length]).toEqual([3, 4]);
    view.subscribe((count) => heard.push(count));
    take('8');
    expect([heard.at(-1), subscribe.mock.calls.length]).toEqual([4, 2]);
  });

  test('shares its result with other views of the same source and parameter, not with those of other sources', () => {
    const [here, there] = [shop(), shop()];
    const { perspective, calls } = ordersOf();
    const views = [perspective.on(here, 'ada'), perspective.on(here, 'ada'), perspective.on(there, 'ada')];
    expect(calls()).toBe(2);
    expect(views[0]!.state).toBe(views[1]!.state);
    for (const store of [here, there]) store.commit((draft) => void draft.notes.push('x'));
    expect(views.map((view) => view.state.length)).toEqual([1, 1, 1]);
    expect(calls()).toBe(2);
  });

  test('stays as it is once it is disposed of', () => {
    const store = shop();
    const { perspective } = ordersOf();
    const view = perspective.on(store, 'ada');
    const heard = vi.fn();
    view.subscribe(heard);
    const last = view.state;
    view.dispose();
    view[Symbol.dispose]();
    store.commit((draft) => {
      draft.orders['a']!.total = 6;
    });
    expect(view.state).toBe(last);
    const late = view.subscribe(heard);
    expect(late.active).toBe(false);
    expect(heard).not.toHaveBeenCalled();
  });

  test('is a source itself, so that perspectives stand on one another', () => {
    const store = shop();
    const { perspective } = ordersOf();
    const mine = perspective.on(store, 'ada');
    const total = makePerspective({
      name: 'total',
      view: (orders: readonly Order[]) => orders.reduce((sum, order) => sum + order.total, 0),
    }).on(mine);
    const heard: number[] = [];
    total.subscribe((now) => heard.push(now));
    store.commit((draft) => {
      draft.orders['b']!.total = 70;
    });
    store.commit((draft) => {
      draft.orders['z'] = { customer: 'ada', total: 10 };
    });
    expect(heard).toEqual([15]);
  });

  test('built on another by its select is made anew only when that one is', () => {
    const store = shop();
    const { perspective, calls } = ordersOf();
    let totals = 0;
    const total = makePerspective({
      name: 'total',
      select: (state: Shop, customer: string) => perspective.of(state, customer),
      view: (orders) => {
        totals += 1;
        return orders.length;
      },
    });
    expect(total.of(store.state, 'ada')).toBe(1);
    store.commit((draft) => {
      draft.orders['b']!.total = 70;
    });
    expect(total.of(store.state, 'ada')).toBe(1);
    expect([calls(), totals]).toEqual([2, 1]);
  });
});

describe('several sources as one', () => {
  test('have the record of their states, which is the same while they are', () => {
    const [here, there] = [shop(), shop()];
    const both = combineStates<{ here: Shop; there: Shop }>({ here, there } as {
      here: StateSource<Shop>;
      there: StateSource<Shop>;
    });
    const count = makePerspective({
      name: 'count',
      view: (states: { readonly here: Shop; readonly there: Shop }) =>
        states.here.notes.length + states.there.notes.length,
    });
    expect(both.state).toBe(both.state);
    const view = count.on(both);
    const heard: number[] = [];
    const subscription = view.subscribe((now) => heard.push(now));
    here.commit((draft) => void draft.notes.push('x'));
    there.commit((draft) => void draft.notes.push('x'));
    there.commit((draft) => void (draft.open = false));
    expect(heard).toEqual([1, 2]);
    subscription.unsubscribe();
    here.commit((draft) => void draft.notes.push('x'));
    expect(heard).toHaveLength(2);
  });
});

describe('a view function that fails', () => {
  const fragile = (onError?: (error: unknown) => void): Perspective<Shop, string, number> =>
    makePerspective({
      name: 'fragile',
      view: (state: Shop, _customer: string) => {
        if (!state.open) throw new Error('closed');
        return state.notes.length;
      },
      onError,
    });

  test('says which perspective and parameter, and is tried again', () => {
    const store = shop();
    const perspective = fragile();
    store.commit((draft) => void (draft.open = false));
    expect(() => perspective.of(store.state, 'ada')).toThrow(
      expect.objectContaining({
        code: 'projection/view-failed',
        details: { perspective: 'fragile', param: 'ada' },
        cause: expect.objectContaining({ message: 'closed' }),
      }),
    );
    expect(() => perspective.on(store, 'ada')).toThrow(expect.objectContaining({ code: 'projection/view-failed' }));
    store.commit((draft) => void (draft.open = true));
    expect(perspective.of(store.state, 'ada')).toBe(0);
  });

  test('is reported to the hook while there are subscribers, who hear of the next result', () => {
    const errors: unknown[] = [];
    const store = shop();
    const view = fragile((error) => errors.push(error)).on(store, 'ada');
    const heard: number[] = [];
    view.subscribe(() => {
      throw new Error('subscriber');
    });
    view.subscribe((now) => heard.push(now));
    store.commit((draft) => void (draft.open = false));
    store.commit((draft) => {
      draft.open = true;
      draft.notes.push('x');
    });
    expect(heard).toEqual([1]);
    expect(errors).toEqual([
      expect.objectContaining({ code: 'projection/view-failed' }),
      expect.objectContaining({ message: 'subscriber' }),
    ]);
  });

  test('is reported to the console where there is no hook', () => {
    const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    try {
      const store = shop();
      const view = fragile().on(store, 'ada');
      view.subscribe(() => undefined);
      store.commit((draft) => void (draft.open = false));
      expect(shown).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("'fragile'"), expect.any(Error));
      view.dispose();
      expect(() => fragile().on(store, 'ada')).toThrow();
    } finally {
      shown.mockRestore();
    }
  });
});
