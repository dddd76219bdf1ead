/*
 * One cell of the table in a process of its own, so that its memory is its own and running out of it harms nobody:
 * `node --expose-gc --import tsx cell.ts '<CellRequest as JSON>'` prints a CellResult as one line of JSON.
 */
import { automergePeer } from './automerge-peer.ts';
import { immerPeer, mutativePeer } from './draft-peers.ts';
import { nervPeer } from './nerv-peer.ts';
import type { History, Peer } from './peer.ts';

/** What to measure. */
export interface CellRequest {
  readonly peer: string;
  readonly keys: number;
  /** How many commits to make. */
  readonly versions: number;
  /** The peer stops making versions after so long, or with so much memory taken, and is measured with what it has. */
  readonly buildMsMax: number;
  readonly memoryBytesMax: number;
  /** Each of the other measurements ends after so long. */
  readonly measureMsMax: number;
}

/** What was measured; undefined where the peer has no such thing. */
export interface CellResult {
  readonly made: number;
  readonly stoppedBy: 'time' | 'memory' | undefined;
  readonly commitMicros: number;
  readonly readMicros: number;
  /** Of the two newest versions, and of any two. */
  readonly diffMicros: number | undefined;
  readonly farDiffMicros: number | undefined;
  readonly mergeMicros: number | undefined;
  /** Heap and other memory of this process that the history takes, by the number of versions. */
  readonly memoryBytesPerVersion: number;
  readonly storedBytesPerVersion: number | undefined;
}

const PEERS: readonly Peer[] = [nervPeer, immerPeer, mutativePeer, automergePeer];
const COMMITS_BETWEEN_LOOKS = 64;
const SAMPLES = 1_000;

declare const gc: () => void;

/** Small steps of a fixed sequence that visits places without order. */
class Scatter {
  #state = 1;
  next(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }
}

process.stdout.write(`${JSON.stringify(measure(JSON.parse(process.argv[2] ?? '{}') as CellRequest))}\n`);

function measure(request: CellRequest): CellResult {
  const { keys, measureMsMax } = request;
  const peer = PEERS.find(({ name }) => name === request.peer);
  if (peer === undefined) throw new Error(`There is no peer '${request.peer}'.`);
  const initial = Object.fromEntries(Array.from({ length: keys }, (_, index) => [`key${index}`, index]));
  warmUp(peer);
  const history = peer.open(initial);
  const scatter = new Scatter();
  const before = memoryTaken();
  const { made, elapsedMs, stoppedBy } = build(history, request, scatter);
  const memoryBytesPerVersion = (memoryTaken() - before) / made;
  const key = (): string => `key${scatter.next(keys)}`;
  const samples = (action: () => unknown): number | undefined => medianMicros(action, measureMsMax);
  const readMicros = samples(() => history.read(scatter.next(made + 1), key())) ?? Number.NaN;
  const diffMicros = samples(() => history.diff(made - 1, made));
  const farDiffMicros = samples(() => history.diff(scatter.next(made + 1), scatter.next(made + 1)));
  const storedBytes = history.storedBytes();
  const mergeMicros = samples(() => history.merge(key(), `side${scatter.next(keys)}`, scatter.next(1e9)));
  return {
    made,
    stoppedBy,
    commitMicros: request.versions === 1 ? firstCommit(peer, initial, request) : (elapsedMs * 1000) / made,
    readMicros,
    diffMicros,
    farDiffMicros,
    mergeMicros,
    memoryBytesPerVersion,
    storedBytesPerVersion: storedBytes === undefined ? undefined : storedBytes / (made + 1),
  };
}

/** The same work on a small state, so that the code is compiled. */
function warmUp(peer: Peer): void {
  const history = peer.open({ key0: 0, key1: 1 });
  for (let index = 0; index < 2_000; index += 1) history.commit(`key${index % 2}`, -index);
  for (let index = 0; index < 200; index += 1) {
    history.read(index, 'key0');
    history.diff(index, index + 1);
  }
}

function build(
  history: History,
  { keys, versions, buildMsMax, memoryBytesMax }: CellRequest,
  scatter: Scatter,
): { made: number; elapsedMs: number; stoppedBy: CellResult['stoppedBy'] } {
  const start = performance.now();
  let made = 0;
  let stoppedBy: CellResult['stoppedBy'];
  while (made < versions && stoppedBy === undefined) {
    const until = Math.min(versions, made + (keys > 10_000 ? 4 : COMMITS_BETWEEN_LOOKS));
    for (; made < until; made += 1) history.commit(`key${scatter.next(keys)}`, -1 - made);
    if (performance.now() - start > buildMsMax) stoppedBy = 'time';
    else if (process.memoryUsage.rss() > memoryBytesMax) stoppedBy = 'memory';
  }
  return { made, elapsedMs: performance.now() - start, stoppedBy: made < versions ? stoppedBy : undefined };
}

/** The median of the first commits of fresh histories: of a thousand, or as many as are opened in the time. */
function firstCommit(peer: Peer, initial: Readonly<Record<string, number>>, { measureMsMax }: CellRequest): number {
  const micros: number[] = [];
  const start = performance.now();
  while (micros.length < SAMPLES && (micros.length < 3 || performance.now() - start < measureMsMax)) {
    const history = peer.open(initial);
    const begin = performance.now();
    history.commit('key0', -2 - micros.length);
    micros.push((performance.now() - begin) * 1000);
  }
  return medianOf(micros);
}

/** The heap, and what lies beside it: Automerge keeps its documents in WebAssembly's memory. */
function memoryTaken(): number {
  gc();
  gc();
  const { heapUsed, arrayBuffers, external } = process.memoryUsage();
  return heapUsed + Math.max(arrayBuffers, external);
}

/** The median time of an action, of up to a thousand; undefined when it says that it cannot. */
function medianMicros(action: () => unknown, msMax: number): number | undefined {
  const micros: number[] = [];
  const start = performance.now();
  while (micros.length < SAMPLES && (micros.length === 0 || performance.now() - start < msMax)) {
    const begin = performance.now();
    if (action() === undefined) return undefined;
    micros.push((performance.now() - begin) * 1000);
  }
  return medianOf(micros);
}

function medianOf(samples: number[]): number {
  return samples.sort((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}
