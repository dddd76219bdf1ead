import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { EventBus } from '../events/event-bus.ts';
import type { NervEvent } from '../events/event.ts';
import { MAX_WAITING_EVENTS } from './projection-error.ts';
import { Projection } from './projection.ts';

interface Orders {
  'order.placed': { readonly total: number };
  'order.cancelled': { readonly total: number };
}

interface Sum {
  readonly total: number;
  readonly count: number;
}

function makeSum(): Projection<Sum, Orders, 'order.placed' | 'order.cancelled' | 'order.*'> {
  return Projection.of<Orders>()({
    name: 'sum',
    initial: { total: 0, count: 0 } as Sum,
    on: {
      'order.placed': (state, event) => ({ ...state, total: state.total + event.data.total }),
      'order.cancelled': (state, event) => ({ ...state, total: state.total - event.data.total }),
      'order.*': (state) => ({ ...state, count: state.count + 1 }),
    },
  });
}

function placed(total: number, seq?: number, id = `id-${seq ?? total}`): NervEvent {
  const common = { kind: 'application', source: undefined, metadata: {}, pending: false } as const;
  return { ...common, id, type: 'order.placed', data: { total }, timestamp: seq ?? 1, seq };
}

/** Adds numbers up, and cannot take those in `bad`. */
function makeFragile(bad: Set<number>): Projection<readonly number[]> {
  return new Projection({
    name: 'fragile',
    initial: [] as readonly number[],
    on: {
      '**': (state: readonly number[], event: NervEvent) => {
        const { total } = event.data as { total: number };
        if (bad.has(total)) throw new Error(`cannot take ${total}`);
        return [...state, total];
      },
    },
  });
}

test('every reducer whose pattern matches takes its part, in the order of the definition', () => {
  const bus = new EventBus<Orders>();
  const sum = makeSum();
  const seen: [Sum, Sum][] = [];
  const stop = sum.subscribe((state, previous) => seen.push([state, previous]));
  const attached = sum.attach(bus);
  bus.emit('order.placed', { total: 5 });
  bus.emit('order.cancelled', { total: 2 });
  attached.unsubscribe();
  bus.emit('order.placed', { total: 100 });
  expect(sum.state).toEqual({ total: 3, count: 2 });
  expect(seen).toEqual([
    [
      { total: 5, count: 1 },
      { total: 0, count: 0 },
    ],
    [
      { total: 3, count: 2 },
      { total: 5, count: 1 },
    ],
  ]);
  stop[Symbol.dispose]();
  expect(stop.active).toBe(false);
  sum.apply(placed(1));
  expect(seen).toHaveLength(2);
});

test('an event that no reducer matches moves the position and tells nobody', () => {
  const sum = makeSum();
  const heard = vi.fn();
  sum.subscribe(heard);
  sum.apply({ ...placed(1, 7), type: 'invoice.sent' });
  expect(sum.position).toEqual({ events: 1, seq: 7, eventId: 'id-7', timeMs: 7 });
  expect(heard).not.toHaveBeenCalled();
});

test('an event of the log is taken once', () => {
  const sum = makeSum();
  expect([sum.apply(placed(1, 1)), sum.apply(placed(2, 3)), sum.apply(placed(2, 3)), sum.apply(placed(4, 2))]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(sum.state.total).toBe(3);
  expect(sum.position).toEqual({ events: 2, seq: 3, eventId: 'id-3', timeMs: 3 });
});

test('the time of the position never goes back', () => {
  const sum = makeSum();
  sum.apply({ ...placed(1), timestamp: 50 });
  sum.apply({ ...placed(1), timestamp: 20 });
  expect(sum.position.timeMs).toBe(50);
});

test('it knows the reducers of any number of types', () => {
  const counts = new Projection({
    name: 'n',
    initial: 0,
    on: { 'a.*': (state: number) => state + 1 },
  });
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < 2500; n += 1) counts.apply({ ...placed(1), type: `${n % 2 === 0 ? 'a' : 'b'}.t${n}` });
  }
  expect(counts.state).toBe(2500);
});

test('a wrong pattern is refused when the projection is made', () => {
  const on = { 'a..b': (state: number) => state };
  expect(() => new Projection({ name: 'n', initial: 0, on })).toThrow(
    expect.objectContaining({ code: 'event/invalid-pattern' }),
  );
});

