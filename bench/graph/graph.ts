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
import type { Measured } from './measure.ts';
import { type PeerName, PEERS } from './peer.ts';

const MEASURE = fileURLToPath(new URL('./measure.ts', import.meta.url));
const HEAP_MIB = 8_192;
const SIZE = { entities: 100_000, relations: 1_000_000, msPerTask: 500 };
const SMOKE_SIZE = { entities: 500, relations: 3_000, msPerTask: 1 };

type Size = typeof SIZE;

/** Building, reading and walking a graph, against a graph library and an indexed database. */
export const graphBenchmark: Benchmark = {
  name: 'graph',
  about: 'build, look-ups, walks, paths, live results and memory at 100,000 entities and 1,000,000 relations',
  run: runGraph,
};

async function runGraph({ runs, smoke }: BenchOptions): Promise<Report> {
  const size = smoke ? SMOKE_SIZE : SIZE;
  const measured = new Map<PeerName, Measured[]>(PEERS.map((peer) => [peer, []]));
  const stopped: string[] = [];
  // Interleaved, so that a machine that slows down slows all of them down.
  for (let run = 0; run < (smoke ? 1 : runs); run += 1) {
    for (const [peer, results] of measured) {
      if (stopped.includes(peer)) continue;
      try {
        results.push(...(await measure(peer, size)));
      } catch (error) {
        if (peer === 'nerv') throw error;
        stopped.push(peer);
        process.stderr.write(`${peer} did not finish: ${String(error)}\n`);
      }
    }
  }
  assertSameWork(measured);
  return {
    name: 'graph',
    environment: {
      ...describeMachine(),
      entities: size.entities,
      relations: size.relations,
      stopped: stopped.join(', ') || 'nobody',
      where: 'each peer in a process of its own, sqlite in memory and with a Node that has node:sqlite',
    },
    rows: makeRows(measured),
  };
}

async function measure(peer: PeerName, { entities, relations, msPerTask }: Size): Promise<Measured[]> {
  const args = ['--expose-gc', `--max-old-space-size=${HEAP_MIB}`];
  const task = [MEASURE, peer, String(entities), String(relations), String(msPerTask)];
  const [major = 0] = process.versions.node.split('.').map(Number);
  const run = promisify(execFile);
  // SQLite is part of Node from 22.13 on; an older one gets it by npx, and takes the types off itself.
  const { stdout } =
    peer === 'sqlite' && major < 24
      ? await run('npx', ['--yes', '--package', 'node@24', '--', 'node', '--no-warnings', ...args, ...task])
      : await run(process.execPath, [...process.execArgv, ...args, ...task]);
  // The line is what measure.ts prints.
  return JSON.parse(stdout) as Measured[];
}

// A task whose results differ is not the same task, and its figures say nothing.
function assertSameWork(measured: ReadonlyMap<PeerName, readonly Measured[]>): void {
  const [ours = []] = measured.values();
  const checks = new Map(ours.map(({ task, check }) => [task, check]));
  for (const [peer, results] of measured) {
    for (const { task, check } of results) {
      const wanted = checks.get(task);
      if (wanted !== check) throw new Error(`${peer} gives ${check} in '${task}', not ${wanted}: not the same work.`);
    }
  }
}

function makeRows(measured: ReadonlyMap<PeerName, readonly Measured[]>): Row[] {
  const [ours = []] = measured.values();
  const tasks = new Map(ours.map(({ task, unit }) => [task, unit]));
  return [...tasks].flatMap(([task, unit]) => {
    const rows: Row[] = [];
    for (const [peer, results] of measured) {
      const samples = results.filter((result) => result.task === task).map(({ value }) => value);
      const row = makeRow(`${task}: ${peer}`, unit, samples);
      if (samples.length > 0) rows.push(rows[0] === undefined ? row : against(row, rows[0]));
    }
    return rows;
  });
}
