import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A scratch git repository whose commits have fixed dates and people, so that its ids never change. */
export class GitFixture {
  readonly path: string;
  #clock = 1_700_000_000;

  constructor(name = 'fixture') {
    this.path = join(mkdtempSync(join(tmpdir(), 'git-fixture-')), name);
    mkdirSync(this.path);
    this.git('init', '-q', '-b', 'main');
    this.git('config', 'commit.gpgsign', 'false');
  }

  git(...args: string[]): string {
    return this.gitWith({}, ...args);
  }

  gitWith(environment: Record<string, string>, ...args: string[]): string {
    const date = `${(this.#clock += 60)} +0100`;
    return execFileSync('git', ['-C', this.path, ...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: this.path,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: 'Ada Lovelace',
        GIT_AUTHOR_EMAIL: 'ada@example.org',
        GIT_COMMITTER_NAME: 'Charles Babbage',
        GIT_COMMITTER_EMAIL: 'charles@example.org',
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_DATE: date,
        GIT_ALLOW_PROTOCOL: 'file',
        ...environment,
      },
    });
  }

  write(path: string | Uint8Array, text: string): void {
    const target =
      typeof path === 'string' ? join(this.path, path) : Buffer.concat([Buffer.from(`${this.path}/`), path]);
    if (typeof path === 'string' && path.includes('/')) mkdirSync(join(this.path, path, '..'), { recursive: true });
    writeFileSync(target, text);
  }

  makeExecutable(path: string): void {
    chmodSync(join(this.path, path), 0o755);
  }

  link(path: string, target: string): void {
    symlinkSync(target, join(this.path, path));
  }

  commit(message: string, environment: Record<string, string> = {}): string {
    this.git('add', '-A');
    this.gitWith(environment, 'commit', '-q', '--allow-empty', '-m', message);
    return this.head();
  }

  /** A commit on HEAD with the same tree, its people and message written byte by byte. */
  commitRaw(rest: readonly Buffer[]): string {
    const tree = this.git('rev-parse', 'HEAD^{tree}').trim();
    const input = Buffer.concat([Buffer.from(`tree ${tree}\nparent ${this.head()}\n`), ...rest]);
    const args = ['-C', this.path, 'hash-object', '-t', 'commit', '-w', '--stdin', '--literally'];
    const id = execFileSync('git', args, { input, encoding: 'utf8' }).trim();
    this.git('update-ref', 'HEAD', id);
    return id;
  }

  head(): string {
    return this.git('rev-parse', 'HEAD').trim();
  }

  remove(): void {
    rmSync(join(this.path, '..'), { recursive: true, force: true });
  }
}

/** A history with everything that trips importers: merges, an octopus, renames, odd names, links, modes, a submodule. */
export function makeOddHistory(): GitFixture {
  const repository = new GitFixture('odd');
  repository.commit('an empty first commit');
  repository.write('README.md', 'hello\n');
  repository.write('src/index.ts', 'export {};\n');
  repository.write('__proto__', 'an ordinary file\n');
  repository.write('constructor', 'another\n');
  repository.write('$ref', 'dollar\n');
  repository.write('a~b', 'tilde\n');
  repository.write('bytes:real', 'a real path that looks like an escape\n');
  repository.write('with\nnewline "quotes" \\ back', 'odd\n');
  repository.write('ünïcödé/日本.txt', 'utf-8\n');
  repository.write(Buffer.from([0x6c, 0x61, 0x74, 0x69, 0x6e, 0xe9]), 'not utf-8\n');
  repository.link('link', 'README.md');
  repository.commit('files with odd names');

  repository.git('checkout', '-q', '-b', 'one');
  repository.write('one.txt', '1\n');
  repository.git('mv', 'src/index.ts', 'src/main.ts');
  repository.commit('rename on a branch');
  repository.git('checkout', '-q', '-b', 'two', 'main');
  repository.write('two.txt', '2\n');
  repository.commit('second branch');
  repository.git('checkout', '-q', '-b', 'three', 'main');
  repository.makeExecutable('a~b');
  repository.commit('mode change');
  repository.write('three.txt', '3\n');
  repository.commit('third branch');
  repository.git('checkout', '-q', '-f', 'main');
  repository.write('README.md', 'hello again\n');
  repository.commit('main goes on');
  repository.git('merge', '-q', '--no-ff', '-m', 'merge one', 'one');
  repository.git('merge', '-q', '-m', 'octopus', 'two', 'three');
  repository.git('rm', '-q', 'one.txt');
  repository.write('one.txt/inside', 'a file became a folder\n');
  repository.commit('file becomes folder');
  repository.commit('non-utf-8 author', { GIT_AUTHOR_NAME: 'J\u00f6rg' });
  repository.git('checkout', '-q', '--orphan', 'island');
  repository.git('rm', '-rfq', '.');
  repository.write('island.txt', 'another root\n');
  repository.commit('a second root');
  repository.git('checkout', '-q', '-f', 'main');
  repository.git('merge', '-q', '--allow-unrelated-histories', '-m', 'join the island', 'island');
  repository.git('update-index', '--add', '--cacheinfo', `160000,${'12'.repeat(20)},vendor/submodule`);
  repository.git('commit', '-q', '-m', 'a submodule');
  repository.commitRaw([
    Buffer.from('author J'),
    Buffer.from([0xf6]),
    Buffer.from(
      'rg <j\\x@example.org> 1800000000 -0730\ncommitter J <> 99999999999999 +0000\n\nan author that is not UTF-8\n',
    ),
  ]);
  repository.commitRaw([
    Buffer.from(
      'author  <> 99999999999999 +0000\ncommitter C <c@example.org> 1700000000 +0000\nencoding ISO-8859-1\n\ncaf',
    ),
    Buffer.from([0xe9]),
    Buffer.from('\n\na time that no column holds, no name, and another encoding\n'),
  ]);
  return repository;
}