describe('a reducer that fails', () => {
  test('stops the projection before its event, and names it', () => {
    const fragile = makeFragile(new Set([2]));
    fragile.apply(placed(1, 1));
    expect(() => fragile.apply(placed(2, 2, 'the-bad-one'))).toThrow(
      expect.objectContaining({
        code: 'projection/failed',
        details: { projection: 'fragile', id: 'the-bad-one', type: 'order.placed', seq: 2 },
        cause: expect.objectContaining({ message: 'cannot take 2' }),
      }),
    );
    expect(fragile.apply(placed(3, 3))).toBe(true);
    expect(fragile.state).toEqual([1]);
    expect(fragile.position.seq).toBe(1);
    expect(fragile.waiting).toBe(1);
    expect(fragile.failure).toMatchObject({ code: 'projection/failed' });
  });

  test('is tried again on resuming, and then what waited follows', () => {
    const bad = new Set([2, 4]);
    const fragile = makeFragile(bad);
    expect(() => fragile.apply(placed(2))).toThrow();
    for (const total of [3, 4, 5]) fragile.apply(placed(total));
    expect(() => fragile.resume()).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ id: 'id-2' }) }),
    );
    expect(fragile.state).toEqual([]);
    bad.delete(2);
    expect(() => fragile.resume()).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ id: 'id-4' }) }),
    );
    expect(fragile.state).toEqual([2, 3]);
    bad.clear();
    fragile.resume();
    expect(fragile.state).toEqual([2, 3, 4, 5]);
    expect(fragile.failure).toBeUndefined();
    fragile.resume();
    expect(fragile.state).toEqual([2, 3, 4, 5]);
  });

  test('leaves its event out only if told so by its id', () => {
    const fragile = makeFragile(new Set([2]));
    expect(() => fragile.apply(placed(2, 2))).toThrow();
    fragile.apply(placed(3, 3));
    expect(() => fragile.resume({ skip: 'another' })).toThrow(expect.objectContaining({ code: 'projection/invalid' }));
    expect(fragile.state).toEqual([]);
    fragile.resume({ skip: 'id-2' });
    expect(fragile.state).toEqual([3]);
    expect(fragile.position).toEqual({ events: 2, seq: 3, eventId: 'id-3', timeMs: 3 });
  });

  test('is reported once by the bus, however many events come behind', () => {
    const failures: unknown[] = [];
    const bus = new EventBus({ onError: ({ error }) => failures.push(error) });
    const fragile = makeFragile(new Set([1]));
    fragile.attach(bus);
    for (const total of [1, 2, 3]) bus.emit('order.placed', { total });
    expect(failures).toEqual([fragile.failure]);
  });

  test('makes no more than so many events wait; then there is a gap, which resuming cannot mend', async () => {
    const fragile = makeFragile(new Set([1]));
    expect(() => fragile.apply(placed(1))).toThrow();
    const event = placed(2);
    for (let n = 0; n < MAX_WAITING_EVENTS; n += 1) fragile.apply(event);
    const limit = expect.objectContaining({ code: 'projection/limit' });
    expect(() => fragile.apply(event)).toThrow(limit);
    expect(() => fragile.apply(event)).toThrow(limit);
    expect(() => fragile.resume({ skip: 'id-1' })).toThrow(limit);
    expect([fragile.waiting, fragile.state]).toEqual([0, []]);
    await fragile.rebuild([placed(3), placed(4)]);
    expect(fragile.apply(placed(5))).toBe(true);
    expect(fragile.state).toEqual([3, 4, 5]);
  });
});

test('a subscriber that fails, at once or later, harms no other', async () => {
  const errors: unknown[] = [];
  const sum = new Projection({
    name: 'sum',
    initial: 0,
    on: { '**': (state: number) => state + 1 },
    onError: (error) => errors.push(error),
  });
  const seen: number[] = [];
  const failure = new Error('subscriber');
  sum.subscribe(() => {
    throw failure;
  });
  sum.subscribe(() => Promise.reject(failure));
  sum.subscribe((state) => seen.push(state));
  sum.apply(placed(1));
  await Promise.resolve();
  expect(seen).toEqual([1]);
  expect(errors).toEqual([failure, failure]);
});

test('who asked for no error hook finds the error on the console', () => {
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  try {
    const sum = makeSum();
    sum.subscribe(() => {
      throw new Error('subscriber');
    });
    sum.apply(placed(1));
    expect(shown).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("'sum'"), expect.any(Error));
  } finally {
    shown.mockRestore();
  }
});

test('an event that a subscriber brings waits for its turn; all hear of all states in order', () => {
  const sum = makeSum();
  const seen: (readonly [string, number, number])[] = [];
  sum.subscribe(({ total }) => {
    if (total < 3) sum.apply(placed(1));
    seen.push(['first', total, sum.position.events]);
  });
  const second = sum.subscribe(({ total }) => seen.push(['second', total, sum.position.events]));
  sum.apply(placed(1));
  expect(seen).toEqual([
    ['first', 1, 1],
    ['second', 1, 1],
    ['first', 2, 2],
    ['second', 2, 2],
    ['first', 3, 3],
    ['second', 3, 3],
  ]);
  sum.subscribe(() => undefined);
  second.unsubscribe();
  second.unsubscribe();
});

test('a subscriber that puts the projection elsewhere does not mix up what the others hear', () => {
  const sum = makeSum();
  const start = sum.snapshot();
  const heard: number[] = [];
  sum.subscribe(({ total }) => {
    if (total > 0) sum.restore(start);
  });
  sum.subscribe(({ total }) => heard.push(total));
  sum.apply(placed(1, 1));
  expect(heard).toEqual([1, 0]);
  expect(sum.state.total).toBe(0);
});

