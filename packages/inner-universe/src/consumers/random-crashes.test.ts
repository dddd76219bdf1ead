import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTestUniverse } from '../testing/create-test-universe.ts';
import type { TestUniverse } from '../testing/test-universe.ts';
import type { Universe } from '../universe.ts';
import type { Consumer } from './consumer.ts';
import type { ConsumerHandler } from './event-handling.ts';

const RUNS = 8 * Number(process.env['RUNS'] ?? 1);
const KEYS = ['ada', 'bob', 'eve', 'dan'];
const LEASE_MS = 3_000;

type Step =
  | { readonly type: 'publish'; readonly count: number; readonly key: number }
  | { readonly type: 'advance'; readonly ms: number }
  | { readonly type: 'drop' | 'restart-worker'; readonly worker: number }
  | { readonly type: 'cut'; readonly worker: number; readonly ms: number }
  | { readonly type: 'freeze'; readonly worker: number; readonly ms: number }
  | { readonly type: 'lose'; readonly worker: number; readonly message: number; readonly toHost: boolean }
  | { readonly type: 'crash'; readonly commit: number; readonly when: 'before' | 'after' };

const worker = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('publish' as const),
      count: fc.integer({ min: 1, max: 8 }),
      key: fc.nat({ max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 2_000 }) }),
  },
  fc.record({ type: fc.constantFrom('drop' as const, 'restart-worker' as const), worker }),
  fc.record({ type: fc.constant('cut' as const), worker, ms: fc.integer({ min: 1, max: 5_000 }) }),
  fc.record({ type: fc.constant('freeze' as const), worker, ms: fc.integer({ min: 1, max: 9_000 }) }),
  fc.record({
    type: fc.constant('lose' as const),
    worker,
    message: fc.integer({ min: 1, max: 6 }),
    toHost: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('crash' as const),
    commit: fc.integer({ min: 1, max: 5 }),
    when: fc.constantFrom('before' as const, 'after' as const),
  }),
);

/** Three workers of one consumer under faults, and what their handlers were given. */
class Run {
  readonly handled: number[] = [];
  readonly poison: ReadonlySet<number>;
  published = 0;
  readonly #test: TestUniverse;
  readonly #universes: readonly Universe[];
  readonly #options: { readonly partitions: number; readonly batchMax: number };
  readonly #consumers: Consumer[] = [];
  readonly #ends: Promise<void>[] = [];
  readonly #writes: Promise<unknown>[] = [];

  constructor(
    testUniverse: TestUniverse,
    universes: readonly Universe[],
    options: { readonly partitions: number; readonly batchMax: number; readonly poison: readonly number[] },
  ) {
    this.#test = testUniverse;
    this.#universes = universes;
    this.#options = options;
    this.poison = new Set(options.poison);
  }

  async start(index: number): Promise<void> {
    const universe = this.#universes[index] as Universe;
    const { partitions, batchMax } = this.#options;
    const consumer = await universe.consumers.open('copy', {
      pattern: 'order',
      partitions,
      batchMax,
      leaseMs: LEASE_MS,
      startAt: 'beginning',
      retry: { attempts: 2, delayMsMin: 50 },
    });
    this.#consumers[index] = consumer;
    const handler: ConsumerHandler = async (event, transaction) => {
      const number = event.data as number;
      this.handled.push(number);
      await new Promise((resolve) => setImmediate(resolve));
      if (this.poison.has(number)) throw new Error('poison');
      transaction.publish('copied', number, { source: event.source, partitionKey: `${transaction.partition}` });
      transaction.graph.upsertEntity('order', { id: `order-${number}`, properties: { number } });
      await transaction.commit<{ sum: number }>('sum', (draft) => void (draft.sum += number));
    };
    this.#ends.push(consumer.run(handler));
  }

