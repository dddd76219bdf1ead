import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALL_ENTITIES } from '../client/reads.ts';
import { idsOf } from '../client/inner-universe-client.ts';
import { MemoryOutbox } from '../offline/memory-outbox.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../testing/index.ts';
import type { Universe } from '../universe.ts';

/** RUNS= multiplies the runs. */
const RUNS = 6 * Number(process.env['RUNS'] ?? 1);
const IDS = ['a', 'b', 'c'] as const;

const whose = fc.nat({ max: 2 });
const id = fc.constantFrom(...IDS);
const direction = fc.constantFrom('to-host' as const, 'to-client' as const);

type Step =
  | { readonly type: 'write' | 'delete' | 'read' | 'read-around'; readonly whose: number; readonly id: string }
  | {
      readonly type: 'drop' | 'duplicate' | 'reorder';
      readonly direction: 'to-host' | 'to-client';
      readonly message: number;
      readonly whose: number;
    }
  | { readonly type: 'delay' | 'cut'; readonly whose: number; readonly ms: number }
  | { readonly type: 'crash'; readonly commit: number; readonly when: 'before' | 'after' }
  | { readonly type: 'rest' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ type: fc.constant('read' as const), whose, id }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('write' as const, 'read-around' as const), whose, id }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('delete' as const), whose, id }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('rest' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('drop' as const, 'duplicate' as const, 'reorder' as const),
      direction,
      message: fc.integer({ min: 1, max: 5 }),
      whose,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('delay' as const, 'cut' as const), whose, ms: fc.nat({ max: 30 }) }),
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

/** What a read found, and what its reader knew when it began. */
interface Found {
  readonly id: string;
  /** The last change of the entity that the reader had been told of. */
  readonly toldSeq: bigint;
  /** Writes of the reader that had been answered. */
  readonly answered: readonly string[];
  /** The `seq` of the change that made what was found; undefined when nothing was. */
  readonly seq: bigint | undefined;
}

/** One who reads and writes; keeps what it was told and what it found. */
class Actor {
  readonly name: string;
  readonly universe: Universe;
  readonly found: Found[] = [];
  readonly #told = new Map<string, bigint>();
  readonly #answered = new Map<string, readonly string[]>();
  readonly #running: Promise<unknown>[] = [];
  #writes = 0;

  constructor(name: string, universe: Universe) {
    this.name = name;
    this.universe = universe;
    universe.client.listen((events) => {
      for (const event of events) {
        if (event.kind !== 'system' || !event.eventType.startsWith('ENTITY_')) continue;
        for (const changed of idsOf(event)) this.#tell(changed, event.seq);
      }
      // Who is told reads at once.
      for (const each of IDS) this.read(each);
    });
  }

  write(of: string): void {
    this.#writes += 1;
    const token = `${this.name}-${this.#writes}`;
    const { graph } = this.universe;
    this.#run(
      graph
        .batch((batch) => void batch.upsertEntity('thing', { id: of, name: token }))
        .then(() => {
          this.#answered.set(of, [...(this.#answered.get(of) ?? []), token]);
          this.read(of);
        }),
    );
  }

  delete(of: string): void {
    this.#run(
      this.universe.graph.deleteEntity(of, { cascade: true }).catch((error: unknown) => {
        if ((error as { code?: unknown }).code !== 'entity/not-found') throw error;
      }),
    );
  }

  /** Through the cache. */
  read(of: string): void {
    const known = { id: of, toldSeq: this.#told.get(of) ?? 0n, answered: this.#answered.get(of) ?? [] };
    this.#run(this.universe.client.getEntity(of).then((row) => void this.found.push({ ...known, seq: row?.seq })));
  }

  /** Past the cache: what it finds is told. */
  readAround(): void {
    const reading = this.universe.client.read('readEntities', { ...ALL_ENTITIES, entityType: 'thing' });
    this.#run(
      reading.then(({ entities }) => {
        for (const row of entities) this.#tell(row.id, row.seq);
        for (const each of IDS) this.read(each);
      }),
    );
  }

  async finish(): Promise<void> {
    // What runs may begin more.
    for (let done = 0; done < this.#running.length;) {
      const all = this.#running.slice(done);
      done = this.#running.length;
      await Promise.all(all);
    }
  }

  #tell(of: string, seq: bigint): void {
    if (seq > (this.#told.get(of) ?? 0n)) this.#told.set(of, seq);
  }

  #run(work: Promise<unknown>): void {
    this.#running.push(work);
    // `finish` tells what failed.
    work.catch(() => undefined);
  }
}

