import { openUniverse } from 'inner-universe';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cleanUp, CliProcess, makeScratch, runCli, runHere, startServer, type CliOutcome } from './cli-process.ts';
import { makeOddHistory, type GitFixture } from './git-fixture.ts';
import { GitOracle } from './git-oracle.ts';

let fixture: GitFixture;
let oracle: GitOracle;
let data: string;
let address: string;
let server: CliProcess;
let freePort: number;

beforeAll(async () => {
  freePort = await makeFreePort();
  fixture = makeOddHistory();
  oracle = new GitOracle(fixture.path);
  data = join(makeScratch('commands'), 'data');
  // Through the directory while nobody serves it; everything below goes to the server of it.
  expect(await runCli(['import', 'git', fixture.path, '--data', data])).toMatchObject({ code: 0 });
  ({ process: server, address } = await startServer(data));
}, 60_000);
afterAll(async () => {
  await server?.stop();
  fixture?.remove();
  cleanUp();
});

/** In this process, which is quicker; each command is run as a process somewhere below, too. */
const look = (...args: string[]): Promise<CliOutcome> => runHere([...args, '--data', data]);

async function json(...args: string[]): Promise<unknown> {
  const outcome = await look(...args, '--json');
  expect(outcome, outcome.stderr).toMatchObject({ code: 0, signal: null, stderr: '' });
  return JSON.parse(outcome.stdout) as unknown;
}

function ownerToken(): string {
  return readFileSync(join(data, 'credentials', 'owner.token'), 'utf8').trim();
}

describe('looking at a universe', () => {
  test('status counts what is there', async () => {
    const commits = oracle.parents.size;
    expect(await json('status')).toMatchObject({
      target: `${data} (served at ${address})`,
      database: 'universe',
      counts: {
        events: commits,
        versions: commits,
        entities: expect.any(Number) as number,
        relations: expect.any(Number) as number,
      },
      branches: [{ store: 'git:tree', name: 'odd/main', head: `git:odd:${oracle.head}` }],
      stores: [{ name: 'git:tree' }],
    });
    const { stdout } = await look('status');
    expect(stdout).toMatch(/events\s+changes\s+entities\s+relations\s+versions/);
    expect(stdout).toContain(`git:odd:${oracle.head}`);
  });

  test('a server is named by its address and a token, on the command line or in the environment', async () => {
    const args = ['status', '--server', address, '--json'];
    const byOption = await runCli([...args, '--token', ownerToken()]);
    const byVariable = await runCli(args, { env: { INNER_UNIVERSE_TOKEN: ownerToken() } });
    for (const outcome of [byOption, byVariable]) {
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(JSON.parse(outcome.stdout)).toMatchObject({ target: address, counts: { versions: oracle.parents.size } });
    }
  });

  test('the state of some commits is what git lists, by id, by object id and by time', async () => {
    const commits = [...oracle.parents.keys()];
    const some = [commits[0], commits[3], commits.at(-3)].map((id) => id ?? '');
    const [newest = '', inside = '', early = ''] = some;
    const expected = (commit: string): object => ({
      store: 'git:tree',
      version: `git:odd:${commit}`,
      state: oracle.tree(commit),
    });
    expect(await json('state', 'show')).toEqual(expected(newest));
    expect(await json('state', 'show', '--store', 'git:tree', '--at', `git:odd:${inside}`)).toEqual(expected(inside));
    expect(await json('state', 'show', '--store', 'git:tree', '--at', early)).toEqual(expected(early));
    expect(await json('state', 'show', '--at', early.slice(0, 10))).toEqual(expected(early));
  });

  test('a time means the last version authored by then on the first-parent line', async () => {
    const line = fixture
      .git('log', '--first-parent', '--format=%H %at', 'HEAD')
      .trim()
      .split('\n')
      .map((text) => text.split(' '));
    const seconds = Number(line[6]?.[1]) + 1;
    const [commit = ''] = line.find(([, authored]) => Number(authored) <= seconds) ?? [];
    expect(commit).toBe(line[6]?.[0]);
    const time = new Date(seconds * 1000).toISOString();
    expect(await json('state', 'show', '--branch', 'main', '--at', time)).toMatchObject({
      version: `git:odd:${commit}`,
    });
  });

  test('versions are listed newest first, along a branch if asked, and shown with what they changed', async () => {
    const list = (await json('versions', 'log', '--limit', '1000')) as { id: string; parents: string[] }[];
    expect(new Set(list.map((entry) => entry.id))).toEqual(
      new Set([...oracle.parents.keys()].map((id) => `git:odd:${id}`)),
    );
    expect(list[0]?.id).toBe(`git:odd:${oracle.head}`);
    const line = fixture.git('rev-list', '--first-parent', 'HEAD').trim().split('\n');
    const branch = (await json('versions', 'log', '--branch', 'main', '--limit', '4')) as { id: string }[];
    expect(branch.map((entry) => entry.id)).toEqual(line.slice(0, 4).map((id) => `git:odd:${id}`));
    const merge = [...oracle.parents].find(([, parents]) => parents.length === 3) ?? ['', []];
    expect(await json('versions', 'show', merge[0])).toMatchObject({
      id: `git:odd:${merge[0]}`,
      parents: merge[1].map((id) => `git:odd:${id}`),
      author: 'Ada Lovelace <ada@example.org>',
      description: 'octopus',
    });
    expect((await look('versions', 'show', merge[0])).stdout).toMatch(/octopus[\s\S]*\+ two\.txt/);
  });

  test('a diff tells what turns one version into the other', async () => {
    const [to = '', from = ''] = fixture.git('rev-list', '-2', 'three').trim().split('\n');
    const { patch } = (await json('versions', 'diff', from, to)) as { patch: { op: string; path: string }[] };
    expect(patch.map((change) => [change.op, change.path])).toEqual([['add', '/three.txt']]);
    expect((await look('versions', 'diff', to, from)).stdout).toBe('- three.txt\n');
  });

  test('the graph knows who made what, and what it touched', async () => {
    const commit = `git:odd:${fixture.git('rev-parse', 'three').trim()}`;
    const shown = (await json('graph', 'show', commit)) as { entity: object; relations: { type: string }[] };
    expect(shown.entity).toMatchObject({ id: commit, type: 'git.commit', name: 'third branch' });
    expect(shown.relations.map((relation) => relation.type).sort()).toEqual([
      'authored',
      'parent',
      'parent',
      'touched',
    ]);
    const { neighbors } = (await json('graph', 'neighbors', commit, '--type', 'touched')) as {
      neighbors: { name: string }[];
    };
    expect(neighbors.map((entity) => entity.name)).toEqual(['three.txt']);
    expect((await look('graph', 'show', commit)).stdout).toContain('touched  git:odd:file:three.txt');
  });

  test('events are listed newest first, in both kinds', async () => {
    const events = (await json('events', 'list', '--limit', '3')) as {
      type: string;
      seq: number;
      data: { id: string };
    }[];
    expect(events.map((event) => event.type)).toEqual(['git.commit', 'git.commit', 'git.commit']);
    expect(events[0]?.data.id).toBe(oracle.head);
    expect((await look('events', 'list', '--limit', '1')).stdout).toContain(
      `git.commit  ${oracle.head.slice(0, 12)}  caf\u00e9\n`,
    );
    const [first] = (await json('events', 'list', '--kind', 'all', '--oldest-first', '--limit', '1')) as {
      type: string;
    }[];
    expect(first?.type).toBe('SYSTEM_INITIALIZED');
  });
});

