import { spawn } from 'node:child_process';
import { basename, resolve } from 'node:path';
import { CliError } from '../errors.ts';
import { LOG_FORMAT, OBJECT_ID, parseLog, splitAtNul, type Commit } from './log-parser.ts';
import { decodeForDisplay, makePathKey } from './text.ts';

/** One path of a commit's tree. */
export interface TreeEntry {
  readonly path: string;
  readonly mode: string;
  readonly blob: string;
}

/** Settings that a user's own configuration must not change: each of them would drop or add something. */
const FIXED_SETTINGS = [
  ['log.showRoot', 'true'],
  ['log.showSignature', 'false'],
  ['diff.ignoreSubmodules', 'none'],
  ['diff.relative', 'false'],
  ['color.ui', 'false'],
  ['i18n.logOutputEncoding', 'UTF-8'],
  // A run that goes on after a kill must see the same order, also when git wrote a commit-graph in between.
  ['core.commitGraph', 'false'],
].flatMap(([key, value]) => ['-c', `${key}=${value}`]);

const LOG_ARGUMENTS = [
  'log',
  '--raw',
  '-z',
  '--no-abbrev',
  '--no-renames',
  '--diff-merges=first-parent',
  '--ignore-submodules=none',
  '--topo-order',
  '--reverse',
  '--no-color',
  '--date=raw',
  `--format=${LOG_FORMAT}`,
];

/**
 * A git repository, read through the `git` program and never written to. Works on bare, shallow and blobless ones:
 * nothing here needs the contents of a file.
 */
export class GitRepository {
  readonly path: string;
  /** Name for people and ids: the folder's own name, without `.git`. */
  readonly name: string;

  private constructor(path: string, name: string) {
    this.path = path;
    this.name = name;
  }

  /** @throws {CliError} `git/not-installed`, `git/not-a-repository` */
  static async open(path: string, signal?: AbortSignal): Promise<GitRepository> {
    const absolute = resolve(path);
    const outcome = await runGit(absolute, ['rev-parse', '--is-bare-repository', '--absolute-git-dir'], signal);
    if (outcome.exitCode !== 0) {
      throw new CliError(
        'git/not-a-repository',
        outcome.stderr.includes('dubious ownership')
          ? `git refuses to read '${absolute}', which belongs to another user. Allow it with: git config --global --add safe.directory '${absolute}'.`
          : `'${absolute}' is not in a git repository. Name the folder of one: inner-universe import git PATH.`,
        { details: { path: absolute, git: outcome.stderr.trim() } },
      );
    }
    const [bare = '', gitDirectory = ''] = outcome.stdout.trim().split('\n');
    if (bare === 'true')
      return new GitRepository(absolute, basename(gitDirectory).replace(/\.git$/, '') || 'repository');
    const top = await runGit(absolute, ['rev-parse', '--show-toplevel'], signal);
    const topLevel = top.exitCode === 0 ? top.stdout.trimEnd() : absolute;
    return new GitRepository(topLevel, basename(topLevel) || 'repository');
  }

