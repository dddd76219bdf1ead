import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeModule } from '@inner-universe/host';
import { generateBindings } from '@inner-universe/host/codegen';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TEST_CERTIFICATE } from '../../inner-universe/test/certificate.ts';
import { readModuleOption } from '../src/module-option.ts';
import { cleanUp, makeScratch, runCli, WORKSPACE } from './cli-process.ts';
import { CONTEXTS } from './docs/contexts.ts';
import { programsOf, readBlocks, type Program } from './docs/pages.ts';
import { GitFixture } from './git-fixture.ts';

/** Pages that a test of their own runs. */
const RUN_ELSEWHERE: Readonly<Record<string, string>> = {
  'packages/host/docs/testing.md': 'packages/host/test/docs.test.ts',
  'packages/inner-universe/docs/testing.md': 'packages/inner-universe/test/docs.test.ts',
  'packages/inner-universe/docs/state.md': 'packages/inner-universe/test/docs-state.test.ts',
  'packages/inner-universe/docs/graph.md': 'packages/inner-universe/test/docs-graph.test.ts',
  'packages/inner-universe/docs/consumers.md': 'packages/inner-universe/test/docs-consumers.test.ts',
  'packages/inner-universe/docs/events.md': 'packages/inner-universe/test/docs-events.test.ts',
  'packages/inner-universe/docs/migrations.md': 'packages/inner-universe/test/docs-migrations.test.ts',
  'packages/inner-universe/docs/react.md': 'packages/inner-universe/test/docs-react.test.ts',
};
/** So many blocks nothing may run. Each says why in the comment before it. */
const NOT_RUN_MAX = 6;
const TIMEOUT_MS = 240_000;

const blocks = readBlocks();
const programs = programsOf(blocks);
const commands = blocks.filter(({ language, notRun }) => language === 'sh' && notRun === undefined);

let root: string;
const folders = new Map<string, string>();

beforeAll(async () => {
  // Beside the packages, so that imports resolve as they do for a user who installed them.
  root = makeScratch('docs');
  symlinkSync(join(WORKSPACE, 'node_modules'), join(root, 'node_modules'));
  write(join(root, 'package.json'), '{ "type": "module" }');
  for (const { page } of programs) folders.set(page, join(root, page.replaceAll('/', '-').replace(/\.md$/, '')));
  await writeSurroundings();
  for (const program of programs) write(join(folderOf(program), program.file), codeOf(program));
}, TIMEOUT_MS);
afterAll(cleanUp);

function folderOf({ page }: Pick<Program, 'page'>): string {
  return folders.get(page) ?? root;
}

/** Files that pages speak of: a module and its bindings, a certificate, keys of an issuer. */
async function writeSurroundings(): Promise<void> {
  const host = folderOf({ page: 'packages/host/README.md' });
  const chat = programs.find(({ name }) => name === 'packages/host/docs/testing.md chat.ts')?.code ?? '';
  write(join(host, 'module/index.ts'), chat);
  const def = await describeModule(await readModuleOption(join(host, 'module/index.ts')));
  const bindings = generateBindings(def);
  write(join(host, 'bindings.ts'), bindings);
  write(join(folderOf({ page: 'packages/host/docs/testing.md' }), 'bindings.ts'), bindings);
  const metrics = folderOf({ page: 'packages/host/docs/metrics.md' });
  write(join(metrics, 'module/index.ts'), chat);
  write(join(host, 'cert.pem'), TEST_CERTIFICATE.cert);
  write(join(host, 'key.pem'), TEST_CERTIFICATE.key);
  write(join(host, 'keys.json'), '{ "keys": [] }');
  const shop = readFileSync(join(WORKSPACE, 'packages/inner-universe/test/fixtures/shop-module.ts'), 'utf8');
  write(join(folderOf({ page: 'packages/inner-universe/README.md' }), 'shop-module.ts'), shop);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A program as it stands on its page, but for the port, which others may use. */
function codeOf({ code, context }: Program): string {
  const given = context === undefined ? '' : CONTEXTS[context];
  if (given === undefined) throw new Error(`there is no context '${context}'`);
  return `${given}${code.replaceAll('port: 3000', 'port: 0').replaceAll('127.0.0.1:3000', '127.0.0.1:9')}`;
}

/** Runs Node; gives what it printed. */
function runNode(args: readonly string[], cwd: string): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    NODE_OPTIONS: undefined,
    NO_COLOR: '1',
    UNIVERSE_KEY: Buffer.alloc(32, 7).toString('base64'),
    INNER_UNIVERSE_TOKEN: OUTDATED_TOKEN,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, env, timeout: 120_000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? (error === null ? 0 : 'killed'), stdout, stderr }),
    );
  });
}