test('an event that is published reaches those who tail, once', async () => {
  const tail = new CliProcess(['events', 'tail', '--type', 'order.*', '--json', '--data', data]);
  const ready = new CliProcess(['events', 'tail', '--type', 'order.*', '--data', data]);
  await ready.waitFor(/Waiting/);
  // The JSON one says nothing while it waits: it listens once an event of ours comes through.
  while (tail.stdout === '') expect(await look('events', 'publish', 'order.ping')).toMatchObject({ code: 0 });
  const published = (await json('events', 'publish', 'order.placed', '{"total":12.5}', '--source', 'shop')) as {
    id: string;
  };
  await tail.waitFor(/order\.placed.*\n/);
  await ready.waitFor(/order\.placed.*\n/);
  expect(await tail.stop()).toMatchObject({ code: 0 });
  expect(await ready.stop()).toMatchObject({ code: 0 });
  const events = tail.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; type: string });
  expect(events.filter((event) => event.type === 'order.placed')).toMatchObject([
    { id: published.id, source: 'shop', data: { total: 12.5 } },
  ]);
});

test('as processes, commands print what they print here', async () => {
  const commit = `git:odd:${oracle.head}`;
  const commands = [
    ['status', '--json'],
    ['events', 'list', '--limit', '2'],
    ['versions', 'log', '--json'],
    ['state', 'show', '--json'],
    ['graph', 'show', commit],
    ['graph', 'show', 'nobody', '--json'],
  ].map((words) => [...words, '--data', data]);
  const outcomes = await Promise.all(commands.map((words) => runCli(words)));
  for (const [index, words] of commands.entries()) {
    const { stdout, code } = await runHere(words);
    expect(outcomes[index]).toMatchObject({ code, signal: null });
    expect(withoutConnections(outcomes[index]?.stdout ?? '')).toBe(withoutConnections(stdout));
  }
});

