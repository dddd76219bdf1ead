import { measureRawStorage } from '../transfer/ceilings.bench.ts';
import {
  against,
  describeMachine,
  makeRow,
  type Benchmark,
  type BenchOptions,
  type Report,
  type Row,
} from '../report.ts';
import { measureCeiling } from './ceiling.bench.ts';
import { measureDurableStreams } from './durable-streams.ts';
import type { EventFigures, EventLoad } from './figures.ts';
import { measureSqlitePeer } from './sqlite-peers.ts';
import { measureDelivery, measurePublishing } from './universe.ts';

const FULL: EventLoad = { pipelined: 100_000, oneByOne: 2_000, batch: 1_000 };
const SMOKE: EventLoad = { pipelined: 400, oneByOne: 20, batch: 100 };
/** What one event takes in the log of the host, rounded. */
const RECORD_BYTES = 300;

/** Durable events: how many a second, and how long until they are durable and elsewhere. */
export const eventsBenchmark: Benchmark = {
  name: 'events',
  about:
    'durable events a second and latencies, in process and over a server, against SQLite, Emmett and Durable Streams',
  run: runEvents,
};

const NAMES = {
  ceiling: 'client and module alone (the ceiling)',
  same: 'embedded on disk, host in the same thread',
  own: 'embedded on disk, host in its own thread',
  server: 'a server in another process, on disk',
  delivery: 'to a handler in another process',
  sqlite: 'SQLite',
  emmett: "Emmett's SQLite store",
  streams: 'Durable Streams server for Node, in files',
  storage: 'durable records of the storage alone (the limit below)',
} as const;

const MANY = 'many on their way';
const ONE = 'one on its way';
const BATCHES = 'in batches';

/** Figures of all runs, by variant and way. */
type Samples = Map<string, EventFigures[]>;

async function runEvents({ runs, smoke }: BenchOptions): Promise<Report> {
  const load = smoke ? SMOKE : FULL;
  const samples: Samples = new Map();
  for (let run = 0; run < (smoke ? 1 : runs); run += 1) await measureAll(load, samples);
  return {
    name: 'events',
    environment: {
      ...describeMachine(),
      ...load,
      durability: 'an answer means synced to disk; what Durable Streams syncs is its own affair',
    },
    rows: makeRows(samples),
  };
}

async function measureAll(load: EventLoad, samples: Samples): Promise<void> {
  const add = (name: string, way: string, figures: EventFigures): void => {
    const key = `${name}: ${way}`;
    samples.set(key, [...(samples.get(key) ?? []), figures]);
  };
  add(NAMES.ceiling, MANY, await measureCeiling(load.batch, Math.max(1, load.pipelined / load.batch)));
  for (const [name, placement] of [
    [NAMES.same, 'same thread'],
    [NAMES.own, 'own thread'],
    [NAMES.server, 'server'],
  ] as const) {
    const figures = await measurePublishing(placement, load);
    add(name, MANY, figures.pipelined);
    add(name, ONE, figures.oneByOne);
  }
  const delivery = await measureDelivery(load);
  add(NAMES.delivery, MANY, delivery.pipelined);
  add(NAMES.delivery, ONE, delivery.oneByOne);
  for (const [name, peer] of [
    [NAMES.sqlite, 'sqlite'],
    [NAMES.emmett, 'emmett'],
  ] as const) {
    add(name, ONE, await measureSqlitePeer({ peer, events: load.oneByOne, batch: 1 }));
    add(name, BATCHES, await measureSqlitePeer({ peer, events: load.pipelined, batch: load.batch }));
  }
  const streams = await measureDurableStreams(load);
  add(NAMES.streams, MANY, streams.pipelined);
  add(NAMES.streams, ONE, streams.oneByOne);
  add(NAMES.storage, MANY, await measureStorage(load));
}

async function measureStorage({ pipelined, oneByOne }: EventLoad): Promise<EventFigures> {
  const seconds = Math.max(0.1, (pipelined + oneByOne) / 100_000);
  const { callsPerSecond } = await measureRawStorage(RECORD_BYTES, {
    accounts: 0,
    connections: 1,
    callsPerConnection: 1_000,
    warmUpSeconds: seconds / 4,
    seconds,
    skew: 'uniform',
    seed: 1,
  });
  return { perSecond: callsPerSecond, p50Ms: Number.NaN, p99Ms: Number.NaN, p999Ms: Number.NaN };
}

function makeRows(samples: Samples): Row[] {
  const row = (name: string, way: string, unit: string, figure: keyof EventFigures): Row =>
    makeRow(
      `${name}, ${way}`,
      unit,
      (samples.get(`${name}: ${way}`) ?? []).map((figures) => figures[figure]),
    );
  const rate = (name: string, way: string): Row => row(name, way, 'events/s', 'perSecond');
  const latencies = (name: string, way: string): Row[] =>
    (
      [
        ['p50Ms', 'median'],
        ['p99Ms', '99th percentile'],
        ['p999Ms', '99.9th percentile'],
      ] as const
    ).map(([figure, title]) => ({ ...row(name, way, 'ms', figure), name: `${name}, ${way}: latency, ${title}` }));
  const ceiling = rate(NAMES.ceiling, MANY);
  const emmett = rate(NAMES.emmett, BATCHES);
  const emmettOne = rate(NAMES.emmett, ONE);
  const same = rate(NAMES.same, MANY);
  return [
    ceiling,
    against(same, ceiling),
    against(rate(NAMES.own, MANY), ceiling),
    against(rate(NAMES.server, MANY), ceiling),
    { ...against(same, emmett), name: `${same.name}, once more` },
    rate(NAMES.delivery, MANY),
    ...latencies(NAMES.delivery, MANY),
    ...[NAMES.same, NAMES.own, NAMES.server].flatMap((name) => [
      against(rate(name, ONE), emmettOne),
      ...latencies(name, ONE),
    ]),
    ...latencies(NAMES.delivery, ONE),
    ...[NAMES.sqlite, NAMES.emmett].flatMap((name) => [rate(name, BATCHES), rate(name, ONE), ...latencies(name, ONE)]),
    rate(NAMES.streams, MANY),
    rate(NAMES.streams, ONE),
    ...latencies(NAMES.streams, ONE),
    rate(NAMES.storage, MANY),
  ];
}
