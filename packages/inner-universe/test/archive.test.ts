import { microsOf, type EventLogRow } from '@inner-universe/module/wire';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { archiveEvents, type ArchiveOptions, type ArchiveResult } from '../src/archive/archive-events.ts';
import { EventArchive } from '../src/archive/event-archive.ts';
import { fileNameOf } from '../src/archive/segment-index.ts';
import { ALL_EVENTS } from '../src/client/reads.ts';
import { SpacetimeEventBus } from '../src/events/spacetime-event-bus.ts';
import { prometheusNameOf } from '../src/observability/metric-registry.ts';
import type { EventOptions, ModuleClient, Universe } from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';
import { CrashArchiveFiles, CrashError } from './crash-archive-files.ts';

const open: TestUniverse[] = [];
afterEach(async () => {
  for (const testUniverse of open.splice(0)) {
    expect(testUniverse.takeErrors()).toEqual([]);
    await testUniverse.close();
  }
});

async function openUniverse(events = 0): Promise<TestUniverse> {
  const testUniverse = await createTestUniverse();
  open.push(testUniverse);
  await publish(testUniverse.universe, 0, events);
  return testUniverse;
}

async function publish({ events }: Universe, from: number, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, at) => events.publish('tick', from + at, { id: `tick-${from + at}` })),
  );
}

/** Small segments, so that there are many of few events. */
const SMALL: ArchiveOptions = { segmentRows: 5 };

function archive(universe: Universe, files: CrashArchiveFiles, options: ArchiveOptions = {}): Promise<ArchiveResult> {
  return archiveEvents(universe.client, files, { ...SMALL, ...options });
}

/** Another bus over the same log, that goes on in an archive. */
function busWith(universe: Universe, files: CrashArchiveFiles, options: EventOptions = {}): SpacetimeEventBus {
  const onError = (error: unknown): void => {
    throw error;
  };
  return new SpacetimeEventBus(universe.client, { ...options, archive: new EventArchive(files), onError });
}

async function rowsOf(rows: AsyncIterable<EventLogRow>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const row of rows) found.push(`${row.seq} ${row.eventType} ${row.data}`);
  return found;
}

async function logOf(client: ModuleClient, afterSeq: bigint): Promise<readonly string[]> {
  const { events } = await client.read('readEvents', { ...ALL_EVENTS, afterSeq });
  return events.map((row) => `${row.seq} ${row.eventType} ${row.data}`);
}

/** Everything there is, from archive and log, without what archiving itself recorded. */
async function everything({ client }: Universe, files: CrashArchiveFiles): Promise<readonly string[]> {
  const { trimmedSeq } = await client.getSystemStatus();
  const archived = await rowsOf(new EventArchive(files).rows({ throughSeq: trimmedSeq }));
  expect(archived).toHaveLength(Number(trimmedSeq));
  const all = [...archived, ...(await logOf(client, trimmedSeq))];
  return all.filter((row) => !row.includes('EVENTS_TRIMMED'));
}

