import { expect, test } from 'vitest';
import { FaultLane } from './fault-lane.ts';

interface Bench {
  readonly lane: FaultLane;
  readonly arrived: (number | 'drop')[];
  send(n: number): void;
  /** Lets the moment pass that a message may be held. */
  run(): void;
}

function makeBench(): Bench {
  const arrived: (number | 'drop')[] = [];
  const deferred = new Set<() => void>();
  const lane = new FaultLane((callback) => {
    deferred.add(callback);
    return () => void deferred.delete(callback);
  });
  const ends = { deliver: ([n = -1]: Uint8Array) => void arrived.push(n), drop: () => void arrived.push('drop') };
  return {
    lane,
    arrived,
    send: (n) => lane.pass(Uint8Array.of(n), ends),
    run: () => {
      for (const callback of deferred) callback();
      deferred.clear();
    },
  };
}

test('each message passes, in order, and what is planned comes with the message it was planned for', () => {
  const { lane, arrived, send } = makeBench();
  lane.plan('duplicate', 2);
  lane.plan('drop', 3);
  lane.plan('reorder', 5);
  for (const n of [1, 2, 3, 4, 5, 6, 7]) send(n);
  expect(arrived).toEqual([1, 2, 2, 'drop', 4, 6, 5, 7]);
  expect(lane.passed).toBe(7);
});

test('a message that nothing overtakes arrives after a moment, once', () => {
  const { lane, arrived, send, run } = makeBench();
  lane.plan('reorder', 1);
  send(1);
  expect(arrived).toEqual([]);
  run();
  send(2);
  expect(arrived).toEqual([1, 2]);
  lane.plan('reorder', 1);
  send(3);
  send(4);
  run();
  expect(arrived).toEqual([1, 2, 4, 3]);
});

test('several messages in a row can be put behind each other', () => {
  const { lane, arrived, send } = makeBench();
  lane.plan('reorder', 1);
  lane.plan('reorder', 2);
  for (const n of [1, 2, 3]) send(n);
  expect(arrived).toEqual([1, 3, 2]);
});

test('what is planned can be taken back, and positions are counted from 1', () => {
  const { lane, arrived, send } = makeBench();
  lane.plan('drop', 1);
  lane.clear();
  send(1);
  expect(arrived).toEqual([1]);
  for (const wrong of [0, 1.5, Number.NaN]) expect(() => lane.plan('drop', wrong)).toThrow(RangeError);
});

test('a message that is held is as it was sent, though its sender wrote the next one into the same bytes', () => {
  const arrived: number[] = [];
  const lane = new FaultLane(() => () => undefined);
  const ends = { deliver: ([n = -1]: Uint8Array) => void arrived.push(n), drop: () => undefined };
  lane.plan('reorder', 1);
  const buffer = new Uint8Array(1);
  for (const n of [1, 2]) {
    buffer[0] = n;
    lane.pass(buffer, ends);
  }
  expect(arrived).toEqual([2, 1]);
});
