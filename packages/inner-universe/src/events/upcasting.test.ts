import type { IncomingEvent } from '@inner-universe/nerv';
import { Sealed } from '@inner-universe/nerv/values';
import { describe, expect, test } from 'vitest';
import { defineUpcasters, EventUpcasting, toCurrentEvent } from './upcasting.ts';

const event = (data: unknown, type = 'order.placed'): IncomingEvent => ({ id: 'e', type, data, timestamp: 5, seq: 9 });

const upcasting = new EventUpcasting({
  'order.placed': {
    2: (data: { total: number }) => ({ cents: data.total * 100 }),
    3: (data: { cents: number }, about) => ({ ...data, placedAt: about.timestamp }),
  },
  'order.paid': {},
});

describe('upcasters', () => {
  test('bring data forward step by step, each once, from whatever version it has', () => {
    expect(toCurrentEvent(event({ total: 2 }), 1, upcasting).data).toEqual({ cents: 200, placedAt: 5 });
    expect(toCurrentEvent(event({ cents: 7 }), 2, upcasting).data).toEqual({ cents: 7, placedAt: 5 });
    expect(toCurrentEvent(event({ cents: 7, placedAt: 1 }), 3, upcasting).data).toEqual({ cents: 7, placedAt: 1 });
  });

  test('give new events the highest version that is declared', () => {
    expect(upcasting.versionOf('order.placed')).toBe(3);
    expect(upcasting.versionOf('order.paid')).toBe(1);
    expect(upcasting.versionOf('other')).toBe(1);
  });

  test('leave types alone of which nothing is declared, and records of the module', () => {
    expect(toCurrentEvent(event(1, 'other'), 7, upcasting).data).toBe(1);
    expect(toCurrentEvent({ ...event(1), kind: 'system' }, 9, upcasting).data).toBe(1);
    expect(toCurrentEvent(event(1), 9, undefined).data).toBe(1);
  });

  test('refuse data of a newer version than is known, naming it', () => {
    expect(() => toCurrentEvent(event(1), 4, upcasting)).toThrow(
      expect.objectContaining({
        code: 'event/newer-version',
        details: { id: 'e', type: 'order.placed', typeVersion: 4, known: 3, seq: 9 },
      }),
    );
    expect(() => toCurrentEvent(event(1, 'order.paid'), 2, upcasting)).toThrow(
      /version 2 of 'order.paid'.*up to version 1/,
    );
  });

  test('refuse to leave out a step, naming type and versions', () => {
    expect(() => new EventUpcasting({ a: { 2: () => 0, 4: () => 0 } })).toThrow(
      expect.objectContaining({ code: 'event/missing-upcaster', details: { type: 'a', from: 2, to: 3 } }),
    );
    const since3 = new EventUpcasting({ a: { 3: () => 'three' } });
    expect(toCurrentEvent(event(0, 'a'), 2, since3).data).toBe('three');
    expect(() => toCurrentEvent(event(0, 'a'), 1, since3)).toThrow(
      expect.objectContaining({ code: 'event/missing-upcaster', details: { type: 'a', from: 1, to: 2, id: 'e' } }),
    );
  });

  test.each([1, 0, 2.5, -2])('to version %s are refused', (version) => {
    expect(() => new EventUpcasting({ a: { [version]: () => 0 } })).toThrow(
      expect.objectContaining({ code: 'config/invalid' }),
    );
  });

  test('that fail name the event and the step', () => {
    const failing = new EventUpcasting({
      a: {
        2: () => {
          throw new Error('no');
        },
      },
    });
    expect(() => toCurrentEvent(event(0, 'a'), 1, failing)).toThrow(
      expect.objectContaining({
        code: 'event/upcast-failed',
        details: { id: 'e', type: 'a', version: 2 },
        cause: new Error('no'),
      }),
    );
  });

  test('leave data alone whose key is not here', () => {
    const sealed = Sealed.make('k1', new Uint8Array(12), new Uint8Array(20));
    expect(toCurrentEvent(event(sealed), 1, upcasting).data).toBe(sealed);
  });
});

test('what `defineUpcasters` checks it gives back', () => {
  const upcasters = defineUpcasters<{ a: { n: number } }>()({ a: { 2: (data: string) => ({ n: data.length }) } });
  expect(toCurrentEvent(event('four', 'a'), 1, new EventUpcasting(upcasters)).data).toEqual({ n: 4 });
});
