import type { Timers } from '@inner-universe/nerv';
import { expect, test } from 'vitest';
import { Bell } from './bell.ts';
import { Gate } from './gate.ts';

/** Timers that call back when told. */
class ManualTimers implements Timers {
  readonly #due = new Set<() => void>();
  get size(): number {
    return this.#due.size;
  }
  schedule(callback: () => void): () => void {
    this.#due.add(callback);
    return () => void this.#due.delete(callback);
  }
  fire(): void {
    for (const callback of [...this.#due]) {
      this.#due.delete(callback);
      callback();
    }
  }
}

test('a bell wakes who waits, and lets the next one through when nobody did', async () => {
  const timers = new ManualTimers();
  const bell = new Bell(timers);
  const waiting = bell.wait(10);
  bell.ring();
  expect(await waiting).toBe(true);
  expect(timers.size).toBe(0);
  const again = bell.wait(10);
  timers.fire();
  expect(await again).toBe(false);
  bell.ring();
  bell.ring();
  expect(await bell.wait()).toBe(true);
  const last = bell.wait(10);
  timers.fire();
  expect(await last).toBe(false);
  expect(timers.size).toBe(0);
});

test('a gate lets so many through at a time, the others in turn', async () => {
  const gate = new Gate(2);
  const inside: number[] = [];
  const leaves: (() => void)[] = [];
  const entered = [0, 1, 2, 3].map(async (number) => {
    leaves[number] = await gate.enter();
    inside.push(number);
  });
  await Promise.all(entered.slice(0, 2));
  expect(inside).toEqual([0, 1]);
  leaves[1]?.();
  leaves[1]?.();
  await entered[2];
  expect(inside).toEqual([0, 1, 2]);
  leaves[0]?.();
  await entered[3];
  expect(inside).toEqual([0, 1, 2, 3]);
});