/** Of nobody: it is for a page that opens without the server. */
const OUTDATED_TOKEN = ['{"alg":"ES256"}', '{"iss":"nobody","sub":"reader"}', 'x']
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.');

test('blocks that nothing runs are few, and say why', () => {
  const notRun = blocks.filter((block) => block.notRun !== undefined);
  for (const { notRun: reason } of notRun) expect(reason?.length).toBeGreaterThan(20);
  expect(notRun.length).toBeLessThanOrEqual(NOT_RUN_MAX);
  expect(programs.length).toBeGreaterThan(30);
});

test('a page that a test of its own runs is named in that test', () => {
  for (const [page, path] of Object.entries(RUN_ELSEWHERE)) {
    const file = page.split('/').at(-1) ?? '';
    expect(readFileSync(join(WORKSPACE, path), 'utf8'), path).toContain(file);
    // It joins blocks that begin with the name of a file: one that does not would be left out.
    for (const block of blocks) {
      if (block.page === page && block.language === 'ts')
        expect(block.code, `${page}:${block.line}`).toMatch(/^\/\/ \S+\n/);
    }
  }
});

test('everything type-checks', { timeout: TIMEOUT_MS }, async () => {
  const options = {
    extends: join(WORKSPACE, 'tsconfig.test.json'),
    compilerOptions: {
      module: 'esnext',
      moduleResolution: 'bundler',
      noUnusedLocals: false,
      noUnusedParameters: false,
      skipLibCheck: true,
      types: ['node'],
      typeRoots: [join(WORKSPACE, 'node_modules/@types')],
      rootDir: '/',
    },
    include: [`${root}/**/*.ts`],
  };
  write(join(root, 'tsconfig.json'), JSON.stringify(options));
  const tsc = join(WORKSPACE, 'node_modules/typescript/bin/tsc');
  const { stdout } = await runNode([tsc, '-p', join(root, 'tsconfig.json'), '--pretty', 'false'], root);
  // Of the workspace itself, its own check tells; there with the options that its packages need.
  const own = stdout.split('\n').filter((line) => /^(?!\.\.\/)(?!\/)\S+\(\d+,\d+\): error/.test(line));
  expect(own).toEqual([]);
});

test.each(
  programs
    .filter(({ page, file }) => RUN_ELSEWHERE[page] === undefined && !file.includes('.test.'))
    .map((program) => [program.name, program] as const),
)('%s runs as it stands', { timeout: TIMEOUT_MS }, async (_name, program) => {
  const path = join(folderOf(program), program.file);
  // What a page opens and does not close would keep the process.
  if (program.context !== undefined || !/\.close\(\)/.test(program.code))
    write(path, `${codeOf(program)}\nsetImmediate(() => process.exit());\n`);
  const args = ['--conditions', 'source', '--import', 'tsx', program.file];
  const { code, stdout, stderr } = await runNode(args, folderOf(program));
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  if (program.output !== undefined) expect(stdout).toBe(program.output);
});

test('the commands of the README work beside a universe that holds a history', { timeout: TIMEOUT_MS }, async () => {
  const fixture = new GitFixture('docs');
  fixture.write('one.txt', '1\n');
  fixture.commit('one');
  try {
    const cwd = makeScratch('docs-commands');
    expect(await runCli(['import', 'git', fixture.path], { cwd })).toMatchObject({ code: 0 });
    const lines = commands.flatMap(({ page, code }) =>
      code
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => ({ page, line })),
    );
    expect(lines.length).toBeGreaterThan(3);
    for (const { page, line } of lines) {
      const [, words = ''] = /^npx inner-universe ([^#|&;]+)/.exec(line) ?? [];
      expect(words, `${page}: '${line}' is run by nothing; say why in a comment before it`).not.toBe('');
      const done = await runCli(words.trim().split(/\s+/), { cwd });
      expect(done, `${line}\n${done.stderr}`).toMatchObject({ code: 0, signal: null });
      expect(done.stdout, line).not.toBe('');
    }
  } finally {
    fixture.remove();
  }
});