  /**
   * The commit a ref names, with the ref's full name (`refs/heads/main`, or `HEAD` when detached); what is no ref
   * (an object id, `main~3`) is named by its commit's id. `undefined` for the `HEAD` of a repository without commits.
   * @throws {CliError} `git/unknown-ref`
   */
  async resolveRef(ref: string, signal?: AbortSignal): Promise<{ name: string; commit: string } | undefined> {
    const commit = await runGit(
      this.path,
      ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`],
      signal,
    );
    if (commit.exitCode !== 0) {
      if (ref === 'HEAD' && (await this.#hasNoCommits(signal))) return undefined;
      throw new CliError(
        'git/unknown-ref',
        `There is no commit '${ref}' in '${this.path}'. List what there is: git -C '${this.path}' branch --all.`,
        {
          details: { ref, path: this.path },
        },
      );
    }
    const id = commit.stdout.trim();
    const name = await runGit(this.path, ['rev-parse', '--symbolic-full-name', '--end-of-options', ref], signal);
    // git repeats `--end-of-options` here, and says nothing more of what is no ref.
    const full = name.stdout.split('\n').find((line) => line === 'HEAD' || line.startsWith('refs/'));
    return { name: name.exitCode === 0 && full !== undefined ? full : id, commit: id };
  }

  /** Commits reachable from `commit` and from none of `except`, parents first, in an order that only they decide. */
  async *log(commit: string, except: readonly string[], signal?: AbortSignal): AsyncGenerator<Commit, void, undefined> {
    yield* parseLog(readGit(this.path, [...LOG_ARGUMENTS, commit, ...except.map((id) => `^${id}`), '--'], signal));
  }

  /** Each reachable commit with its parents, as git shows them (a shallow clone's boundary has none). */
  async *parents(
    commit: string,
    signal?: AbortSignal,
  ): AsyncGenerator<{ id: string; parents: readonly string[] }, void, undefined> {
    let rest = '';
    for await (const chunk of readGit(this.path, ['rev-list', '--parents', commit, '--'], signal)) {
      const lines = (rest + decodeForDisplay(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [id = '', ...parents] = line.split(' ');
        yield { id, parents };
      }
    }
  }

  /** The whole tree of a commit: every file, link and submodule. */
  async *tree(commit: string, signal?: AbortSignal): AsyncGenerator<TreeEntry, void, undefined> {
    for await (const token of splitAtNul(readGit(this.path, ['ls-tree', '-r', '-z', '--full-tree', commit], signal))) {
      const tab = token.indexOf(0x09);
      const [mode = '', , blob = ''] = decodeForDisplay(token.subarray(0, tab)).split(' ');
      yield { path: makePathKey(token.subarray(tab + 1)), mode, blob };
    }
  }

  /** Which of these commits are here. What is no object id is not. */
  async present(ids: readonly string[], signal?: AbortSignal): Promise<ReadonlySet<string>> {
    const objectIds = ids.filter((id) => OBJECT_ID.test(id));
    if (objectIds.length === 0) return new Set();
    const args = ['cat-file', '--batch-check=%(objectname) %(objecttype)'];
    const outcome = await runGit(this.path, args, signal, `${objectIds.join('\n')}\n`);
    if (outcome.exitCode !== 0) throw gitFailed(args, outcome.exitCode, outcome.stderr);
    return new Set(
      outcome.stdout
        .split('\n')
        .filter((line) => line.endsWith(' commit'))
        .map((line) => line.slice(0, line.indexOf(' '))),
    );
  }

  async #hasNoCommits(signal?: AbortSignal): Promise<boolean> {
    const symbolic = await runGit(this.path, ['symbolic-ref', '--quiet', 'HEAD'], signal);
    if (symbolic.exitCode !== 0) return false;
    const exists = await runGit(this.path, ['show-ref', '--verify', '--quiet', symbolic.stdout.trim()], signal);
    return exists.exitCode !== 0;
  }
}

interface GitOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function runGit(
  path: string,
  args: readonly string[],
  signal?: AbortSignal,
  input?: string,
): Promise<GitOutcome> {
  const child = spawnGit(path, args, signal);
  child.stdin.on('error', () => undefined); // a git that ends early closes its input; its exit code tells the story
  child.stdin.end(input ?? '');
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const exitCode = await exitOf(child);
  return { exitCode, stdout: Buffer.concat(stdout).toString('utf8'), stderr: Buffer.concat(stderr).toString('utf8') };
}

/**
 * The output of git as it comes. It ends only after git ended well: one that failed or was stopped throws, so a reader
 * never takes what came so far for the whole. A reader that stops early ends git.
 */
async function* readGit(
  path: string,
  args: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const child = spawnGit(path, args, signal);
  child.stdin.on('error', () => undefined); // as in runGit
  child.stdin.end();
  const stderr: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const exit = exitOf(child);
  exit.catch(() => undefined); // thrown below, once the output is read
  try {
    for await (const chunk of child.stdout) yield chunk as Uint8Array; // no encoding is set: a stream of bytes
  } finally {
    child.stdout.destroy();
  }
  const exitCode = await exit;
  if (exitCode !== 0) throw gitFailed(args, exitCode, Buffer.concat(stderr).toString('utf8'));
}

function spawnGit(
  path: string,
  args: readonly string[],
  signal?: AbortSignal,
): ReturnType<typeof spawn> & {
  stdin: NonNullable<ReturnType<typeof spawn>['stdin']>;
  stdout: NonNullable<ReturnType<typeof spawn>['stdout']>;
  stderr: NonNullable<ReturnType<typeof spawn>['stderr']>;
} {
  const child = spawn('git', ['-C', path, ...FIXED_SETTINGS, ...args], {
    stdio: 'pipe',
    env: gitEnvironment(),
    ...(signal === undefined ? {} : { signal }),
  });
  return child as ReturnType<typeof spawnGit>; // stdio 'pipe' makes all three streams
}

/** Variables that point git at another repository, or other objects, than the folder that was named has. */
const FOREIGN_VARIABLES = [
  'GIT_DIR',
  'GIT_COMMON_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_NAMESPACE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_PREFIX',
];

/** The caller's environment, in which git speaks English, fetches nothing and asks nobody. */
function gitEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    LC_ALL: 'C',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
    GIT_TERMINAL_PROMPT: '0',
  };
  for (const name of FOREIGN_VARIABLES) delete environment[name];
  return environment;
}

function exitOf(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolveExit, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') {
        reject(
          new CliError('git/not-installed', "The program 'git' was not found. Install git, or put it on the PATH.", {
            cause: error,
          }),
        );
      } else if (error.name === 'AbortError') {
        reject(
          new CliError('cli/interrupted', 'The import was interrupted. Run it again to go on where it stopped.', {
            cause: error,
          }),
        );
      } else {
        reject(new CliError('git/failed', `git could not be run: ${error.message}`, { cause: error }));
      }
    });
    child.once('close', (code) => resolveExit(code ?? -1));
  });
}

function gitFailed(args: readonly string[], exitCode: number, stderr: string): CliError {
  if (stderr.includes('promisor')) {
    return new CliError(
      'git/failed',
      'This is a partial clone without its trees, and an import fetches nothing. Fetch them first ' +
        "('git fetch --refetch --filter=blob:none'), or clone again with --filter=blob:none or without a filter.",
      { details: { command: args[0], exitCode, git: stderr.trim() } },
    );
  }
  return new CliError(
    'git/failed',
    `'git ${args[0] ?? ''}' ended with exit code ${exitCode}: ${stderr.trim() || 'it said nothing'}.`,
    {
      details: { command: args[0], exitCode },
    },
  );
}
