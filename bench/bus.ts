import { peers, type Peer, type Ready } from './bus-peers.ts';
import {
  against,
  describeMachine,
  makeRow,
  type BenchOptions,
  type Benchmark,
  type Report,
  type Row,
} from './report.ts';

/** How much is emitted in one counted run, by the number of subscribers. */
const EMITS: ReadonlyMap<number, number> = new Map([
  [1, 1_000_000],
  [10, 300_000],
  [1_000, 5_000],
]);
const PATTERNS = 1_000;
const PATTERN_TYPES = 100;
const PATTERN_EMITS = 2_000;
const SMOKE_EMITS = 100;
/** An emitter that is awaited each time is given less to do. */
const ASYNC_SHARE = 0.1;

/** Emitting: the bus against what people use today, the same work in the same run. */
export const busBenchmark: Benchmark = {
  name: 'bus',
  about: 'emits per second to 1, 10 and 1,000 subscribers and through 1,000 patterns, against other emitters',
  run: runBus,
};

interface Task {
  readonly name: string;
  readonly emits: number;
  /** How often subscribers must be called for each emit, so that no peer does less. */
  readonly calls: number;
  readonly types: readonly string[];
  prepare(peer: Peer, take: () => void): Ready;
}

async function runBus({ runs, smoke }: BenchOptions): Promise<Report> {
  const rows: Row[] = [];
  for (const task of makeTasks(smoke)) rows.push(...(await runTask(task, smoke ? 1 : runs)));
  return { name: 'bus', environment: { ...describeMachine(), data: 'one small object, the same each time' }, rows };
}

function makeTasks(smoke: boolean): readonly Task[] {
  const bySubscribers = [...EMITS].map(([count, emits]): Task => ({
    name: `${count.toLocaleString('en-US')} subscriber${count === 1 ? '' : 's'}`,
    emits: smoke ? SMOKE_EMITS : emits,
    calls: count,
    types: ['order.placed'],
    prepare: (peer, take) => peer.subscribers(count, 'order.placed', take),
  }));
  const types = Array.from({ length: PATTERN_TYPES }, (_, n) => `shop${n}.order.placed`);
  // Ten patterns for each type, of which eight match it.
  const patterns = types.flatMap((type, n) => [
    type,
    ...['order.*', '*.placed', '*.*', '**', 'order.**', '**.placed', '**.order.**'].map((rest) => `shop${n}.${rest}`),
    `other${n}.**`,
    `*.order.none${n}`,
  ]);
  const byPatterns: Task = {
    name: `${PATTERNS.toLocaleString('en-US')} patterns, ${PATTERN_TYPES} types`,
    emits: smoke ? SMOKE_EMITS : PATTERN_EMITS,
    calls: 8,
    types,
    prepare: (peer, take) => peer.patterns(patterns, take),
  };
  return [...bySubscribers, byPatterns];
}

async function runTask(task: Task, runs: number): Promise<Row[]> {
  const samples = new Map<Peer, number[]>(peers.map((peer) => [peer, []]));
  // Interleaved, so that a machine that slows down slows all of them down. The first round is not counted.
  for (let run = 0; run <= runs; run += 1) {
    for (const [peer, rates] of samples) {
      const rate = await measure(task, peer);
      if (run > 0 || runs === 1) rates.push(rate);
    }
  }
  const rows = [...samples].map(([peer, rates]) => ({
    peer,
    row: makeRow(`${task.name}: ${peer.name}`, 'emits/s', rates),
  }));
  const bare = fastest(rows.filter(({ peer }) => !peer.hasEnvelope).map(({ row }) => row));
  return rows.map(({ row }) => (row === bare ? row : against(row, bare)));
}

function fastest(rows: readonly Row[]): Row {
  return rows.reduce((best, row) => (row.median > best.median ? row : best));
}

async function measure(task: Task, peer: Peer): Promise<number> {
  let calls = 0;
  const ready = task.prepare(peer, () => {
    calls += 1;
  });
  const emits = Math.ceil(task.emits * (peer.isAsync === true ? ASYNC_SHARE : 1));
  const data = { total: 5 };
  const start = performance.now();
  if (peer.isAsync === true) for (let n = 0; n < emits; n += 1) await ready.emit(typeAt(task, n), data);
  else for (let n = 0; n < emits; n += 1) ready.emit(typeAt(task, n), data);
  const seconds = (performance.now() - start) / 1000;
  ready.close?.();
  if (calls !== emits * task.calls) {
    throw new Error(
      `${peer.name} called ${calls} times in '${task.name}', not ${emits * task.calls}: not the same work.`,
    );
  }
  return emits / seconds;
}

function typeAt(task: Task, n: number): string {
  return task.types[n % task.types.length] ?? '';
}