/** How many are connected differs from moment to moment. */
function withoutConnections(text: string): string {
  return text.replace(/\{"name":"(client_connection|request)","rows":\d+[^}]*\},?/g, '');
}

describe('what is not there', () => {
  const cases: readonly (readonly [name: string, args: readonly string[], code: string, says: RegExp])[] = [
    ['a version', ['versions', 'show', 'nope'], 'cli/not-found', /no version 'nope'/],
    ['an object id', ['state', 'show', '--at', 'abcdef0123'], 'cli/not-found', /no version 'abcdef0123'/],
    ['a store', ['state', 'show', '--store', 'cart'], 'cli/not-found', /no state store 'cart'.*git:tree/],
    ['a branch', ['versions', 'log', '--branch', 'nope'], 'cli/not-found', /no branch 'nope'.*odd\/main/],
    [
      'a time before the beginning',
      ['state', 'show', '--at', '1970-01-02'],
      'cli/not-found',
      /had no version at 1970-01-02/,
    ],
    ['an entity', ['graph', 'show', 'nobody'], 'cli/not-found', /no entity 'nobody'/],
  ];
  test.each(cases)('%s', async (_, args, code, says) => {
    const outcome = await look(...args, '--json');
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toEqual({ error: { code, message: expect.stringMatching(says) as string } });
    expect(outcome.stderr).toMatch(says);
  });

  test('without --json, standard output stays empty', async () => {
    expect(await look('graph', 'show', 'nobody')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('nobody') as string,
    });
  });
});

describe('wrong usage exits 2 and says what is wrong', () => {
  const cases: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['nonsense'], /unknown command/],
    [['status', '--nonsense'], /unknown option/],
    [['import', 'git'], /missing required argument/],
    [['versions', 'log', '--limit', 'many'], /whole number/],
    [['serve', '--port', '70000'], /0 to 65535/],
    [['status', '--data', 'here', '--server', 'ws://localhost'], /not both/],
    [['events', 'publish', 'x', '{'], /not JSON/],
  ];
  test.each(cases)('%j', async (args, says) => {
    const outcome = await runHere([...args, '--json']);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(says);
    expect(JSON.parse(outcome.stdout)).toEqual({
      error: { code: 'cli/usage', message: expect.stringMatching(says) as string },
    });
  });

  test('as a process, too', async () => {
    expect(await runCli(['nonsense'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('unknown command') as string,
    });
  });

  test('help and version are no errors', async () => {
    expect(await runHere(['--help'])).toMatchObject({ code: 0, stdout: expect.stringContaining('import') as string });
    expect(await runHere(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    });
  });
});

/** A port that nobody listens on, as a server that was stopped leaves it. */
async function makeFreePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}

describe('servers that cannot be used', () => {
  const cases: readonly (readonly [name: string, args: () => readonly string[], code: string])[] = [
    ['not there', () => ['--server', `ws://127.0.0.1:${freePort}`], 'connection/unreachable'],
    ['a wrong token', () => ['--server', address, '--token', 'not.a.token'], 'connection/unauthorized'],
    ['no token', () => ['--server', address], 'connection/refused'],
    [
      'no such database',
      () => ['--server', address, '--token', ownerToken(), '--database', 'other'],
      'connection/no-such-database',
    ],
    ['no address', () => ['--server', 'over there'], 'config/invalid'],
  ];
  test.each(cases)('%s', async (_, args, code) => {
    const outcome = await runCli(['status', ...args(), '--json']);
    expect(outcome).toMatchObject({ code: 1, signal: null });
    expect(JSON.parse(outcome.stdout)).toEqual({ error: { code, message: expect.any(String) as string } });
    expect(outcome.stderr).toContain(code);
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
  });
});

test('a reader that goes away ends a command quietly', async () => {
  const outcome = await runCli(['state', 'show', '--data', data], { shell: '"$@" | head -c 1; exit ${PIPESTATUS[0]}' });
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
});

test('the program of the library sees what the commands see', async () => {
  const universe = await openUniverse({ server: address, token: ownerToken() });
  try {
    expect((await universe.states.load(`git:odd:${oracle.head}`)).tree.toValue()).toEqual(oracle.tree(oracle.head));
  } finally {
    await universe.close();
  }
});
