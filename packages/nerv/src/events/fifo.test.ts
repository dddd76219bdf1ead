import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from './fifo.ts';

test('gives back what an array would', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constant('push' as const) },
    { weight: 4, arbitrary: fc.constant('shift' as const) },
    { weight: 1, arbitrary: fc.constant('drain' as const) },
  );
  fc.assert(
    fc.property(fc.nat(200), fc.array(step, { maxLength: 300 }), (begin, steps) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (let item = 0; item < begin; item += 1) {
        fifo.push(item);
        model.push(item);
      }
      for (const [item, now] of steps.entries()) {
        if (now === 'push') {
          fifo.push(-item);
          model.push(-item);
        } else if (now === 'shift') expect(fifo.shift()).toBe(model.shift());
        else expect(fifo.drain()).toEqual(model.splice(0));
        expect(fifo.size).toBe(model.length);
      }
    }),
  );
});

test('hundreds are taken in order while others come', () => {
  const fifo = new Fifo<number>();
  for (let item = 0; item < 300; item += 1) fifo.push(item);
  for (let item = 0; item < 1_000; item += 1) {
    expect(fifo.shift()).toBe(item);
    fifo.push(300 + item);
  }
  expect(fifo.size).toBe(300);
});