test('who unsubscribes another before its turn keeps it from hearing', () => {
  const sum = makeSum();
  const heard = vi.fn();
  sum.subscribe(() => later.unsubscribe());
  const later = sum.subscribe(heard);
  sum.apply(placed(1));
  expect(heard).not.toHaveBeenCalled();
});

describe('a snapshot', () => {
  test('is gone on from by the same name and version alone', () => {
    const sum = makeSum();
    sum.apply(placed(7, 1));
    const snapshot = sum.snapshot();
    const other = makeSum();
    const seen: Sum[] = [];
    other.subscribe((state) => seen.push(state));
    other.restore(snapshot);
    other.apply(placed(7, 1));
    other.apply(placed(1, 2));
    expect(other.state).toEqual({ total: 8, count: 2 });
    expect(seen).toEqual([
      { total: 7, count: 1 },
      { total: 8, count: 2 },
    ]);
    const invalid = expect.objectContaining({ code: 'projection/invalid' });
    expect(() => other.restore({ ...snapshot, version: 2 })).toThrow(invalid);
    expect(() => other.restore({ ...snapshot, name: 'other' })).toThrow(invalid);
  });

  test('lets go on what had stopped, with what waited behind the place of the snapshot', () => {
    const fragile = makeFragile(new Set([2]));
    fragile.apply(placed(1, 1));
    expect(() => fragile.apply(placed(2, 2))).toThrow();
    fragile.apply(placed(3, 3));
    fragile.apply(placed(4, 4));
    fragile.restore({
      name: 'fragile',
      version: 1,
      position: { ...fragile.position, seq: 3 },
      state: [10],
    });
    expect(fragile.state).toEqual([10, 4]);
    expect(fragile.failure).toBeUndefined();
  });
});

describe('checkpoints', () => {
  test('are saved every so many events; a save that fails is reported and stops nothing', async () => {
    const saved: [number, number][] = [];
    const errors: unknown[] = [];
    const sum = new Projection({
      name: 'sum',
      initial: 0,
      on: {
        '**': (state: number, event: NervEvent) => state + (event.data as { total: number }).total,
      },
      checkpoints: {
        every: 10,
        save: ({ position, state }) => {
          saved.push([position.events, state]);
          if (position.events === 20) throw new Error('disk');
          return position.events === 30 ? Promise.reject(new Error('network')) : undefined;
        },
      },
      onError: (error) => errors.push((error as Error).message),
    });
    for (let n = 1; n <= 45; n += 1) sum.apply(placed(2, n));
    await Promise.resolve();
    expect(saved).toEqual([
      [10, 20],
      [20, 40],
      [30, 60],
      [40, 80],
    ]);
    expect(errors).toEqual(['disk', 'network']);
  });

  test('are made at whole numbers of events', () => {
    for (const checkpoints of [{ every: 0 }, { every: 1.5 }, { keep: -1 }, { keep: 0.5 }, { every: Number.NaN }]) {
      expect(() => new Projection({ name: 'n', initial: 0, on: {}, checkpoints })).toThrow(
        expect.objectContaining({ code: 'projection/invalid' }),
      );
    }
  });
});

test('whatever happens, the state is the fold of the events taken, each once, in order', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('apply' as const),
        total: fc.integer({ min: 0, max: 9 }),
      }),
    },
    fc.record({ do: fc.constant('again' as const), back: fc.nat(5) }),
    fc.record({ do: fc.constant('resume' as const), heal: fc.boolean() }),
    fc.record({ do: fc.constant('skip' as const) }),
    fc.record({ do: fc.constant('restart' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(-1, 7), (steps, badTotal) => {
      const bad = new Set([badTotal]);
      let fragile = makeFragile(bad);
      const log: NervEvent[] = [];
      const skipped = new Set<number>();
      for (const now of steps) {
        const quietly = (call: () => unknown): void => {
          try {
            call();
          } catch (error) {
            expect(error).toBe(fragile.failure);
          }
        };
        if (now.do === 'apply') {
          log.push(placed(now.total, log.length + 1));
          quietly(() => fragile.apply(log.at(-1)!));
        } else if (now.do === 'again') {
          const event = log.at(-1 - now.back);
          if (event !== undefined) quietly(() => fragile.apply(event));
        } else if (now.do === 'resume') {
          if (now.heal) bad.clear();
          quietly(() => fragile.resume());
          bad.add(badTotal);
        } else if (now.do === 'skip') {
          const seq = fragile.failure?.details['seq'] as number | undefined;
          if (seq !== undefined) {
            skipped.add(seq);
            quietly(() => fragile.resume({ skip: `id-${seq}` }));
          }
        } else {
          const next = makeFragile(bad);
          next.restore(fragile.snapshot());
          const from = fragile.position.seq ?? 0;
          fragile = next;
          for (const event of log.slice(from)) quietly(() => fragile.apply(event));
        }
        const reached = fragile.position.seq ?? 0;
        const taken = log.slice(0, reached).filter((event) => !skipped.has(event.seq!));
        expect(fragile.state).toEqual(taken.map((event) => (event.data as { total: number }).total));
        expect(fragile.failure === undefined).toBe(reached === log.length);
      }
    }),
  );
});
