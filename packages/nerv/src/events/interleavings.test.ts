import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventBus } from './event-bus.ts';
import { matchesPattern } from './pattern.ts';

async function settle(): Promise<void> {
  for (let tick = 0; tick < 10; tick += 1) await Promise.resolve();
}

describe('whatever the interleaving', () => {
  test('a bounded handler gets each event once and in order, with no more calls at once than it allows', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constant('emit' as const) },
      { weight: 2, arbitrary: fc.constant('finish-oldest' as const) },
      { weight: 1, arbitrary: fc.constant('finish-newest' as const) },
      { weight: 1, arbitrary: fc.constant('fail-oldest' as const) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, concurrency) => {
          const bus = new EventBus({ onError: () => undefined });
          const started: unknown[] = [];
          const running: {
            readonly resolve: () => void;
            readonly reject: (error: unknown) => void;
          }[] = [];
          bus.subscribe({ pattern: 'a', concurrency }, async (event) => {
            started.push(event.data);
            await new Promise<void>((resolve, reject) => running.push({ resolve, reject }));
          });
          const reports: Promise<unknown>[] = [];
          for (const now of steps) {
            if (now === 'emit') reports.push(bus.publishAndWait('a', reports.length));
            else if (now === 'finish-oldest') running.shift()?.resolve();
            else if (now === 'finish-newest') running.pop()?.resolve();
            else running.shift()?.reject(new Error('failed'));
            await settle();
            expect(running.length).toBeLessThanOrEqual(concurrency);
            expect(started).toEqual([...started.keys()]);
          }
          while (running.length > 0) {
            running.shift()?.resolve();
            await settle();
          }
          await Promise.all(reports);
          expect(started).toEqual([...reports.keys()]);
        },
      ),
    );
  });

  test('a stream gives what a plain list with the same policy gives', async () => {
    const policy = fc.constantFrom('block' as const, 'drop-oldest' as const, 'drop-newest' as const, 'fail' as const);
    const steps = fc.array(fc.constantFrom('emit', 'read'), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(policy, fc.integer({ min: 1, max: 4 }), steps, async (overflow, capacity, todo) => {
        const bus = new EventBus();
        const stream = bus.events('a', { capacity, overflow });
        const model: number[] = [];
        let readers = 0;
        let isOpen = true;
        let dropped = 0;
        const expected: (number | 'failed' | 'over')[] = [];
        let isFailed = false;
        const got: Promise<unknown>[] = [];
        for (const [number, now] of todo.entries()) {
          if (now === 'read') {
            const read = async (): Promise<unknown> => {
              const result = await stream.next();
              return result.done === true ? 'over' : result.value.data;
            };
            got.push(read().catch(() => 'failed'));
            const next = model.shift();
            if (next !== undefined) expected.push(next);
            else if (isFailed) {
              isFailed = false;
              expected.push('failed');
            } else if (!isOpen) expected.push('over');
            else readers += 1;
            continue;
          }
          bus.emit('a', number);
          if (!isOpen) continue;
          if (readers > 0) {
            readers -= 1;
            expected.push(number);
          } else if (model.length < capacity || overflow === 'block') model.push(number);
          else {
            dropped += 1;
            if (overflow === 'drop-oldest') {
              model.shift();
              model.push(number);
            }
            if (overflow === 'fail') [isOpen, isFailed] = [false, true];
          }
        }
        bus.close();
        for (; readers > 0; readers -= 1) expected.push('over');
        expect(await Promise.all(got)).toEqual(expected);
        expect(stream.dropped).toBe(dropped);
      }),
    );
  });

  test('who comes and goes while events are delivered gets each event at most once, and in order', () => {
    const patterns = ['a', 'a.*', 'a.**', '**', '*'];
    const act = fc.record({
      on: fc.nat(6),
      do: fc.constantFrom('emit' as const, 'subscribe' as const, 'unsubscribe' as const),
      pattern: fc.constantFrom(...patterns),
      type: fc.constantFrom('a', 'a.b', 'b'),
      place: fc.nat(5),
    });
    fc.assert(
      fc.property(
        fc.array(act, { maxLength: 25 }),
        fc.array(fc.constantFrom(...patterns), { maxLength: 4 }),
        (acts, first) => {
          const bus = new EventBus();
          const seen: {
            readonly pattern: string;
            readonly begun: number;
            readonly got: [number, string][];
            end: () => void;
          }[] = [];
          const left = [...acts];
          let emitted = 0;
          let handled = 0;
          const emit = (type: string): void => {
            emitted += 1;
            bus.emit(type, emitted);
          };
          const subscribe = (pattern: string): void => {
            const got: [number, string][] = [];
            const subscription = bus.subscribe(pattern, (event) => {
              got.push([event.data as number, event.type]);
              handled += 1;
              // A handler acts in the middle of a delivery.
              const next = left[0];
              if (next !== undefined && next.on <= handled % 7) perform();
            });
            seen.push({ pattern, begun: emitted, got, end: () => subscription.unsubscribe() });
          };
          const perform = (): void => {
            const next = left.shift();
            if (next === undefined) return;
            if (next.do === 'emit') emit(next.type);
            else if (next.do === 'subscribe') subscribe(next.pattern);
            else seen[next.place]?.end();
          };
          for (const pattern of first) subscribe(pattern);
          while (left.length > 0) perform();
          for (const { pattern, begun, got } of seen) {
            const numbers = got.map(([number]) => number);
            expect(new Set(numbers).size).toBe(numbers.length);
            for (const [number, type] of got) {
              expect(matchesPattern(pattern, type)).toBe(true);
              expect(number).toBeGreaterThan(begun);
            }
          }
        },
      ),
    );
  });
});
