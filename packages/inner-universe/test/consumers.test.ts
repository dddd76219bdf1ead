import { expect, test, vi } from 'vitest';
import type { ConsumerHandler, ConsumerStatus } from '../src/index.ts';
import { describeForms, describeThread, type Form } from './forms.ts';

function body(form: Form): void {
  test('thousands of events are handled in order, and what is done for them is there once', async () => {
    const errors: unknown[] = [];
    const universe = await form.open({ onError: (error) => errors.push(error) });
    try {
      const count = 3_000;
      const publish = (from: number, to: number): Promise<unknown> =>
        Promise.all(
          Array.from({ length: to - from }, (_, index) =>
            universe.events.publish('reading', from + index, { source: `sensor-${(from + index) % 3}` }),
          ),
        );
      await publish(0, count / 2);
      const seen: number[] = [];
      const handler: ConsumerHandler = (event, transaction) => {
        seen.push(event.data as number);
        if (event.data === 7) throw new Error('poison');
        transaction.publish('copied', event.data, { source: event.source });
      };
      const options = {
        pattern: 'reading',
        partitions: 4,
        batchMax: 100,
        startAt: 'beginning',
        retry: { attempts: 1 },
      } as const;
      const workers = [await universe.consumers.open('copy', options), await universe.consumers.open('copy', options)];
      const runs = workers.map((worker) => worker.run(handler));
      await publish(count / 2, count);
      await vi.waitFor(
        async () => expect((await universe.client.getSystemStatus()).events).toBe(BigInt(2 * count - 1)),
        { timeout: 20_000, interval: 50 },
      );
      const copied = await universe.events.query({ pattern: 'copied' });
      for (const key of ['sensor-0', 'sensor-1', 'sensor-2']) {
        const own = copied.filter(({ source }) => source === key).map(({ data }) => data as number);
        expect(own).toEqual([...own].sort((a, b) => a - b));
      }
      expect(new Set(copied.map(({ data }) => data)).size).toBe(count - 1);
      expect(await universe.consumers.deadLetters('copy').list()).toMatchObject([{ attempts: 1, state: 'parked' }]);
      expect(await workers[0]?.lag()).toBeLessThanOrEqual(2 * count);
      const text = universe.metrics.toPrometheus();
      for (const partition of [0, 1, 2, 3])
        expect(text).toMatch(
          new RegExp(`events_consumer_lag\\{[^}]*consumer="copy"[^}]*partition="${partition}"[^}]*\\} \\d`),
        );
      expect(text).toMatch(new RegExp(`events_consumed(_total)?\\{[^}]*consumer="copy"[^}]*\\} ${count - 1}\\n`));
      expect(text).toMatch(/events_consumer_parked(_total)?\{[^}]*consumer="copy"[^}]*\} 1\n/);
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all(runs);
      expect(errors).toMatchObject([{ code: 'consumer/event-failed' }]);
      const status: ConsumerStatus = await universe.consumers.status('copy');
      expect(status.partitionStates.map(({ holder }) => holder)).toEqual(Array.from({ length: 4 }, () => undefined));
    } finally {
      await universe.close();
    }
  });

  test('closing the universe finishes what a handler is doing', async () => {
    const universe = await form.open();
    const consumer = await universe.consumers.open('copy', { pattern: 'reading' });
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const running = consumer.run(async () => {
      begin();
      await finished;
    });
    await universe.events.publish('reading', 1);
    await begun;
    const closed = universe.close();
    finish();
    await closed;
    await running;
  });
}

describeForms(body);
describeThread(body);
