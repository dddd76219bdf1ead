import { expect, test, vi } from 'vitest';
import { CoreEventBus } from '../events/core-event-bus.ts';
import type { NervEvent } from '../events/event.ts';
import { CoreProjection } from './core-projection.ts';
import { MAX_WAITING_EVENTS } from './projection-error.ts';

type Events = { add: number; note: string };

const makeSum = () =>
  CoreProjection.of<Events>()({
    name: 'sum',
    initial: 0,
    on: {
      add: (sum, { data }) => {
        if (data < 0) throw new Error('negative');
        return sum + data;
      },
    },
  });

let count = 0;
const add = (data: number, seq?: number): NervEvent => {
  count += 1;
  return {
    id: `e${count}`,
    type: 'add',
    kind: 'application',
    data,
    timestamp: count,
    source: undefined,
    metadata: {},
    seq,
    pending: false,
  };
};

test('it folds the events of a bus, and subscribers hear of each new state after it', () => {
  const bus = new CoreEventBus<Events>();
  const sum = makeSum();
  const heard: unknown[] = [];
  const subscription = sum.subscribe((state, previous) => heard.push([previous, state, sum.position.events]));
  using _ = sum.attach(bus);
  bus.emit('add', 1);
  bus.emit('note', 'nothing of its');
  bus.emit('add', 2);
  expect(heard).toEqual([
    [0, 1, 1],
    [1, 3, 3],
  ]);
  subscription.unsubscribe();
  bus.emit('add', 4);
  expect([sum.state, heard.length, sum.version, sum.failure]).toEqual([7, 2, 1, undefined]);
});

test('an event is taken once, by its seq', () => {
  const sum = makeSum();
  expect([sum.apply(add(1, 5)), sum.apply(add(1, 5)), sum.apply(add(1, 4)), sum.apply(add(1, 6))]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect([sum.state, sum.position.seq]).toEqual([2, 6]);
});

test('an event that a subscriber brings is taken when the present one is done, and past ones are not', () => {
  const sum = makeSum();
  const heard: number[] = [];
  sum.subscribe((state) => {
    heard.push(state);
    if (state !== 1) return;
    expect(sum.apply(add(10, 3))).toBe(true);
    expect(sum.apply(add(100, 3))).toBe(true);
    expect(sum.state).toBe(1);
  });
  sum.subscribe((state) => heard.push(-state));
  sum.apply(add(1, 1));
  expect(heard).toEqual([1, -1, 11, -11]);
});

test('at an event that its reducer cannot take it stops, and takes no other until it is put elsewhere', () => {
  const sum = makeSum();
  sum.apply(add(1, 1));
  const rest = sum.snapshot();
  const bad = add(-1, 2);
  const failed = expect.objectContaining({
    code: 'projection/failed',
    details: { projection: 'sum', id: bad.id, type: 'add', seq: 2 },
    cause: expect.objectContaining({ message: 'negative' }) as unknown,
  }) as unknown;
  expect(() => sum.apply(bad)).toThrow(failed as Error);
  expect(() => sum.apply(add(1, 3))).toThrow(failed as Error);
  expect([sum.state, sum.position.events, sum.failure]).toEqual([1, 1, failed]);
  sum.restore(rest);
  expect(sum.apply(add(5, 3))).toBe(true);
  expect([sum.state, sum.failure]).toEqual([6, undefined]);
});

test('what waited behind a failure is gone with it', () => {
  const sum = makeSum();
  sum.subscribe((state) => {
    if (state === 1) for (const data of [-1, 5]) sum.apply(add(data));
  });
  expect(() => sum.apply(add(1))).toThrow(expect.objectContaining({ code: 'projection/failed' }));
  sum.restore(sum.snapshot());
  sum.apply(add(7));
  expect(sum.state).toBe(8);
});

test('it goes on from a snapshot of its own name and version, and tells of the state', () => {
  const sum = makeSum();
  const heard: number[] = [];
  sum.apply(add(3, 1));
  const snapshot = sum.snapshot();
  const other = makeSum();
  other.subscribe((state) => heard.push(state));
  other.restore(snapshot);
  other.restore(snapshot);
  expect([heard, other.state, other.apply(add(1, 1))]).toEqual([[3], 3, false]);
  const wrong = expect.objectContaining({ code: 'projection/invalid' }) as Error;
  expect(() => other.restore({ ...snapshot, version: 2 })).toThrow(wrong);
  expect(() => other.restore({ ...snapshot, name: 'other' })).toThrow(wrong);
});

test('no more than so many events wait', () => {
  const sum = makeSum();
  const codes: unknown[] = [];
  sum.subscribe(() => {
    if (sum.state !== 1) return;
    try {
      for (let n = 0; n <= MAX_WAITING_EVENTS; n += 1) sum.apply(add(0));
    } catch (error) {
      codes.push((error as { code: string }).code);
    }
  });
  sum.apply(add(1));
  expect(codes).toEqual(['projection/limit']);
});

test('what a subscriber throws is reported, to the console if nobody asked', () => {
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const sum = makeSum();
  sum.subscribe(() => {
    throw new Error('listener');
  });
  sum.apply(add(1));
  expect(String(shown.mock.calls[0]?.[1])).toBe('Error: listener');
  shown.mockRestore();
  const errors: unknown[] = [];
  const reported = new CoreProjection({ name: 'r', initial: 0, on: {}, onError: (error) => errors.push(error) });
  reported.subscribe(() => Promise.reject(new Error('later')));
  reported.restore({ ...reported.snapshot(), state: 1 });
  return vi.waitFor(() => expect(errors).toHaveLength(1));
});
