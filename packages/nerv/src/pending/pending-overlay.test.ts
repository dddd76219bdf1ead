import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PendingOverlay } from './pending-overlay.ts';
import { StateTarget, type RequestOutcome } from './state-target.ts';

/** A list of numbers: a request adds one that is not there yet, confirmed data adds any. */
type List = readonly number[];
type Overlay = PendingOverlay<number, number, { readonly before: List; readonly after: List }>;

function addOnce(list: List, number: number): RequestOutcome<List> {
  return list.includes(number)
    ? { type: 'conflict', reason: `has ${number}` }
    : { type: 'applied', state: [...list, number] };
}

function makeList(limit?: number): {
  readonly overlay: Overlay;
  readonly target: StateTarget<List, number, number, never>;
} {
  const target = new StateTarget<List, number, number, { readonly before: List; readonly after: List }>([], {
    apply: addOnce,
    confirm: (list, number) => [...list, number],
    difference: (before, after) => (before.join() === after.join() ? undefined : { before, after }),
  });
  return { overlay: new PendingOverlay(target, { limit }), target: target as never };
}

describe('the rule', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), number: fc.nat(4) }),
    fc.record({ do: fc.constant('confirm' as const), number: fc.nat(4), settles: fc.boolean() }),
    fc.record({ do: fc.constant('refuse' as const), place: fc.nat(3) }),
  );

  test('what is seen is the confirmed data with the pending requests put over it, and notices lead there', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { overlay, target } = makeList();
        let confirmed: List = [];
        let waiting: { readonly id: string; readonly number: number }[] = [];
        let conflicting = new Set<string>();
        let followed: List = [];
        for (const [place, now] of steps.entries()) {
          const id = `${place}`;
          let notice;
          let settled: string[] = [];
          if (now.do === 'add') {
            notice = overlay.add(id, now.number);
            if (notice?.conflicts.length === 0) waiting.push({ id, number: now.number });
          } else if (now.do === 'confirm') {
            settled = now.settles ? waiting.slice(0, 1).map((entry) => entry.id) : [];
            notice = overlay.confirm(now.number, settled);
            confirmed = [...confirmed, now.number];
          } else {
            settled = waiting.slice(now.place, now.place + 1).map((entry) => entry.id);
            notice = overlay.refuse(settled[0] ?? 'none');
          }
          waiting = waiting.filter((entry) => !settled.includes(entry.id));

          let expected = confirmed;
          const conflictsNow = new Set<string>();
          for (const entry of waiting) {
            const outcome = addOnce(expected, entry.number);
            if (outcome.type === 'applied') expected = outcome.state;
            else conflictsNow.add(entry.id);
          }
          expect(target.current).toEqual(expected);
          expect(overlay.pending.map((entry) => [entry.id, entry.conflict !== undefined])).toEqual(
            waiting.map((entry) => [entry.id, conflictsNow.has(entry.id)]),
          );
          if (notice?.change !== undefined) {
            expect(notice.change.before).toEqual(followed);
            followed = notice.change.after;
          }
          expect(followed).toEqual(expected);
          expect(notice?.settled ?? []).toEqual(settled);
          if (now.do !== 'add') {
            const fresh = [...conflictsNow].filter((entry) => !conflicting.has(entry));
            expect(notice?.conflicts.map((conflict) => conflict.id) ?? []).toEqual(fresh);
            expect(notice?.origin ?? 'confirmed').toBe('confirmed');
          } else {
            expect(notice?.origin).toBe('pending');
          }
          conflicting = conflictsNow;
        }
      }),
    );
  });
});

test('a request that does not apply from the start is not kept', () => {
  const { overlay } = makeList();
  overlay.confirm(1);
  expect(overlay.add('q', 1)).toEqual({
    origin: 'pending',
    change: undefined,
    settled: [],
    conflicts: [{ id: 'q', request: 1, reason: 'has 1' }],
  });
  expect(overlay.pending).toEqual([]);
});

test('the confirmation of a request that foresaw everything has no net change, but says it is settled', () => {
  const { overlay, target } = makeList();
  overlay.add('q', 1);
  expect(overlay.confirm(1, ['q'])).toEqual({
    origin: 'confirmed',
    change: undefined,
    settled: ['q'],
    conflicts: [],
  });
  expect(target.current).toEqual([1]);
});

test('ids are used once at a time, and the limit holds', () => {
  const { overlay } = makeList(2);
  overlay.add('a', 1);
  expect(() => overlay.add('a', 2)).toThrow(expect.objectContaining({ code: 'pending/conflict' }));
  overlay.add('b', 2);
  expect(() => overlay.add('c', 3)).toThrow(expect.objectContaining({ code: 'pending/limit', retryable: true }));
  overlay.refuse('a');
  overlay.add('c', 3);
  expect(overlay.pending.map(({ id }) => id)).toEqual(['b', 'c']);
});

test('what changes nothing and answers nobody is told to nobody', () => {
  const target = new StateTarget<List, number, number, never>([], {
    apply: addOnce,
    confirm: (list) => list,
    difference: () => undefined,
  });
  const overlay = new PendingOverlay(target);
  expect(overlay.confirm(1)).toBeUndefined();
  expect(overlay.refuse('nobody')).toBeUndefined();
  expect(overlay.add('q', 1)).toBeUndefined();
  expect(overlay.pending).toHaveLength(1);
});
