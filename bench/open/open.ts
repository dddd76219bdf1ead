import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { against, describeMachine, makeRow, type Benchmark, type BenchOptions, type Report } from '../report.ts';
import { findBuiltUniverse, sizeOf, type UniverseShape } from './built-universe.ts';

const FULL: UniverseShape = { events: 1_000_000, versions: 100_000 };
const SMOKE: UniverseShape = { events: 200, versions: 50 };

/** Milliseconds since before a universe was opened. */
export interface OpeningTimes {
  readonly openedMs: number;
  /** The head of a store with all versions is known. */
  readonly headMs: number;
  /** An event is durable. */
  readonly publishedMs: number;
  /** The time that the process has worked by then: other than the rest, it says little of who else is at work. */
  readonly publishedProcessorMs: number;
  /** Memory of the process by then. */
  readonly residentBytes: number;
}

/** Milliseconds that the least takes that opening can do. */
export interface ReadingTimes {
  readonly readMs: number;
  /** Read, and a checksum computed over every byte. */
  readonly checkedMs: number;
  /** The time that the process worked for it. */
  readonly checkedProcessorMs: number;
  /** What the storage takes for it, that looks at each record. */
  readonly recoveredMs: number;
}

interface Sample extends OpeningTimes, ReadingTimes {
  readonly bytes: number;
}

/** Opening a large universe: how long until it answers, and until it has stored something. */
export const openBenchmark: Benchmark = {
  name: 'open',
  about: 'a universe of 1,000,000 events and 100,000 versions: time to the first head and the first durable event',
  run: runOpen,
};

async function runOpen({ runs, smoke }: BenchOptions): Promise<Report> {
  const shape = smoke ? SMOKE : FULL;
  const directory = await findBuiltUniverse(shape);
  const samples: Sample[] = [];
  // Each in a process of its own, one after the other: everything is opened cold but for the system's file cache.
  for (let run = 0; run < (smoke ? 1 : runs); run += 1) {
    const bytes = sizeOf(directory);
    const reading = await runProcess<ReadingTimes>('reading.bench.ts', directory);
    samples.push({ ...reading, ...(await runProcess<OpeningTimes>('opening.ts', directory)), bytes });
  }
  if (smoke) rmSync(directory, { recursive: true, force: true });
  return {
    name: 'open',
    environment: {
      ...describeMachine(),
      ...shape,
      durability: 'an answer means synced to disk',
      files: 'in the cache of the system',
    },
    rows: makeRows(samples),
  };
}

function makeRows(samples: readonly Sample[]): Report['rows'] {
  const row = (name: string, unit: string, figure: (sample: Sample) => number) =>
    makeRow(name, unit, samples.map(figure));
  const checked = row('reading and checksumming the files (the limit)', 'ms', (sample) => sample.checkedMs);
  const work = row('reading and checksumming: processor time', 'ms', (sample) => sample.checkedProcessorMs);
  return [
    row('size on disk', 'MiB', (sample) => sample.bytes / 2 ** 20),
    against(
      row('reading the files', 'ms', (sample) => sample.readMs),
      checked,
    ),
    checked,
    work,
    against(
      row('the storage alone, each record checked', 'ms', (sample) => sample.recoveredMs),
      checked,
    ),
    against(
      row('until the universe is open', 'ms', (sample) => sample.openedMs),
      checked,
    ),
    against(
      row('until the first head is read (aim: 5)', 'ms', (sample) => sample.headMs),
      checked,
    ),
    against(
      row('until the first event is durable (aim: 5)', 'ms', (sample) => sample.publishedMs),
      checked,
    ),
    against(
      row('until the first event is durable: processor time', 'ms', (sample) => sample.publishedProcessorMs),
      work,
    ),
    row('memory of the process by then', 'MiB', (sample) => sample.residentBytes / 2 ** 20),
  ];
}

/**
 * Runs a file of this folder on a directory; it prints its result. As plain JavaScript, as an application would be: a
 * loader that translates TypeScript would look at each module that is loaded while a universe opens.
 */
async function runProcess<Result>(name: string, directory: string): Promise<Result> {
  const file = fileURLToPath(new URL(name, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    write: false,
  });
  const running = promisify(execFile)(process.execPath, ['--input-type=module', '-', directory], {
    cwd: dirname(file),
  });
  running.child.stdin?.end(outputFiles[0]?.text);
  const { stdout } = await running;
  // What our own process printed.
  return JSON.parse(stdout) as Result;
}