describe('archiving', () => {
  test('moves what the limits let go, and keeps the rest', async () => {
    const { universe } = await openUniverse(40);
    const files = new CrashArchiveFiles();
    const before = await logOf(universe.client, 0n);
    const result = await archive(universe, files, { limits: { maxEvents: 12 } });
    expect(result).toEqual({ archived: 29, trimmed: 29, archivedSeq: 29n, trimmedSeq: 29n, heldBy: undefined });
    expect(await rowsOf(new EventArchive(files).rows())).toEqual(before.slice(0, 29));
    expect(await everything(universe, files)).toEqual(before);
    expect((await universe.client.getSystemStatus()).trimmedSeq).toBe(29n);
    expect(await archive(universe, files, { limits: { maxEvents: 100 } })).toMatchObject({ archived: 0, trimmed: 0 });
    const measured = new Map<string, number>();
    for (const family of universe.metrics.snapshot()) {
      if (family.type === 'counter') measured.set(family.name, family.samples[0]?.value ?? 0);
    }
    expect(measured.get(prometheusNameOf('events.archived'))).toBe(29);
    expect(measured.get(prometheusNameOf('events.trimmed'))).toBe(29);
    expect(measured.get(prometheusNameOf('events.archive_bytes'))).toBeGreaterThan(29 * 100);
  });

  test('by age goes by the time that events were recorded at', async () => {
    const testUniverse = await openUniverse(10);
    const { universe } = testUniverse;
    await testUniverse.advance(60_000);
    await publish(universe, 10, 10);
    const files = new CrashArchiveFiles();
    expect(await archive(universe, files, { limits: { maxAgeMs: 90_000 } })).toMatchObject({ archived: 0, trimmed: 0 });
    expect(await archive(universe, files, { limits: { maxAgeMs: 30_000 } })).toMatchObject({
      archived: 11,
      trimmed: 11,
    });
    await testUniverse.advance(120_000);
    // The ten others, and the records of trimming.
    const result = await archive(universe, files, { limits: { maxAgeMs: 30_000 } });
    expect(result.trimmed).toBeGreaterThanOrEqual(10);
    expect((await busWith(universe, files).query()).map(({ data }) => data)).toEqual(
      Array.from({ length: 20 }, (_, n) => n),
    );
  });

  test('goes by the setting where nothing is said, and without one only copies', async () => {
    const { universe } = await openUniverse(20);
    const files = new CrashArchiveFiles();
    expect(await archive(universe, files)).toMatchObject({ archived: 21, trimmed: 0, archivedSeq: 21n });
    await universe.client.applyConfiguration([{ key: 'retention', value: '{"maxEvents":8}' }]);
    expect(await archive(universe, files)).toMatchObject({ archived: 0, trimmed: 14, trimmedSeq: 14n });
    expect(await archive(universe, files, { limits: {} })).toMatchObject({ trimmed: 0, trimmedSeq: 14n });
    expect(await new EventArchive(files).verify()).toMatchObject({ firstSeq: 1n, lastSeq: 25n });
  });

  test('never trims past a consumer that holds the log, and past any other', async () => {
    const { universe } = await openUniverse(20);
    const consumer = { scope: 'main', pattern: '**', partitions: 1, failurePolicy: 'park' };
    await universe.client.write([
      { tag: 'createConsumer', value: { ...consumer, name: 'holder', startSeq: 7n, holdsTrim: true } },
      { tag: 'createConsumer', value: { ...consumer, name: 'other', startSeq: 2n, holdsTrim: false } },
    ]);
    const files = new CrashArchiveFiles();
    const result = await archive(universe, files, { limits: { maxEvents: 1 } });
    expect(result).toMatchObject({ trimmedSeq: 7n, heldBy: 'holder' });
    expect(result.archivedSeq).toBeGreaterThanOrEqual(20n);
    await universe.client.write([{ tag: 'deleteConsumer', value: { name: 'holder' } }]);
    expect(await archive(universe, files, { limits: { maxEvents: 1 } })).toMatchObject({ heldBy: undefined });
    expect((await universe.client.getSystemStatus()).trimmedSeq).toBeGreaterThan(20n);
  });

  test('ends where a consumer came to hold the log meanwhile, and loses nothing', async () => {
    const { universe } = await openUniverse(20);
    const files = new CrashArchiveFiles();
    const consumer = { scope: 'main', pattern: '**', partitions: 1, failurePolicy: 'park', startSeq: 5n };
    let isMade = false;
    const client = interrupting(universe.client, {
      beforeTrim: async (step) => {
        if (step !== 1 || isMade) return;
        isMade = true;
        await universe.client.write([{ tag: 'createConsumer', value: { ...consumer, name: 'late', holdsTrim: true } }]);
      },
    });
    const result = await archiveEvents(client, files, { ...SMALL, limits: { maxEvents: 1 } });
    expect(result).toMatchObject({ trimmedSeq: 5n, heldBy: 'late' });
    expect(await everything(universe, files)).toHaveLength(21);
  });

  test('archives large values whole, and lets go of their chunks', async () => {
    const testUniverse = await openUniverse();
    const { universe } = testUniverse;
    const large = 'x'.repeat(700_000);
    await universe.events.publish('large', { large }, { metadata: { note: 'n'.repeat(300_000) } });
    await universe.events.publish('small', 1);
    const chunks = async (): Promise<bigint> =>
      (await universe.client.getSystemStatus()).tables.find(({ name }) => name === 'chunk')?.rows ?? 0n;
    expect(await chunks()).toBe(5n);
    const files = new CrashArchiveFiles();
    await archive(universe, files, { limits: { maxEvents: 1 } });
    for await (const row of new EventArchive(files).rows()) expect(row.dataEncoding).toBe('json/1');
    const [event] = await busWith(universe, files).query({ pattern: 'large' });
    expect(event?.data).toEqual({ large });
    expect(event?.metadata).toEqual({ note: 'n'.repeat(300_000) });
    await testUniverse.advance(3 * 86_400_000);
    expect(await chunks()).toBe(0n);
  });

  test('goes on in a new file when one is large, and in a new directory where another archive ends', async () => {
    const { universe } = await openUniverse(20);
    const files = new CrashArchiveFiles();
    const before = await logOf(universe.client, 0n);
    await archive(universe, files, { limits: { maxEvents: 10 }, fileBytes: 1 });
    expect(await files.list()).toEqual([1n, 6n, 11n].map(fileNameOf));
    const next = new CrashArchiveFiles();
    await archive(universe, next, { limits: { maxEvents: 1 } });
    const later = new EventArchive(next);
    expect(await later.contents()).toMatchObject({ firstSeq: 12n });
    // Its first segment says which one it follows.
    const [first] = await firstSegments(later);
    expect(first?.header.previousDigest).toBe((await new EventArchive(files).contents())?.digest);
    expect([
      ...(await rowsOf(new EventArchive(files).rows())),
      ...(await rowsOf(later.rows({ throughSeq: 21n }))),
    ]).toEqual(before);
  });

  test('is for the owner', async () => {
    const testUniverse = await openUniverse(3);
    const ada = await testUniverse.as('ada', READ_AND_WRITE);
    await expect(archive(ada, new CrashArchiveFiles())).rejects.toMatchObject({ code: 'archive/not-owner' });
  });

  test('is refused in the archive of another universe, and changes nothing there', async () => {
    const [one, two] = [await openUniverse(10), await openUniverse(0)];
    await two.advance(5_000);
    await publish(two.universe, 100, 30);
    const files = new CrashArchiveFiles();
    await archive(one.universe, files, { limits: { maxEvents: 5 } });
    const contents = files.contents(fileNameOf(1n));
    // Of a log that was never trimmed the last archived row tells it, of a trimmed one the digest it was trimmed under.
    await expect(archive(two.universe, files)).rejects.toMatchObject({ code: 'archive/other-universe' });
    await archive(two.universe, new CrashArchiveFiles(), { limits: { maxEvents: 27 } });
    await expect(archive(two.universe, files)).rejects.toMatchObject({ code: 'archive/other-universe' });
    expect(files.contents(fileNameOf(1n))).toEqual(contents);
  });

  test('is refused in an archive that lacks what was trimmed', async () => {
    const { universe } = await openUniverse(20);
    const files = new CrashArchiveFiles();
    await archive(universe, files, { limits: { maxEvents: 15 } });
    await archive(universe, new CrashArchiveFiles(), { limits: { maxEvents: 5 } });
    await expect(archive(universe, files)).rejects.toMatchObject({ code: 'archive/gap' });
  });

  test('of two that write to one archive at the same time, the second is refused', async () => {
    const { universe } = await openUniverse(10);
    const files = new CrashArchiveFiles();
    const outcomes = await Promise.allSettled([archive(universe, files), archive(universe, files)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find((each) => each.status === 'rejected')).toMatchObject({ reason: { code: 'archive/in-use' } });
    await archive(universe, files);
  });

  test('touches neither versions nor the history of the graph', async () => {
    const { universe } = await openUniverse();
    const store = await universe.states.open('cart', { n: 0 });
    for (let n = 1; n <= 5; n += 1) await store.commit((draft) => void (draft.n = n));
    const ada = await universe.graph.createEntity('person', { id: 'ada', name: 'Ada' });
    await universe.graph.updateEntity(ada, { name: 'Zoe' });
    const counts = async (): Promise<unknown> =>
      (await universe.client.getSystemStatus()).tables.filter(({ name }) => /version|delta|history|entity/.test(name));
    const before = await counts();
    await archive(universe, new CrashArchiveFiles(), { limits: { maxEvents: 1 } });
    expect(await counts()).toEqual(before);
    expect(await store.verify()).toMatchObject({ ok: true, versions: 6 });
  });

  test('stops at a signal, and goes on later', async () => {
    const { universe } = await openUniverse(30);
    const files = new CrashArchiveFiles();
    const before = await logOf(universe.client, 0n);
    const ending = new AbortController();
    const options = {
      limits: { maxEvents: 5 },
      signal: ending.signal,
      onProgress: () => ending.abort(new Error('stop')),
    };
    await expect(archive(universe, files, options)).rejects.toThrow();
    expect(await everything(universe, files)).toEqual(before);
    await archive(universe, files, { limits: { maxEvents: 5 } });
    expect(await everything(universe, files)).toEqual(before);
  });
});

async function firstSegments(
  of: EventArchive,
): Promise<readonly { readonly header: { readonly previousDigest: string } }[]> {
  for await (const segment of of.segments()) return [segment];
  return [];
}

/** What happens around the requests that trim, counted from 0. */
interface Interruptions {
  readonly beforeTrim?: ((step: number) => Promise<void>) | undefined;
  readonly afterTrim?: ((step: number) => Promise<void>) | undefined;
}

function interrupting(client: ModuleClient, { beforeTrim, afterTrim }: Interruptions): ModuleClient {
  let step = 0;
  const apply: ModuleClient['apply'] = async (...args) => {
    const current = step;
    step += 1;
    await beforeTrim?.(current);
    await client.apply(...args);
    await afterTrim?.(current);
  };
  return new Proxy(client, {
    get: (target, name) => {
      if (name === 'apply') return apply;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** Numbers in [0, 1) that a seed decides. */
function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Where a run ends: at a step of the files, or before or after a request to trim. */
type End =
  | { readonly type: 'files'; readonly step: number; readonly isPowerLoss: boolean }
  | { readonly type: 'trim'; readonly step: number; readonly isAfter: boolean; readonly isPowerLoss: boolean }
  | { readonly type: 'io-error'; readonly step: number; readonly isPowerLoss: boolean };

/** Runs until the end that is planned, and gives the files that the next process finds. */
async function runUntil(
  client: ModuleClient,
  files: CrashArchiveFiles,
  end: End,
  random: () => number,
): Promise<CrashArchiveFiles> {
  const stop = async (step: number): Promise<void> => {
    if (end.type === 'trim' && step === end.step) throw new CrashError('the process ended at a request');
  };
  files.random = random;
  files.steps = 0;
  if (end.type === 'files') files.crashAt = end.step;
  if (end.type === 'io-error') files.failAt.add(end.step);
  const around = end.type === 'trim' && end.isAfter ? { afterTrim: stop } : { beforeTrim: stop };
  await archiveEvents(interrupting(client, around), files, {
    ...SMALL,
    limits: { maxEvents: 6 },
    fileBytes: 4_000,
  }).catch((error: unknown) => {
    const isPlanned = error instanceof CrashError || (error as { code?: unknown }).code === 'EIO';
    if (!isPlanned) throw error;
  });
  return end.isPowerLoss ? files.afterPowerLoss(random) : files.afterProcessCrash();
}

describe('archiving that is killed', () => {
  test('between any two steps loses no event and doubles none, and the next run goes on', async () => {
    const base = await openUniverse(32);
    const before = await logOf(base.universe.client, 0n);
    const counted = new CrashArchiveFiles();
    const rehearsal = await base.fork();
    open.push(rehearsal);
    await archive(rehearsal.universe, counted, { limits: { maxEvents: 6 }, fileBytes: 4_000 });
    expect(counted.steps).toBeGreaterThan(12);
    expect((await counted.list()).length).toBeGreaterThan(1);
    const ends: End[] = [];
    for (const isPowerLoss of [false, true]) {
      for (let step = 0; step < counted.steps; step += 1) {
        ends.push({ type: 'files', step, isPowerLoss }, { type: 'io-error', step, isPowerLoss });
      }
      for (let step = 0; step < 6; step += 1) {
        for (const isAfter of [false, true]) ends.push({ type: 'trim', step, isAfter, isPowerLoss });
      }
    }
    for (const [index, end] of ends.entries()) {
      const fork = await base.fork();
      const { universe } = fork;
      const files = await runUntil(universe.client, new CrashArchiveFiles(), end, makeRandom(index));
      expect(await everything(universe, files), JSON.stringify(end)).toEqual(before);
      await archive(universe, files, { limits: { maxEvents: 6 }, fileBytes: 4_000 });
      expect(await everything(universe, files.afterPowerLoss(makeRandom(index))), JSON.stringify(end)).toEqual(before);
      await new EventArchive(files).verify();
      await fork.close();
    }
  }, 60_000);

  test('again and again, at any steps, while events are published', async () => {
    const end: fc.Arbitrary<End> = fc.oneof(
      fc.record({ type: fc.constant('files' as const), step: fc.nat(20), isPowerLoss: fc.boolean() }),
      fc.record({ type: fc.constant('io-error' as const), step: fc.nat(20), isPowerLoss: fc.boolean() }),
      fc.record({
        type: fc.constant('trim' as const),
        step: fc.nat(4),
        isAfter: fc.boolean(),
        isPowerLoss: fc.boolean(),
      }),
    );
    const base = await openUniverse(8);
    await fc.assert(
      fc.asyncProperty(fc.array(end, { minLength: 2, maxLength: 6 }), fc.nat(), async (ends, seed) => {
        const fork = await base.fork();
        const { universe } = fork;
        const random = makeRandom(seed);
        let files = new CrashArchiveFiles();
        let published = 8;
        for (const each of ends) {
          files = await runUntil(universe.client, files, each, random);
          await publish(universe, published, 9);
          published += 9;
        }
        const ticks = (await everything(universe, files)).filter((row) => row.includes(' tick '));
        expect(ticks.map((row) => Number(row.split(' ').at(-1)))).toEqual(
          Array.from({ length: published }, (_, n) => n),
        );
        await archive(universe, files, { limits: { maxEvents: 1 } });
        await new EventArchive(files).verify();
        await fork.close();
      }),
      {
        numRuns: 25,
        // A file that was made by a process which was killed before its name was durable.
        examples: [
          [
            [
              { type: 'files', step: 0, isPowerLoss: false },
              { type: 'files', step: 0, isPowerLoss: false },
              { type: 'files', step: 5, isPowerLoss: false },
              { type: 'files', step: 5, isPowerLoss: false },
              { type: 'io-error', step: 2, isPowerLoss: true },
              { type: 'io-error', step: 0, isPowerLoss: false },
            ],
            2_147_483_630,
          ],
        ],
      },
    );
  }, 60_000);
});

describe('reading on in an archive', () => {
  async function openArchived(): Promise<{ testUniverse: TestUniverse; universe: Universe; files: CrashArchiveFiles }> {
    const testUniverse = await openUniverse(10);
    const { universe } = testUniverse;
    await universe.events.publish('other', 'x', { source: 'left' });
    await testUniverse.advance(10_000);
    await publish(universe, 10, 10);
    const files = new CrashArchiveFiles();
    await archive(universe, files, { limits: { maxEvents: 8 } });
    return { testUniverse, universe, files };
  }
  const numbers = (from: number, to: number): readonly number[] =>
    Array.from({ length: to - from }, (_, n) => from + n);
  const dataOf = (events: readonly { readonly data: unknown }[]): readonly unknown[] => events.map(({ data }) => data);

  test('without one is refused with the point, by place and by time', async () => {
    const { universe } = await openArchived();
    const { trimmedSeq } = await universe.client.getSystemStatus();
    const refused = { code: 'event/trimmed', details: { trimmedSeq: trimmedSeq.toString() } };
    await expect(universe.events.query()).rejects.toMatchObject(refused);
    await expect(universe.events.replay({}, () => undefined)).rejects.toMatchObject(refused);
    await expect(universe.events.queryPage({ afterSeq: Number(trimmedSeq) - 1 })).rejects.toMatchObject(refused);
    await expect(universe.events.query({ recordedFrom: 0 })).rejects.toMatchObject(refused);
    expect(dataOf(await universe.events.query({ afterSeq: Number(trimmedSeq) }))).toEqual(numbers(12, 20));
    // Downwards it ends where the log begins.
    expect(dataOf(await universe.events.query({ order: 'descending' }))).toEqual(numbers(12, 20).toReversed());
  });

  test('gives all events in order, each once, upwards and downwards, by whatever pages', async () => {
    const { universe, files } = await openArchived();
    const bus = busWith(universe, files);
    const query = { pattern: 'tick' } as const;
    expect(dataOf(await bus.query(query))).toEqual(numbers(0, 20));
    expect(dataOf(await bus.query({ ...query, order: 'descending' }))).toEqual(numbers(0, 20).toReversed());
    for (const order of ['ascending', 'descending'] as const) {
      for (const limit of [1, 3, 7]) {
        const paged: unknown[] = [];
        let cursor: string | undefined;
        do {
          const page = await bus.queryPage({ ...query, order, limit, cursor });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          paged.push(...dataOf(page.items));
          cursor = page.next;
        } while (cursor !== undefined);
        expect(paged).toEqual(order === 'ascending' ? numbers(0, 20) : numbers(0, 20).toReversed());
      }
    }
    const replayed: unknown[] = [];
    expect(await bus.replay({ afterSeq: 4 }, ({ data }) => replayed.push(data))).toBe(18);
    expect(replayed).toEqual([...numbers(3, 10), 'x', ...numbers(10, 20)]);
    expect(dataOf(await bus.query({ source: 'left' }))).toEqual(['x']);
    expect(dataOf(await bus.query({ pattern: 'other', order: 'descending', limit: 1 }))).toEqual(['x']);
    await bus.close();
  });

  test('finds a time of recording, in the archive and in the log', async () => {
    const { testUniverse, universe, files } = await openArchived();
    const bus = busWith(universe, files);
    const later = Number(testUniverse.clock.nowMicros() / 1000n);
    expect(dataOf(await bus.query({ recordedFrom: later - 5_000, pattern: 'tick' }))).toEqual(numbers(10, 20));
    expect(dataOf(await bus.query({ recordedTo: later - 5_000, pattern: 'tick' }))).toEqual(numbers(0, 10));
    expect(dataOf(await bus.query({ recordedFrom: 0, pattern: 'tick' }))).toEqual(numbers(0, 20));
    await testUniverse.advance(10_000);
    await publish(universe, 20, 3);
    // The log alone reaches back so far: no archive is needed.
    expect(dataOf(await universe.events.query({ recordedFrom: later + 5_000 }))).toEqual(numbers(20, 23));
    expect(dataOf(await bus.query({ recordedFrom: later - 5_000, order: 'descending', pattern: 'tick' }))).toEqual(
      numbers(10, 23).toReversed(),
    );
  });

  test('that ends before the log begins, or begins too late, is told', async () => {
    const { universe, files } = await openArchived();
    const later = new CrashArchiveFiles();
    await archive(universe, later, { limits: { maxEvents: 4 } });
    await expect(busWith(universe, files).query()).rejects.toMatchObject({ code: 'archive/gap' });
    await expect(busWith(universe, later).query()).rejects.toMatchObject({ code: 'event/trimmed' });
    await expect(busWith(universe, new CrashArchiveFiles()).query()).rejects.toMatchObject({ code: 'archive/gap' });
    await expect(busWith(universe, files).query({ order: 'descending' })).rejects.toMatchObject({
      code: 'archive/gap',
    });
  });

  test('gives subscribers that were away what was trimmed meanwhile, in order, each once', async () => {
    const testUniverse = await openUniverse(3);
    const { universe } = testUniverse;
    const away = await testUniverse.as('owner');
    const files = new CrashArchiveFiles();
    const bus = busWith(away, files);
    const seen: unknown[] = [];
    bus.subscribe('tick', ({ data }) => seen.push(data));
    await publish(universe, 3, 3);
    await testUniverse.settle();
    testUniverse.networkOf(away).cut();
    await publish(universe, 6, 40);
    await archive(universe, files, { limits: { maxEvents: 10 } });
    testUniverse.networkOf(away).restore();
    await testUniverse.advance(10_000);
    await publish(universe, 46, 4);
    await testUniverse.settle();
    expect(seen).toEqual(numbers(3, 50));
    // Whoever follows the log without an archive is told.
    expect(testUniverse.takeErrors()).toMatchObject([{ code: 'page/gap' }]);
  });

  test('that does not reach does not stop a live bus: what is missing is told, what follows is delivered', async () => {
    const testUniverse = await openUniverse(3);
    const { universe } = testUniverse;
    const away = await testUniverse.as('owner');
    const errors: unknown[] = [];
    const archived = new EventArchive(new CrashArchiveFiles());
    const bus = new SpacetimeEventBus(away.client, { archive: archived, onError: (error) => errors.push(error) });
    const seen: unknown[] = [];
    bus.subscribe('tick', ({ data }) => seen.push(data));
    testUniverse.networkOf(away).cut();
    await publish(universe, 3, 30);
    await archive(universe, new CrashArchiveFiles(), { limits: { maxEvents: 10 } });
    testUniverse.networkOf(away).restore();
    await testUniverse.advance(10_000);
    await publish(universe, 33, 4);
    await testUniverse.settle();
    expect(seen).toEqual(numbers(23, 37));
    expect(errors).toMatchObject([{ code: 'archive/gap' }]);
    expect(testUniverse.takeErrors()).toMatchObject([{ code: 'page/gap' }]);
  });

  test('brings archived data of older versions forward', async () => {
    const { universe, files } = await openArchived();
    const bus = busWith(universe, files, { upcasters: { tick: { 2: (data: number) => ({ n: data }) } } });
    await bus.publish('tick', { n: 20 });
    expect(dataOf(await bus.query({ pattern: 'tick' }))).toEqual(numbers(0, 21).map((n) => ({ n })));
    const named: unknown[] = [];
    for await (const event of new EventArchive(files, { tick: { 2: (data: number) => [data] } }).events({
      pattern: 'tick',
    }))
      named.push(event.data);
    expect(named[0]).toEqual([0]);
  });

  test('holds what the log held, to the last column', async () => {
    const testUniverse = await openUniverse();
    const { universe } = testUniverse;
    await universe.events.publish(
      'a.b',
      { x: 1n, d: new Date(5) },
      {
        source: 'me',
        partitionKey: 'key',
        timestamp: 1_234.5,
        metadata: { correlationId: 'c' },
        scope: 'shop',
      },
    );
    const before = (await universe.client.read('readEvents', ALL_EVENTS)).events;
    const files = new CrashArchiveFiles();
    await archive(universe, files);
    const rows: EventLogRow[] = [];
    for await (const row of new EventArchive(files).rows()) rows.push(row);
    const plain = (row: EventLogRow): object => ({
      ...row,
      publisher: row.publisher.__identity__,
      authoredAt: microsOf(row.authoredAt),
      recordedAt: microsOf(row.recordedAt),
    });
    expect(rows.map(plain)).toEqual(before.map(plain));
  });
});
