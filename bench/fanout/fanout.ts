import { fileURLToPath } from 'node:url';
import { bundleModule, openHost } from '@inner-universe/host';
import {
  against,
  type Benchmark,
  type BenchOptions,
  describeMachine,
  makeRow,
  type Report,
  type Row,
} from '../report.ts';
import { summarise, type Measured } from '../transfer/load.ts';
import { Subscriber } from './subscriber.ts';

const MODULE = fileURLToPath(new URL('../fixtures/fanout-module.ts', import.meta.url));

/** Who subscribes to what. */
interface Audience {
  readonly name: string;
  readonly subscribers: number;
  readonly queriesOf: (subscriber: number) => readonly string[];
  /** How many of the subscribers one transaction is told. */
  readonly told: number;
}

interface Size {
  readonly sensors: number;
  readonly many: number;
  readonly queries: number;
  readonly transactions: number;
}

const FULL: Size = { sensors: 10_000, many: 1_000, queries: 10_000, transactions: 2_000 };
const SMOKE: Size = { sensors: 100, many: 10, queries: 100, transactions: 20 };
const CONNECTIONS = 64;

/** What subscribers cost the writer, and when they hear of a change. */
export const fanoutBenchmark: Benchmark = {
  name: 'fanout',
  about: 'cost of a transaction and latency of its delivery with many subscribers, or many queries of which one fits',
  run: runFanout,
};

async function runFanout({ runs, smoke }: BenchOptions): Promise<Report> {
  const size = smoke ? SMOKE : FULL;
  const bundle = await bundleModule(MODULE);
  const audiences = makeAudiences(size);
  const samples = new Map<string, Measured[]>(audiences.map(({ name }) => [name, []]));
  for (let run = 0; run < (smoke ? 1 : runs); run += 1)
    for (const audience of audiences) samples.get(audience.name)?.push(await measure(bundle, audience, size));
  return {
    name: 'fanout',
    environment: {
      ...describeMachine(),
      ...size,
      where: 'in process, in memory; one transaction at a time, of one row',
    },
    rows: audiences.flatMap((audience) => rowsOf(audience, audiences, samples)),
  };
}

function makeAudiences({ sensors, many, queries }: Size): readonly Audience[] {
  const everything = (subscribers: number): Audience => ({
    name: `${subscribers} subscribed to the table`,
    subscribers,
    queriesOf: () => ['SELECT * FROM reading'],
    told: subscribers,
  });
  const perConnection = Math.ceil(queries / CONNECTIONS);
  const queriesOf = (subscriber: number): readonly string[] =>
    Array.from({ length: Math.max(0, Math.min(perConnection, queries - subscriber * perConnection)) }, (_, index) => {
      const room = (subscriber * perConnection + index) % sensors;
      return `SELECT * FROM reading WHERE room = ${room}`;
    });
  return [
    { name: 'nobody subscribed', subscribers: 0, queriesOf: () => [], told: 0 },
    everything(1),
    everything(CONNECTIONS),
    everything(many),
    { name: `${queries} queries by value, one fits`, subscribers: CONNECTIONS, queriesOf, told: 1 },
  ];
}

/** Transactions one after the other, each when everybody has heard of the last. */
async function measure(bundle: string, audience: Audience, { sensors, transactions }: Size): Promise<Measured> {
  const host = await openHost({ memory: true });
  try {
    await host.publish({ name: 'building', module: bundle });
    const { database } = host.database('building');
    await database.callReducer({ identity: 1n, connectionId: 0n }, 'install', u32(sensors));
    const latencies: number[] = [];
    const durations: number[] = [];
    let start = 0;
    let heard = 0;
    let onAll = (): void => undefined;
    const onUpdate = (): void => {
      latencies.push(performance.now() - start);
      heard += 1;
      if (heard === audience.told) onAll();
    };
    for (let index = 0; index < audience.subscribers; index += 1) {
      const subscriber = await Subscriber.connect(host, 'building', onUpdate);
      await subscriber.subscribe(audience.queriesOf(index));
    }
    const args = new DataView(new ArrayBuffer(12));
    const warmUp = Math.ceil(transactions / 4);
    for (let index = 0; index < warmUp + transactions; index += 1) {
      if (index === warmUp) {
        latencies.length = 0;
        durations.length = 0;
      }
      args.setUint32(0, (index * 7_919) % sensors, true);
      args.setBigInt64(4, BigInt(index + 1), true);
      heard = 0;
      const told = audience.told === 0 ? undefined : new Promise<void>((resolve) => (onAll = resolve));
      start = performance.now();
      const result = await database.callReducer(
        { identity: 1n, connectionId: 0n },
        'measure',
        new Uint8Array(args.buffer),
      );
      if (result.outcome.type !== 'committed') throw new Error(result.outcome.message);
      await told;
      durations.push(performance.now() - start);
    }
    // By the median, as the latencies: what else runs on the machine hits few transactions, and those hard.
    const { p50Ms } = summarise(durations, 1);
    return { ...summarise(latencies, 1), callsPerSecond: 1000 / p50Ms };
  } finally {
    await host.close();
  }
}

function rowsOf(
  audience: Audience,
  all: readonly Audience[],
  samples: ReadonlyMap<string, readonly Measured[]>,
): Row[] {
  const of = ({ name }: Audience, unit: string, figure: (measured: Measured) => number, suffix = ''): Row =>
    makeRow(`${name}${suffix}`, unit, (samples.get(name) ?? []).map(figure));
  const cost = (who: Audience): Row => of(who, 'µs/transaction', ({ callsPerSecond }) => 1e6 / callsPerSecond);
  const [nobody] = all;
  if (nobody === undefined || audience === nobody) return [cost(audience)];
  return [
    against(cost(audience), cost(nobody)),
    of(audience, 'µs', ({ p50Ms }) => p50Ms * 1000, ': delivery, median'),
    of(audience, 'µs', ({ p99Ms }) => p99Ms * 1000, ': delivery, 99th percentile'),
  ];
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
