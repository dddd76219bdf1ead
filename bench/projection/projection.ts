import type { NervEvent } from '@inner-universe/nerv/events';
import { TemporalStore } from '@inner-universe/nerv/temporal';
import { makePerspective } from '@inner-universe/nerv/projection';
import {
  against,
  describeMachine,
  makeRow,
  type BenchOptions,
  type Benchmark,
  type Report,
  type Row,
} from '../report.ts';
import { foldPeers, makeTotals, type OrderData } from './fold-peers.ts';

interface Size {
  readonly events: number;
  /** Orders in the state that perspectives look at. */
  readonly orders: number;
  readonly looks: number;
}

const FULL: Size = { events: 1_000_000, orders: 1_000, looks: 20_000 };
const SMOKE: Size = { events: 2_000, orders: 10, looks: 100 };
const CUSTOMERS = 100;

/** Folding events into a state, and looking at it. */
export const projectionBenchmark: Benchmark = {
  name: 'projection',
  about:
    'events folded into a state against a plain loop, RxJS scan and Immer; what a perspective costs that did not change',
  run: runProjection,
};

async function runProjection({ runs, smoke }: BenchOptions): Promise<Report> {
  const size = smoke ? SMOKE : FULL;
  const rows = [...(await foldRows(size, smoke ? 1 : runs)), ...perspectiveRows(size, smoke ? 1 : runs)];
  return {
    name: 'projection',
    environment: { ...describeMachine(), ...size, state: 'three numbers; every tenth event is of another type' },
    rows,
  };
}

async function foldRows({ events: count }: Size, runs: number): Promise<Row[]> {
  const events = makeEvents(count);
  const expected = JSON.stringify(await foldPeers[0].fold(events));
  const samples = new Map<string, number[]>(foldPeers.map(({ name }) => [name, []]));
  const subscribed: number[] = [];
  // Interleaved, so that a machine that slows down slows all of them down. The first round is not counted.
  for (let run = 0; run <= runs; run += 1) {
    for (const peer of foldPeers) {
      const start = performance.now();
      const state = await peer.fold(events);
      const micros = (performance.now() - start) * 1000;
      if (JSON.stringify(state) !== expected) throw new Error(`${peer.name} made another state: not the same work.`);
      if (run > 0 || runs === 1) samples.get(peer.name)?.push(micros / count);
    }
    const micros = applyWithSubscriber(events);
    if (run > 0 || runs === 1) subscribed.push(micros / count);
  }
  const rows = foldPeers.map(({ name }) => makeRow(`fold: ${name}`, 'µs/event', samples.get(name) ?? []));
  const [floor] = rows;
  if (floor === undefined) return rows;
  const one = makeRow('fold: nerv, applied one by one, one subscriber', 'µs/event', subscribed);
  return [floor, ...[...rows.slice(1), one].map((row) => against(row, floor))];
}

function applyWithSubscriber(events: readonly NervEvent[]): number {
  const totals = makeTotals();
  let heard = 0;
  totals.subscribe(() => {
    heard += 1;
  });
  const start = performance.now();
  for (const event of events) totals.apply(event);
  const micros = (performance.now() - start) * 1000;
  if (heard !== totals.state.orders)
    throw new Error(`The subscriber heard of ${heard} of ${totals.state.orders} states.`);
  return micros;
}

interface Shop {
  readonly orders: readonly OrderData[];
  readonly visits: number;
}

function perspectiveRows({ orders: count, looks }: Size, runs: number): Row[] {
  const orders = makeEvents(count).map(({ data }) => data as OrderData);
  const ofCustomer = (all: readonly OrderData[], customer: string): readonly OrderData[] =>
    all.filter((order) => order.customer === customer);
  const names = ['anew each time', 'same state', 'another state, same part'] as const;
  const samples = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let run = 0; run <= runs; run += 1) {
    const store = new TemporalStore<Shop>({ orders, visits: 0 });
    // Two states of which one part is the same, taken in turn.
    const states = [store.state, store.at(store.commit((draft) => (draft.visits += 1)))];
    let calls = 0;
    const perspective = makePerspective({
      name: 'orders-of',
      select: (state: Shop) => state.orders,
      view: (all, customer: string) => {
        calls += 1;
        return ofCustomer(all, customer);
      },
    });
    const look = {
      'anew each time': () => ofCustomer(store.state.orders, 'customer-7'),
      'same state': () => perspective.of(store.state, 'customer-7'),
      'another state, same part': (turn: number) => perspective.of(states[turn % 2] ?? store.state, 'customer-7'),
    };
    for (const name of names) {
      const turns = name === 'anew each time' ? Math.ceil(looks / 100) : looks;
      const start = performance.now();
      for (let turn = 0; turn < turns; turn += 1) look[name](turn);
      const micros = (performance.now() - start) * 1000;
      if (run > 0 || runs === 1) samples.get(name)?.push(micros / turns);
    }
    if (calls !== 1) throw new Error(`The perspective was made ${calls} times, not once.`);
  }
  const rows = names.map((name) => makeRow(`perspective: ${name}`, 'µs/look', samples.get(name) ?? []));
  const [anew, same, another] = rows;
  if (anew === undefined || same === undefined || another === undefined) return rows;
  return [same, against(another, same), against(anew, same)];
}

function makeEvents(count: number): NervEvent[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `event-${n}`,
    type: n % 10 === 9 ? 'order.noted' : 'order.placed',
    kind: 'application',
    data: { customer: `customer-${n % CUSTOMERS}`, total: n % 1000 },
    timestamp: n,
    source: undefined,
    metadata: {},
    seq: n + 1,
    pending: false,
  }));
}