  async take(each: Step): Promise<void> {
    switch (each.type) {
      case 'publish':
        for (let count = 0; count < each.count; count += 1) {
          const source = KEYS[(each.key + count) % KEYS.length];
          this.#writes.push(this.#test.universe.events.publish('order', this.published++, { source }));
        }
        break;
      case 'advance':
        await this.#test.advance(each.ms);
        break;
      case 'drop':
        this.#network(each.worker).drop();
        break;
      case 'restart-worker':
        await this.#restart(each.worker);
        break;
      case 'cut':
        this.#network(each.worker).cut();
        await this.#test.advance(each.ms);
        this.#network(each.worker).restore();
        break;
      case 'freeze':
        this.#network(each.worker).freeze();
        await this.#test.advance(each.ms);
        this.#network(each.worker).thaw();
        break;
      case 'lose':
        this.#network(each.worker).dropAt(each.toHost ? 'to-host' : 'to-client', each.message);
        break;
      case 'crash':
        void this.#test.crashAt({ commit: each.commit, when: each.when });
        break;
    }
    await this.#settle(5);
  }

  async finish(): Promise<void> {
    this.#test.host.storage.clear();
    for (const universe of this.#universes) this.#test.networkOf(universe).clear();
    if (!this.#test.host.isAlive) await this.#test.restart();
    const written = Promise.all(this.#writes);
    await this.#test.advance(8_000);
    await written;
    await this.#test.advance(8_000);
  }

  async close(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.close()));
    await Promise.all(this.#ends);
  }

  #network(index: number) {
    return this.#test.networkOf(this.#universes[index] as Universe);
  }

  async #settle(ms: number): Promise<void> {
    await this.#test.advance(ms);
    if (this.#test.host.isAlive) return;
    await this.#test.restart();
    await this.#test.advance(ms);
  }

  async #restart(index: number): Promise<void> {
    const closed = this.#consumers[index]?.close();
    await this.#settle(500);
    await closed;
    const started = this.start(index);
    await this.#settle(5);
    await started;
  }
}

test('whatever happens to workers, host and network, every event is handled in its partition’s order and its effects are there once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(1, 1, 3),
      fc.uniqueArray(fc.nat({ max: 30 }), { maxLength: 2 }),
      async (steps, partitions, batchMax, poison) => {
        const testUniverse = await createTestUniverse();
        try {
          const rights = [
            { action: 'write', resource: 'scope:main' },
            { action: 'read', resource: 'scope:main' },
            { action: 'consume', resource: 'event:**' },
          ] as const;
          const ada = await testUniverse.as('ada', rights);
          const bob = await testUniverse.as('bob', rights);
          const store = await testUniverse.universe.states.open('sum', { sum: 0 });
          store.close();
          const run = new Run(testUniverse, [testUniverse.universe, ada, bob], { partitions, batchMax, poison });
          for (const index of [0, 1, 2]) await run.start(index);
          for (const each of steps) await run.take(each);
          await run.finish();
          const numbers = Array.from({ length: run.published }, (_, number) => number);
          const rows = await testUniverse.universe.events.query({ pattern: 'copied' });
          const copied = rows.map(({ data }) => data as number);
          const wanted = numbers.filter((number) => !poison.includes(number));
          // Once each.
          expect([...copied].sort((a, b) => a - b)).toEqual(wanted);
          // In order for each key.
          for (const key of KEYS) {
            const own = rows.filter(({ source }) => source === key).map(({ data }) => data as number);
            expect(own).toEqual([...own].sort((a, b) => a - b));
          }
          const again = await testUniverse.universe.states.open('sum', { sum: 0 });
          expect(again.state.sum).toBe(wanted.reduce((sum, number) => sum + number, 0));
          expect(await testUniverse.universe.graph.query({ type: 'order' })).toHaveLength(wanted.length);
          const letters = await testUniverse.universe.consumers.deadLetters('copy').list();
          expect(letters).toHaveLength(numbers.length - wanted.length);
          expect(new Set(run.handled)).toEqual(new Set(numbers));
          await run.close();
        } finally {
          await testUniverse.close();
        }
      },
    ),
    {
      numRuns: RUNS,
      timeout: 60_000,
      ...(process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) }),
    },
  );
}, 120_000);
