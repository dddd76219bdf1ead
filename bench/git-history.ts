import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a made-up history looks like. */
export interface HistoryShape {
  readonly commits: number;
  readonly files: number;
}

/** Makes a repository of a given shape, the same every time: side branches, merges, messages of some length. */
export async function createGitHistory(shape: HistoryShape): Promise<string> {
  const path = mkdtempSync(join(tmpdir(), 'bench-git-'));
  execFileSync('git', ['init', '-q', '-b', 'main', path]);
  const git = spawn('git', ['-C', path, 'fast-import', '--quiet'], { stdio: ['pipe', 'ignore', 'inherit'] });
  for (const text of commitStream(shape)) {
    if (!git.stdin.write(text)) await once(git.stdin, 'drain');
  }
  git.stdin.end();
  const [code] = (await once(git, 'close')) as [number];
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`);
  return path;
}

function* commitStream(shape: HistoryShape): Generator<string, void, undefined> {
  const random = makeRandom(20_261_122);
  const pathOf = (index: number): string => `src/package-${index % 97}/part-${index % 13}/file-${index}.ts`;
  const pick = (count: number): number => Math.floor(random() * count);
  let mark = 0;
  let head = 0;
  let side = 0;
  const commit = (branch: string, parents: readonly number[], paths: readonly string[], message: string): string => {
    mark += 1;
    const time = 1_500_000_000 + mark * 600;
    const [from, merge] = parents;
    return [
      `commit refs/heads/${branch}`,
      `mark :${mark}`,
      `author Author ${pick(40)} <author-${pick(40)}@example.org> ${time} +0000`,
      `committer Committer <committer@example.org> ${time} +0000`,
      `data ${message.length}`,
      message,
      ...(from === undefined || from === 0 ? [] : [`from :${from}`]),
      ...(merge === undefined ? [] : [`merge :${merge}`]),
      ...paths.flatMap((path) => [`M 100644 inline ${path}`, 'data 12', `${mark}`.padEnd(12)]),
      '',
      '',
    ].join('\n');
  };
  yield commit(
    'main',
    [],
    Array.from({ length: shape.files }, (_, index) => pathOf(index)),
    'first import',
  );
  head = mark;
  for (let index = 1; index < shape.commits; index += 1) {
    const paths = Array.from({ length: 1 + pick(6) }, () => pathOf(pick(shape.files)));
    const message = `change ${index}\n\nWhy this was done, in a sentence or two of ordinary length.`;
    if (index % 10 === 3) {
      yield commit('side', [head], paths, message);
      side = mark;
    } else {
      yield commit('main', side !== 0 && index % 10 === 7 ? [head, side] : [head], paths, message);
      head = mark;
      if (index % 10 === 7) side = 0;
    }
  }
}

/** A small generator of numbers in [0, 1), the same on every machine. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
