import { openUniverse, type Universe, type UniverseOptions } from 'inner-universe';
import {
  against,
  describeMachine,
  makeRow,
  type BenchOptions,
  type Benchmark,
  type Report,
  type Row,
} from '../report.ts';

interface Size {
  readonly entities: number;
  readonly reads: number;
}

const FULL: Size = { entities: 1_000, reads: 20_000 };
const SMOKE: Size = { entities: 20, reads: 100 };
/** Few are read often: nine reads of ten are of a tenth of the entities. */
const HOT_SHARE = 0.1;
const HOT_READS = 0.9;
/** Beside the reads, every so many of them, somebody else changes an entity. */
const READS_PER_WRITE = 100;

/** What a reader of hot entities gets of the cache. */
export const cacheBenchmark: Benchmark = {
  name: 'cache',
  about: 'reads of entities by id with the cache and without, in this process and over a WebSocket, beside a writer',
  run: runCache,
};

interface Sample {
  readonly microsPerRead: number;
  readonly hitRate: number;
}

async function runCache({ runs, smoke }: BenchOptions): Promise<Report> {
  const size = smoke ? SMOKE : FULL;
  const samples = new Map<string, Sample[]>();
  for (let run = 0; run < (smoke ? 1 : runs); run += 1) {
    await measurePlaces(size, (name, sample) => samples.set(name, [...(samples.get(name) ?? []), sample]));
  }
  return {
    name: 'cache',
    environment: {
      ...describeMachine(),
      ...size,
      reads: `one after the other, ${HOT_READS * 100} % of them of ${HOT_SHARE * 100} % of the entities`,
      writes: `one by somebody else every ${READS_PER_WRITE} reads`,
    },
    rows: ['in process', 'server'].flatMap((place) => rowsOf(place, samples)),
  };
}

async function measurePlaces(size: Size, take: (name: string, sample: Sample) => void): Promise<void> {
  await using plain = await openUniverse({ memory: true, cache: false });
  await fill(plain, size);
  take('in process, without', await read(plain, plain, size));
  await using cached = await openUniverse({ memory: true });
  await fill(cached, size);
  take('in process, with', await read(cached, cached, size));
  const { host } = cached.controller;
  if (host === undefined) throw new Error('An embedded universe has a host.');
  const server = await cached.controller.serve({ host: '127.0.0.1', port: 0 });
  const options: UniverseOptions = { server, token: host.ownerToken };
  await using without = await openUniverse({ ...options, cache: false });
  take('server, without', await read(without, cached, size));
  await using caching = await openUniverse(options);
  take('server, with', await read(caching, cached, size));
}

async function fill({ graph }: Universe, { entities }: Size): Promise<void> {
  await graph.batch((batch) => {
    for (let n = 0; n < entities; n += 1) {
      batch.createEntity('thing', { id: `thing-${n}`, name: `Thing ${n}`, properties: { n, text: 'x'.repeat(200) } });
    }
  });
}

/** Reads by a fixed sequence, so that all of them read the same. */
async function read(universe: Universe, writer: Universe, { entities, reads }: Size): Promise<Sample> {
  const random = makeRandom();
  const hot = Math.max(1, Math.floor(entities * HOT_SHARE));
  let micros = 0;
  for (let n = 0; n < reads; n += 1) {
    const id = `thing-${Math.floor(random() * (random() < HOT_READS ? hot : entities))}`;
    if (n % READS_PER_WRITE === 0) await writer.graph.updateEntity(id, { properties: { read: n } });
    const start = performance.now();
    const found = await universe.graph.getEntity(id);
    micros += (performance.now() - start) * 1000;
    if (found === undefined) throw new Error(`${id} was not found: not the same work.`);
  }
  const stats = universe.client.cacheStats();
  // Of the writer's own reads, when it writes to what it reads from, each is a miss: they count all the same.
  const asked = (stats?.hits ?? 0) + (stats?.misses ?? 0);
  return { microsPerRead: micros / reads, hitRate: asked === 0 ? 0 : (stats?.hits ?? 0) / asked };
}

function rowsOf(place: string, samples: ReadonlyMap<string, readonly Sample[]>): readonly Row[] {
  const rowOf = (name: string): Row =>
    makeRow(
      `${place}: ${name} the cache`,
      'µs/read',
      (samples.get(`${place}, ${name}`) ?? []).map((one) => one.microsPerRead),
    );
  const without = rowOf('without');
  const rates = (samples.get(`${place}, with`) ?? []).map(({ hitRate }) => hitRate * 100);
  return [without, against(rowOf('with'), without), makeRow(`${place}: hits`, '%', rates)];
}

/** The same numbers in [0, 1) each time: a linear congruential generator (Numerical Recipes). */
function makeRandom(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
