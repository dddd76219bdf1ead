import { describe, expect, test, vi } from 'vitest';
import { EventBus } from '../events/event-bus.ts';
import type { NervEvent } from '../events/event.ts';
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
  return new Projection({
    name: 'sum',
    initial: { total: 0, count: 0 } as Sum,
    on: {
      'order.placed': (state, event) => ({ ...state, total: state.total + event.data.total }),
      'order.cancelled': (state, event) => ({ ...state, total: state.total - event.data.total }),
      'order.*': (state) => ({ ...state, count: state.count + 1 }),
    },
  });
}

function placed(total: number, seq?: number): NervEvent {
  const type = 'order.placed';
  return {
    id: `${seq}`,
    type,
    kind: 'application',
    data: { total },
    timestamp: 1,
    source: undefined,
    metadata: {},
    seq,
    pending: false,
  };
}

test('every reducer whose pattern matches takes its part, in the order of the definition', () => {
  const bus = new EventBus<Orders>();
  const sum = makeSum();
  const seen: Sum[] = [];
  const stop = sum.subscribe((state) => seen.push(state));
  const attached = sum.attach(bus);
  bus.emit('order.placed', { total: 5 });
  bus.emit('order.cancelled', { total: 2 });
  attached.unsubscribe();
  bus.emit('order.placed', { total: 100 });
  expect(sum.state).toEqual({ total: 3, count: 2 });
  expect(seen).toEqual([
    { total: 5, count: 1 },
    { total: 3, count: 2 },
  ]);
  stop();
  sum.apply(placed(1));
  expect(seen).toHaveLength(2);
});

test('an event of the log is applied once', () => {
  const sum = makeSum();
  expect([sum.apply(placed(1, 1)), sum.apply(placed(2, 3)), sum.apply(placed(2, 3)), sum.apply(placed(4, 2))]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(sum.state.total).toBe(3);
  expect(sum.position).toEqual({ events: 2, seq: 3 });
});

test('a reducer that fails leaves the projection as it was', () => {
  const broken = new Projection({
    name: 'broken',
    initial: 0,
    on: {
      '**': (state: number, event) => {
        if (event.data === 'bad') throw new Error('cannot');
        return state + 1;
      },
    },
  });
  const bus = new EventBus({ onError: () => undefined });
  broken.attach(bus);
  bus.emit('a', 'good');
  bus.emit('a', 'bad');
  expect(broken.state).toBe(1);
  expect(broken.position.events).toBe(1);
  expect(() => broken.apply({ ...placed(1), data: 'bad' })).toThrow(
    expect.objectContaining({ code: 'projection/failed', cause: expect.objectContaining({ message: 'cannot' }) }),
  );
});

describe('rebuilding', () => {
  async function* slowly(events: readonly NervEvent[]): AsyncGenerator<NervEvent> {
    for (const event of events) {
      await Promise.resolve();
      yield event;
    }
  }

  test('is of its events alone, and what came meanwhile follows once', async () => {
    const sum = makeSum();
    sum.apply(placed(1000, 1));
    const seen: Sum[] = [];
    sum.subscribe((state) => seen.push(state));
    const done = sum.rebuild(slowly([placed(1, 1), placed(2, 2), placed(3, 3)]));
    sum.apply(placed(3, 3));
    sum.apply(placed(4, 4));
    expect(sum.state.total).toBe(1000);
    await done;
    expect(sum.state).toEqual({ total: 10, count: 4 });
    expect(seen.map(({ total }) => total)).toEqual([6, 10]);
  });

  test('can stop at a time, and tells how far it is', async () => {
    const sum = makeSum();
    const progress: number[] = [];
    const events = Array.from({ length: 2500 }, (_, place) => placed(1, place + 1));
    await sum.rebuild(events, { onProgress: (count) => progress.push(count), while: (event) => event.seq! <= 2100 });
    expect(sum.position).toEqual({ events: 2100, seq: 2100 });
    expect(progress).toEqual([1000, 2000]);
  });

  test('that fails changes nothing but takes what came meanwhile', async () => {
    const sum = makeSum();
    sum.apply(placed(10, 1));
    const bad = { ...placed(1, 2), data: undefined };
    const done = sum.rebuild(slowly([placed(1, 1), bad]));
    sum.apply(placed(5, 3));
    await expect(sum.rebuild([])).rejects.toMatchObject({ code: 'projection/invalid' });
    await expect(done).rejects.toMatchObject({ code: 'projection/failed' });
    expect(sum.state).toEqual({ total: 15, count: 2 });
  });
});

test('a snapshot is gone on from by the same version alone', () => {
  const sum = makeSum();
  sum.apply(placed(7, 1));
  const snapshot = sum.snapshot();
  const other = makeSum();
  other.restore(snapshot);
  other.apply(placed(7, 1));
  other.apply(placed(1, 2));
  expect(other.state).toEqual({ total: 8, count: 2 });
  expect(() => other.restore({ ...snapshot, version: 2 })).toThrow(
    expect.objectContaining({ code: 'projection/invalid' }),
  );
});

test('a subscriber that fails harms no other', () => {
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  try {
    const sum = makeSum();
    const seen: number[] = [];
    sum.subscribe(() => {
      throw new Error('subscriber');
    });
    sum.subscribe(({ total }) => seen.push(total));
    sum.apply(placed(1));
    expect(seen).toEqual([1]);
    expect(shown).toHaveBeenCalledOnce();
  } finally {
    shown.mockRestore();
  }
});
