import { expect, test } from 'vitest';
import { Lane } from './lane.ts';
import { ManualTime } from './manual-time.ts';

function makeLane() {
  const time = new ManualTime();
  const arrived: number[] = [];
  let overflows = 0;
  const lane = new Lane(time, {
    deliver: (payload) => arrived.push(payload.length),
    onOverflow: () => {
      overflows += 1;
      lane.stop();
    },
  });
  return { lane, time, arrived, overflows: () => overflows };
}

test('a frozen lane holds 64 MiB, and is lost with the next byte', () => {
  const { lane, arrived, overflows } = makeLane();
  lane.freeze();
  const payload = new Uint8Array(32 * 1024 * 1024);
  lane.send(payload);
  lane.send(payload);
  expect(overflows()).toBe(0);
  lane.send(new Uint8Array(1));
  expect(overflows()).toBe(1);
  lane.thaw();
  lane.send(new Uint8Array(1));
  expect([arrived, overflows()]).toEqual([[], 1]);
});

test('the end of a connection comes behind its messages', () => {
  const { lane, time, arrived } = makeLane();
  let isEnded = false;
  lane.delay(1000n);
  lane.send(new Uint8Array(3));
  lane.delay(0n);
  lane.end(() => (isEnded = true));
  expect([arrived, isEnded]).toEqual([[], false]);
  time.advance(1000n);
  expect([arrived, isEnded, lane.delivered]).toEqual([[3], true, 1]);
});

test('a cut comes in place of its message', () => {
  const { lane, arrived } = makeLane();
  lane.cutAt(2, () => lane.stop());
  for (const length of [1, 2, 3]) lane.send(new Uint8Array(length));
  expect(arrived).toEqual([1]);
  expect(() => lane.cutAt(0, () => undefined)).toThrow(RangeError);
  expect(() => lane.delay(-1n)).toThrow(RangeError);
});
