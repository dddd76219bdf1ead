import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTestUniverse, type TestUniverse } from '../testing/index.ts';
import type { Universe } from '../universe.ts';
import type { DataMigration } from './define-migrations.ts';

/** RUNS= multiplies the runs. */
const RUNS = 8 * Number(process.env['RUNS'] ?? 1);
const MIGRATORS = 2;

/** What happens after a step of somebody's migrating. */
type Fault =
  | { readonly type: 'kill' | 'drop'; readonly migrator: number }
  | { readonly type: 'crash' }
  | { readonly type: 'crash-at'; readonly commit: number; readonly when: 'before' | 'after' }
  | { readonly type: 'touch'; readonly person: number }
  | { readonly type: 'create' }
  | { readonly type: 'delete'; readonly person: number }
  | { readonly type: 'commit' };

const migrator = fc.nat({ max: MIGRATORS - 1 });
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('kill' as const, 'drop' as const), migrator }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('crash-at' as const),
      commit: fc.integer({ min: 1, max: 3 }),
      when: fc.constantFrom('before' as const, 'after' as const),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('touch' as const), person: fc.nat({ max: 19 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('delete' as const), person: fc.integer({ min: 18, max: 19 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('create' as const, 'commit' as const) }) },
);

/** No function of it gives the same when it runs twice over the same. */
const COUNT: DataMigration = {
  id: 'count',
  entities: { person: ({ properties }) => ({ properties: { runs: Number(properties['runs'] ?? 0) + 1 } }) },
  relations: { knows: ({ properties }) => ({ properties: { runs: Number(properties['runs'] ?? 0) + 1 } }) },
  states: {
    cart: { branches: 'all', migrate: (state: { runs?: number }) => ({ ...state, runs: (state.runs ?? 0) + 1 }) },
  },
};

/** Two who migrate, one who writes, and what befalls them. */
class Run {
  readonly touches = new Map<string, number>();
  readonly deleted = new Set<string>();
  commits = 0;
  readonly #host: TestUniverse;
  readonly #faults: Fault[];
  readonly #rowsMax: number;
  readonly #migrators: Universe[] = [];
  readonly #endings: AbortController[] = [];
  #writing: Promise<unknown> = Promise.resolve();
  #restarting: Promise<unknown> | undefined;

  constructor(host: TestUniverse, faults: readonly Fault[], rowsMax: number) {
    this.#host = host;
    this.#faults = [...faults];
    this.#rowsMax = rowsMax;
  }

  async migrate(): Promise<void> {
    for (let index = 0; index < MIGRATORS; index += 1) this.#migrators.push(await this.#host.as('owner'));
    await Promise.all(this.#migrators.map((_, index) => this.#migrateAs(index)));
    await this.#writing;
    // A crash that was planned for a commit that never came.
    while (this.#restarting !== undefined) {
      await Promise.race([this.#restarting, this.#host.universe.events.publish('tick')]);
    }
  }

  /** A process that migrates, and is started again when it was killed. */
  async #migrateAs(index: number): Promise<void> {
    for (let life = 0; ; life += 1) {
      const ending = new AbortController();
      this.#endings[index] = ending;
      try {
        const onProgress = (): void => this.#next();
        const options = { rowsMax: this.#rowsMax, signal: ending.signal, onProgress };
        await this.#migrators[index]?.migrate([COUNT], options);
        return;
      } catch (error) {
        if (error !== KILLED || life > 100) throw error;
      }
    }
  }

  #next(): void {
    const next = this.#faults.shift();
    if (next === undefined) return;
    if (this.#restarting !== undefined && ['drop', 'crash', 'crash-at'].includes(next.type)) return;
    const { universe } = this.#host;
    switch (next.type) {
      case 'kill':
        this.#endings[next.migrator]?.abort(KILLED);
        break;
      case 'drop': {
        const dropped = this.#migrators[next.migrator];
        if (dropped !== undefined) this.#host.networkOf(dropped).drop();
        break;
      }
      case 'crash':
        this.#host.crash();
        this.#restart(Promise.resolve());
        break;
      case 'crash-at':
        this.#restart(this.#host.crashAt(next));
        break;
      case 'touch': {
        const id = `p${next.person}`;
        if (this.deleted.has(id)) break;
        const touched = (this.touches.get(id) ?? 0) + 1;
        this.touches.set(id, touched);
        this.#write(() => universe.graph.updateEntity(id, { properties: { touched } }));
        break;
      }
      case 'delete':
        this.deleted.add(`p${next.person}`);
        this.#write(() => universe.graph.deleteEntity(`p${next.person}`, { cascade: true }).catch(ignoreGone));
        break;
      case 'create':
        this.#write(() => universe.graph.createEntity('person', { properties: { isNew: true } }));
        break;
      case 'commit':
        this.commits += 1;
        this.#write(async () => {
          const cart = await universe.states.open<{ commits: number }>('cart');
          await cart.commit((draft) => void (draft.commits += 1), 'one more');
        });
        break;
    }
  }

  #write(work: () => Promise<unknown>): void {
    this.#writing = this.#writing.then(work);
  }

  #restart(crashed: Promise<unknown>): void {
    this.#restarting = crashed.then(() => this.#host.restart()).finally(() => (this.#restarting = undefined));
  }
}

const KILLED = new Error('killed');

function ignoreGone(error: unknown): void {
  if ((error as { code?: unknown }).code !== 'entity/not-found') throw error;
}

test(
  'whoever is killed, cut off or in the way: each row and branch is changed once, and nothing else is lost',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fault, { maxLength: 25 }),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(),
        async (faults, rowsMax, seed) => {
          const host = await createTestUniverse({ seed, reconnectForMs: Infinity, logger: { log: () => undefined } });
          try {
            const { universe } = host;
            const people = Array.from({ length: 20 }, (_, at) => `p${at}`);
            await Promise.all(people.map((id) => universe.graph.createEntity('person', { id })));
            await universe.graph.createRelation('knows', { id: 'r0', from: 'p0', to: 'p1' });
            await universe.graph.createRelation('knows', { id: 'r1', from: 'p1', to: 'p2' });
            const cart = await universe.states.open('cart', { commits: 0 });
            await cart.createBranch('gift');
            const run = new Run(host, faults, rowsMax);
            await run.migrate();
            for (const id of people) {
              const row = await universe.graph.getEntity(id);
              if (run.deleted.has(id)) expect(row).toBeUndefined();
              else expect([id, row?.properties]).toEqual([id, { runs: 1, ...touchedOf(run.touches.get(id)) }]);
            }
            const relations = await universe.graph.queryRelations({ type: 'knows' });
            expect(relations.map(({ properties }) => properties)).toEqual([{ runs: 1 }, { runs: 1 }]);
            for (const [branch, commits] of [
              ['main', run.commits],
              ['gift', 0],
            ] as const) {
              const store = await universe.states.open('cart', undefined, { branch });
              expect([branch, store.state]).toEqual([branch, { commits, runs: 1 }]);
            }
            const left = await universe.client.queryEntities({ scope: '$migrations' });
            expect(left.entities.map(({ id }) => id)).toEqual(['$migration:count']);
          } finally {
            await host.close();
          }
        },
      ),
      { numRuns: RUNS },
    );
  },
  120_000 * Math.max(1, RUNS / 8),
);

function touchedOf(touched: number | undefined): object {
  return touched === undefined ? {} : { touched };
}
