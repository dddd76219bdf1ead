import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Universe } from '../universe.ts';
import { createTestUniverse, READ_AND_WRITE, type TestNetwork, type TestUniverse } from './index.ts';

/** RUNS= multiplies the runs. */
const RUNS = 15 * Number(process.env['RUNS'] ?? 1);

const direction = fc.constantFrom('to-host' as const, 'to-client' as const);
const message = fc.integer({ min: 1, max: 12 });
const whose = fc.nat({ max: 1 });

type Step =
  | {
      readonly type: 'message';
      readonly fault: 'drop' | 'duplicate' | 'reorder';
      readonly direction: 'to-host' | 'to-client';
      readonly message: number;
      readonly whose: number;
    }
  | { readonly type: 'delay' | 'cut'; readonly whose: number; readonly ms: number }
  | { readonly type: 'crash'; readonly commit: number; readonly when: 'before' | 'after' }
  | { readonly type: 'write'; readonly whose: number; readonly count: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('write' as const), whose, count: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('message' as const),
      fault: fc.constantFrom('drop' as const, 'duplicate' as const, 'reorder' as const),
      direction,
      message,
      whose,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom('delay' as const, 'cut' as const),
      whose,
      ms: fc.integer({ min: 0, max: 50 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('crash' as const),
      commit: fc.integer({ min: 1, max: 4 }),
      when: fc.constantFrom('before' as const, 'after' as const),
    }),
  },
);

/** One who writes and hears, and what of it was acknowledged. */
class Writer {
  readonly heard: string[] = [];
  readonly acknowledged: string[] = [];
  readonly #name: string;
  readonly #universe: Universe;
  #count = 0;
  #writing: Promise<unknown>[] = [];

  constructor(name: string, universe: Universe) {
    this.#name = name;
    this.#universe = universe;
    universe.events.subscribe('tick', ({ data }) => this.heard.push(String(data)));
  }

  write(count: number): void {
    for (let n = 0; n < count; n += 1) {
      this.#count += 1;
      const tick = `${this.#name}-${this.#count}`;
      const published = this.#universe.events.publish('tick', tick).then(() => this.acknowledged.push(tick));
      for (const writing of [published, this.#universe.graph.createEntity('thing', { id: tick })]) {
        this.#writing.push(writing);
        // `finish` tells what failed.
        writing.catch(() => undefined);
      }
    }
  }

  async finish(): Promise<void> {
    await Promise.all(this.#writing);
  }

  /** What it wrote, in order. */
  get wrote(): readonly string[] {
    return Array.from({ length: this.#count }, (_, n) => `${this.#name}-${n + 1}`);
  }
}

class Run {
  readonly #test: TestUniverse;
  readonly writers: readonly Writer[];
  readonly #networks: readonly TestNetwork[];

  constructor(test: TestUniverse, universes: readonly Universe[]) {
    this.#test = test;
    this.writers = universes.map((universe, n) => new Writer(n === 0 ? 'owner' : 'ada', universe));
    this.#networks = universes.map((universe) => test.networkOf(universe));
  }

  async take(step: Step): Promise<void> {
    switch (step.type) {
      case 'write':
        this.writers[step.whose]?.write(step.count);
        break;
      case 'message': {
        const network = this.#networks[step.whose];
        if (step.fault === 'drop') network?.dropAt(step.direction, step.message);
        else if (step.fault === 'duplicate') network?.duplicateAt(step.direction, step.message);
        else network?.reorderAt(step.direction, step.message);
        break;
      }
      case 'delay':
        this.#networks[step.whose]?.delay(step.ms);
        break;
      case 'cut':
        this.#networks[step.whose]?.cut();
        await this.#test.advance(step.ms);
        this.#networks[step.whose]?.restore();
        break;
      case 'crash':
        void this.#test.crashAt({ commit: step.commit, when: step.when });
        break;
    }
    await this.#test.advance(5);
    if (!this.#test.host.isAlive) await this.#test.restart();
  }

  async finish(): Promise<void> {
    this.#test.host.storage.clear();
    for (const network of this.#networks) network.clear();
    if (!this.#test.host.isAlive) await this.#test.restart();
    const finished = Promise.all(this.writers.map((writer) => writer.finish()));
    await this.#test.advance(1_000);
    await finished;
    await this.#test.settle();
  }
}

test('whatever happens on the way, what is acknowledged is there once, and everybody hears it once, in one order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
      const testUniverse = await createTestUniverse();
      try {
        const ada = await testUniverse.as('ada', READ_AND_WRITE);
        const run = new Run(testUniverse, [testUniverse.universe, ada]);
        for (const each of steps) await run.take(each);
        await run.finish();
        const rows = await testUniverse.host.sql(`SELECT data FROM event_log WHERE event_type = 'tick'`);
        const logged = rows.map(({ data }) => JSON.parse(String(data)) as string);
        for (const [index, writer] of run.writers.entries()) {
          expect(logged.filter((tick) => tick.startsWith(index === 0 ? 'owner' : 'ada'))).toEqual(writer.wrote);
          expect(writer.acknowledged).toEqual(writer.wrote);
          expect(writer.heard).toEqual(logged);
        }
        const things = await testUniverse.universe.graph.query({ type: 'thing' });
        expect(things.map(({ id }) => id).sort()).toEqual([...logged].sort());
        expect(testUniverse.takeErrors()).toEqual([]);
      } finally {
        await testUniverse.close();
      }
    }),
    { numRuns: RUNS, ...(process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) }) },
  );
});