async function take(testUniverse: TestUniverse, actors: readonly Actor[], one: Step): Promise<void> {
  const actor = 'whose' in one ? actors[one.whose] : undefined;
  const network = actor === undefined ? undefined : testUniverse.networkOf(actor.universe);
  switch (one.type) {
    case 'write':
    case 'read':
    case 'delete':
      actor?.[one.type](one.id);
      return;
    case 'read-around':
      actor?.readAround();
      return;
    case 'drop':
      network?.dropAt(one.direction, one.message);
      return;
    case 'duplicate':
      network?.duplicateAt(one.direction, one.message);
      return;
    case 'reorder':
      network?.reorderAt(one.direction, one.message);
      return;
    case 'delay':
      network?.delay(one.ms);
      return;
    case 'cut':
      network?.cut();
      await testUniverse.advance(one.ms);
      network?.restore();
      return;
    case 'crash':
      void testUniverse.crashAt({ commit: one.commit, when: one.when });
      return;
    case 'rest':
      await testUniverse.advance(5);
      if (!testUniverse.host.isAlive) await testUniverse.restart();
  }
}

async function finish(testUniverse: TestUniverse, actors: readonly Actor[]): Promise<void> {
  testUniverse.host.storage.clear();
  for (const { universe } of actors) testUniverse.networkOf(universe).clear();
  if (!testUniverse.host.isAlive) await testUniverse.restart();
  const finished = Promise.all(actors.map((actor) => actor.finish()));
  await testUniverse.advance(1_000);
  await finished;
  await testUniverse.settle();
}

/** What the module's history has of an entity: of each change its `seq` and the name it gave. */
async function changesOf(testUniverse: TestUniverse): Promise<readonly Change[]> {
  const rows = await testUniverse.host.sql('SELECT entity_id, seq, operation, name FROM entity_history');
  return rows.map((row) => ({
    id: String(row['entity_id']),
    seq: BigInt(String(row['seq'])),
    isDeletion: row['operation'] === 'deleted',
    name: textOf(row['name']),
  }));
}

interface Change {
  readonly id: string;
  readonly seq: bigint;
  readonly isDeletion: boolean;
  readonly name: string;
}

/** The text in an optional column, however SQL shows it. */
function textOf(value: unknown): string {
  return JSON.stringify(value) ?? '';
}

/** What is wrong with what was found: older than something its reader knew when it began. */
function faultOf(found: Found, changes: readonly Change[]): string | undefined {
  const own = changes.filter((change) => change.id === found.id);
  const written = found.answered.map((token) =>
    own.find(({ name, isDeletion }) => !isDeletion && name.includes(`"${token}"`)),
  );
  if (written.includes(undefined)) return 'a write that was answered is not in the history';
  // Rows have the first `seq` of their transaction, which may be before that of the record that told of them.
  const told = own.filter(({ seq }) => seq <= found.toldSeq);
  const knownSeq = [...told, ...written].reduce(
    (last, change) => (change && change.seq > last ? change.seq : last),
    0n,
  );
  if (found.seq !== undefined) return found.seq < knownSeq ? `${found.seq} where ${knownSeq} was known` : undefined;
  if (knownSeq === 0n || own.some(({ isDeletion, seq }) => isDeletion && seq >= knownSeq)) return undefined;
  return `nothing where ${knownSeq} was known`;
}

test(
  'a read that begins after a change was told here, or a write was answered, never gives what was before',
  async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 40 }),
        fc.constantFrom(2, 10),
        async (steps, entriesMax) => {
          const testUniverse = await createTestUniverse({ cache: { entriesMax } });
          try {
            const others = [
              await testUniverse.as('owner', [], { outbox: new MemoryOutbox() }),
              await testUniverse.as('ada', READ_AND_WRITE),
            ];
            const actors = [testUniverse.universe, ...others].map((universe, n) => new Actor(`actor${n}`, universe));
            for (const one of steps) await take(testUniverse, actors, one);
            await finish(testUniverse, actors);
            const changes = await changesOf(testUniverse);
            for (const { found, name, universe } of actors) {
              const faults = found.flatMap((one) => {
                const fault = faultOf(one, changes);
                return fault === undefined ? [] : [`${name} found of ${one.id} ${fault}`];
              });
              expect(faults).toEqual([]);
              const stats = universe.client.cacheStats();
              expect(stats?.entries).toBeLessThanOrEqual(entriesMax);
              hits += stats?.hits ?? 0;
            }
            expect(testUniverse.takeErrors()).toEqual([]);
          } finally {
            await testUniverse.close();
          }
        },
      ),
      // Making a failing run smaller takes minutes: SEED= does it.
      process.env['SEED'] === undefined
        ? { numRuns: RUNS, endOnFailure: true }
        : { numRuns: RUNS, seed: Number(process.env['SEED']) },
    );
    // Otherwise nothing was tried.
    expect(hits).toBeGreaterThan(RUNS);
  },
  120_000 * Number(process.env['RUNS'] ?? 1),
);
