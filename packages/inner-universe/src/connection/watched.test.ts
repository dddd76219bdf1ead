import { expect, test } from 'vitest';
import { Watched } from './watched.ts';

function makeWatched(): { watched: Watched<number>; errors: unknown[] } {
  const errors: unknown[] = [];
  return { watched: new Watched(1, (error) => errors.push(error)), errors };
}

test('its members work without this, as a store of React does', () => {
  const { getSnapshot, subscribe } = makeWatched().watched;
  expect(getSnapshot()).toBe(1);
  subscribe(() => undefined)();
});

test('every listener is told each change until it leaves; one that throws stops no other', () => {
  const { watched, errors } = makeWatched();
  const seen: number[] = [];
  const listener = (value: number): void => void seen.push(value);
  const failure = new Error('a listener');
  watched.subscribe(() => {
    throw failure;
  });
  const stop = watched.subscribe(listener);
  watched.subscribe(listener);
  watched.set(2);
  stop();
  stop();
  watched.set(3);
  expect(seen).toEqual([2, 2, 3]);
  expect(errors).toEqual([failure, failure]);
});

test('iterating gives the value now, then later ones, the latest to who is slow; the signal ends it', async () => {
  const { watched } = makeWatched();
  const controller = new AbortController();
  const changes = watched.changes(controller.signal);
  expect(await changes.next()).toEqual({ value: 1, done: false });
  const next = changes.next();
  watched.set(2);
  expect(await next).toEqual({ value: 2, done: false });
  watched.set(3);
  watched.set(4);
  expect(await changes.next()).toEqual({ value: 4, done: false });
  const last = changes.next();
  controller.abort();
  expect(await last).toEqual({ value: undefined, done: true });
  expect(await watched.changes(controller.signal).next()).toEqual({ value: undefined, done: true });
});
