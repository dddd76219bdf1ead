import { readdirSync, rmSync, statSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GitRepository, importGit } from '@inner-universe/cli';
import { openUniverse, type UniverseOptions } from 'inner-universe';
import { measureShares, type Part, PARTS, type Shares } from './cpu-shares.ts';
import { createGitHistory, type HistoryShape } from './git-history.ts';
import { against, describeMachine, makeRow, type BenchOptions, type Benchmark, type Report } from './report.ts';

const FULL: HistoryShape = { commits: 2_000, files: 2_000 };
const SMOKE: HistoryShape = { commits: 20, files: 50 };
/** As the importer does it: the next request is made while one is on its way. */
const CALLS_IN_FLIGHT = 1;

interface Sample {
  readonly seconds: number;
  readonly commits: number;
  readonly bytes: number;
}

/** Importing a git history: how fast, how large, and where the time goes. */
export const importBenchmark: Benchmark = {
  name: 'import',
  about: 'commits per second and bytes per version of a git import, and the share of each part in its time',
  run: runImport,
};

async function runImport({ runs, smoke }: BenchOptions): Promise<Report> {
  const given = process.env['BENCH_REPOSITORY'];
  const shape = smoke ? SMOKE : FULL;
  const path = given ?? (await createGitHistory(shape));
  const repository = await GitRepository.open(path);
  const samples = { git: [] as Sample[], memory: [] as Sample[], disk: [] as Sample[] };
  const shares: Shares<Part>[] = [];
  // Interleaved, so that a machine that slows down slows all of them down.
  for (let run = 0; run < (smoke ? 1 : runs); run += 1) {
    samples.git.push(await readOnly(repository));
    samples.memory.push(await importInto(repository, { memory: true }));
    const data = mkdtempSync(join(tmpdir(), 'bench-import-'));
    const profiled = await measureShares(PARTS, () => importInto(repository, { data }));
    samples.disk.push({ ...profiled.result, bytes: sizeOf(data) });
    shares.push(profiled.shares);
    rmSync(data, { recursive: true, force: true });
  }
  if (given === undefined) rmSync(path, { recursive: true, force: true });
  const rate = (name: keyof typeof samples, label: string) =>
    makeRow(
      label,
      'commits/s',
      samples[name].map((sample) => sample.commits / sample.seconds),
    );
  const git = rate('git', 'reading git alone (the limit)');
  const memory = rate('memory', 'import in process, in memory');
  const disk = rate('disk', 'import in process, on disk, confirmed');
  const [first] = samples.disk;
  return {
    name: 'import',
    environment: {
      ...describeMachine(),
      durability: 'every request fsynced before it counts (disk)',
      callsInFlight: CALLS_IN_FLIGHT,
      commits: first?.commits ?? 0,
      data: given ?? `made up: ${shape.commits} commits over ${shape.files} files`,
    },
    rows: [
      git,
      against(memory, git),
      against(disk, memory),
      makeRow(
        'bytes on disk per version',
        'bytes',
        samples.disk.map((sample) => sample.bytes / sample.commits),
      ),
      ...PARTS.map((part) =>
        makeRow(
          `time on disk: ${describePart(part)}`,
          '%',
          shares.map((share) => share[part]),
        ),
      ),
    ],
  };
}

function describePart(part: Part): string {
  return part === 'waiting' ? 'waiting for git or fsync' : part;
}

/** Reads the log as the importer does, and does nothing with it. */
async function readOnly(repository: GitRepository): Promise<Sample> {
  const start = performance.now();
  const head = await repository.resolveRef('HEAD');
  let commits = 0;
  if (head !== undefined)
    for await (const commit of repository.log(head.commit, [])) if (commit.id !== '') commits += 1;
  return { seconds: (performance.now() - start) / 1000, commits, bytes: 0 };
}

async function importInto(repository: GitRepository, where: UniverseOptions): Promise<Sample> {
  const universe = await openUniverse(where);
  try {
    const start = performance.now();
    const { imported } = await importGit(universe, repository);
    return { seconds: (performance.now() - start) / 1000, commits: imported, bytes: 0 };
  } finally {
    await universe.close();
  }
}

function sizeOf(path: string): number {
  const entry = statSync(path);
  if (!entry.isDirectory()) return entry.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
