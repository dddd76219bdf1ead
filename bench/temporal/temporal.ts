import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  against,
  type Benchmark,
  type BenchOptions,
  describeMachine,
  makeRow,
  type Report,
  type Row,
} from '../report.ts';
import type { CellRequest, CellResult } from './cell.ts';

const CELL = fileURLToPath(new URL('./cell.ts', import.meta.url));
const PEERS = ['nerv', 'immer + array', 'mutative + array', 'automerge'] as const;
const DRAFTING = ['immer + array', 'mutative + array'] as const;
const SIZES = { keys: [10, 1_000, 100_000], versions: [1, 10_000, 100_000] };
const SMOKE_SIZES = { keys: [10], versions: [20] };
const LIMITS = { buildMsMax: 15_000, memoryBytesMax: 2 * 2 ** 30, measureMsMax: 2_000 };

/** What a version costs to make, keep, read, compare and merge. */
export const temporalBenchmark: Benchmark = {
  name: 'temporal',
  about: 'one-key commits to states of 10 to 100,000 keys, reads of random versions, diffs, merges, memory and bytes',
  run: runTemporal,
};

/** All runs of one peer at one size. `results` is empty when the peer did not live to tell. */
interface Cell {
  readonly peer: string;
  readonly keys: number;
  readonly versions: number;
  readonly results: CellResult[];
}

async function runTemporal({ runs, smoke }: BenchOptions): Promise<Report> {
  const { keys, versions } = smoke ? SMOKE_SIZES : SIZES;
  const cells: Cell[] = keys.flatMap((keyCount) =>
    versions.flatMap((versionCount) =>
      PEERS.map((peer) => ({ peer, keys: keyCount, versions: versionCount, results: [] })),
    ),
  );
  for (let run = 0; run < (smoke ? 1 : runs); run += 1) {
    for (const cell of cells) {
      // Who stopped at fewer versions would only stop there again.
      if (cells.some((smaller) => stoppedBelow(smaller, cell))) continue;
      const result = await measureCell({ peer: cell.peer, keys: cell.keys, versions: cell.versions, ...LIMITS });
      if (result !== undefined) cell.results.push(result);
    }
  }
  return {
    name: 'temporal',
    environment: {
      ...describeMachine(),
      buildSecondsMax: LIMITS.buildMsMax / 1000,
      memoryGiBMax: LIMITS.memoryBytesMax / 2 ** 30,
      where:
        'each cell in a process of its own; nerv hashes each version and keeps its delta, immer and mutative do not',
    },
    rows: cells.flatMap((cell) => rowsOf(cell, cells)),
  };
}

function stoppedBelow(smaller: Cell, { peer, keys, versions }: Cell): boolean {
  return (
    smaller.peer === peer &&
    smaller.keys === keys &&
    smaller.versions < versions &&
    smaller.results.some(({ stoppedBy }) => stoppedBy !== undefined)
  );
}

/** Undefined when the process ended before it answered: it ran out of memory between two looks. */
async function measureCell(request: CellRequest): Promise<CellResult | undefined> {
  const args = ['--expose-gc', '--max-old-space-size=4096', '--import', 'tsx', CELL, JSON.stringify(request)];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as CellResult;
  } catch (error) {
    process.stderr.write(
      `${request.peer}, ${request.keys} keys, ${request.versions} versions: ${String(error).slice(0, 300)}\n`,
    );
    return undefined;
  }
}

function rowsOf(cell: Cell, cells: readonly Cell[]): Row[] {
  if (cell.results.length === 0) return [];
  const rows = [
    commitRow(cell, cells),
    rowOf(cell, 'read of a random version', 'µs', ({ readMicros }) => readMicros),
    rowOf(cell, 'diff of the two newest', 'µs', ({ diffMicros }) => diffMicros),
    rowOf(cell, 'diff of two random versions', 'µs', ({ farDiffMicros }) => farDiffMicros),
    rowOf(cell, 'merge of one key each', 'µs', ({ mergeMicros }) => mergeMicros),
  ];
  // One version tells nothing of what another costs.
  if (cell.versions > 1) {
    rows.push(
      rowOf(cell, 'memory', 'bytes/version', ({ memoryBytesPerVersion }) => memoryBytesPerVersion),
      rowOf(cell, 'stored', 'bytes/version', ({ storedBytesPerVersion }) => storedBytesPerVersion),
    );
  }
  return rows.filter((row) => row !== undefined);
}

/**
 * A drafting library's update is compared with NERV's commit at the same size, and NERV's with its own at 1,000 keys.
 * The commit of a history of one version is the first that is made to a fresh one.
 */
function commitRow(cell: Cell, cells: readonly Cell[]): Row | undefined {
  const what = cell.versions === 1 ? 'first commit' : 'commit';
  const at = ({ peer, keys, versions }: Pick<Cell, 'peer' | 'keys' | 'versions'>): Row | undefined => {
    const found = cells.find((other) => other.peer === peer && other.keys === keys && other.versions === versions);
    return found === undefined ? undefined : rowOf(found, what, 'µs', ({ commitMicros }) => commitMicros);
  };
  const row = at(cell);
  const isDrafting = DRAFTING.some((peer) => peer === cell.peer);
  const isLarge = cell.peer === 'nerv' && cell.keys > 1_000;
  const other = isDrafting ? at({ ...cell, peer: 'nerv' }) : isLarge ? at({ ...cell, keys: 1_000 }) : undefined;
  return row === undefined || other === undefined ? row : against(row, other);
}

function rowOf(
  { peer, keys, versions, results }: Cell,
  what: string,
  unit: string,
  figure: (result: CellResult) => number | undefined,
): Row | undefined {
  const samples = results.map(figure).filter((value) => value !== undefined);
  if (samples.length === 0) return undefined;
  const stopped = results.find(({ stoppedBy }) => stoppedBy !== undefined);
  const where =
    stopped === undefined ? '' : ` (${stopped.stoppedBy} ended it at ${stopped.made.toLocaleString('en-US')})`;
  const size = `${keys.toLocaleString('en-US')} keys, ${versions.toLocaleString('en-US')} ${versions === 1 ? 'version' : 'versions'}${where}`;
  return makeRow(`${peer}, ${size}: ${what}`, unit, samples);
}
