import { openUniverse } from 'inner-universe';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanUp, makeScratch, runHere, startServer, type CliOutcome, type CliProcess } from './cli-process.ts';

let data: string;
let server: CliProcess;
let address: string;

beforeAll(async () => {
  data = join(makeScratch('grants'), 'data');
  const universe = await openUniverse({ data });
  for (const scope of ['main', 'lab'])
    await universe.client.publishEvent({
      eventId: `of-${scope}`,
      eventType: `${scope}.happened`,
      typeVersion: 1,
      scope,
      source: '',
      partitionKey: '',
      data: '{}',
      dataEncoding: '',
      metadata: '{}',
      metadataEncoding: '',
      durability: 'durable',
    });
  await universe.close();
  ({ process: server, address } = await startServer(data));
}, 60_000);
afterAll(async () => {
  await server?.stop();
  cleanUp();
});

interface Somebody {
  readonly identity: string;
  readonly token: string;
}

const asOwner = (...args: string[]): Promise<CliOutcome> => runHere([...args, '--data', data]);
const look = ({ token }: Somebody): Promise<CliOutcome> =>
  runHere(['events', 'list', '--server', address, '--token', token, '--json']);

async function json<T>(args: readonly string[]): Promise<T> {
  const outcome = await runHere([...args, '--json']);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(outcome.stdout) as T;
}

const makeSomebody = (): Promise<Somebody> => json(['identities', 'new', '--server', address]);

async function expectRefused(somebody: Somebody): Promise<void> {
  const outcome = await look(somebody);
  expect(outcome.code).toBe(1);
  expect(JSON.parse(outcome.stdout)).toMatchObject({ error: { code: 'connection/refused' } });
  expect(outcome.stderr).toContain('inner-universe grants add');
  expect(outcome.stderr).not.toContain(somebody.token);
}

async function expectRead(somebody: Somebody, ids: readonly string[]): Promise<void> {
  const outcome = await look(somebody);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  for (const id of ['of-main', 'of-lab']) expect(outcome.stdout.includes(id), id).toBe(ids.includes(id));
}

test('a new identity is let in by a grant, reads that scope alone, and is shut out by taking it back', async () => {
  const ada = await makeSomebody();
  expect(ada.identity).toMatch(/^[0-9a-f]{64}$/);
  await expectRefused(ada);
  const words = [ada.identity, 'read', 'scope:main'];
  const granted = await asOwner('grants', 'add', ...words);
  expect(granted).toMatchObject({ code: 0, stdout: `${ada.identity} may read scope:main\n` });
  await expectRead(ada, ['of-main']);
  const { grants } = await json<{ grants: object[] }>(['grants', 'list', '--subject', ada.identity, '--data', data]);
  expect(grants).toMatchObject([{ subject: ada.identity, action: 'read', resource: 'scope:main' }]);
  expect((await asOwner('grants', 'remove', ...words)).code).toBe(0);
  await expectRefused(ada);
  expect(await asOwner('grants', 'remove', ...words)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no such grant') as string,
  });
});

test('a role gives its members what it holds, for as long as they are in it', async () => {
  const bob = await makeSomebody();
  await asOwner('grants', 'add', 'role:lab', 'read', 'event:**', '--scope', 'lab');
  await expectRefused(bob);
  expect((await asOwner('grants', 'roles', 'add', 'lab', bob.identity)).stdout).toContain('in the role lab');
  await expectRead(bob, ['of-lab']);
  expect(await json(['grants', 'roles', 'list', '--data', data])).toMatchObject([
    { role: 'lab', member: bob.identity },
  ]);
  const { stdout } = await asOwner('grants', 'list');
  expect(stdout).toMatch(/role:lab\s+read\s+event:\*\*\s+lab\s+never/);
  expect(stdout).toMatch(/lab\s+[0-9a-f]{64}\s+\d{4}-/);
  expect((await asOwner('grants', 'roles', 'remove', 'lab', bob.identity)).code).toBe(0);
  await expectRefused(bob);
});

test('a grant ends when it was said to, and may be given again for longer', async () => {
  const eve = await makeSomebody();
  const words = [eve.identity, 'read', 'scope:main'];
  await asOwner('grants', 'add', ...words, '--expires', '2020-01-01');
  await expectRefused(eve);
  const renewed = await asOwner('grants', 'add', ...words, '--expires', '2120-01-01T00:00:00Z');
  expect(renewed.stdout).toContain('until 2120-01-01T00:00:00.000Z');
  await expectRead(eve, ['of-main']);
});

test('only who may administer grants gives, takes or sees them', async () => {
  const mallory = await makeSomebody();
  await asOwner('grants', 'add', mallory.identity, 'read', 'scope:main');
  const asMallory = ['--server', address, '--token', mallory.token];
  for (const words of [
    ['list'],
    ['add', mallory.identity, 'write', 'scope:*'],
    ['roles', 'add', 'lab', mallory.identity],
  ])
    expect(await runHere(['grants', ...words, ...asMallory]), words.join(' ')).toMatchObject({ code: 1, stdout: '' });
});

test('a grant that makes no sense is told before anything is granted', async () => {
  const { identity } = await makeSomebody();
  for (const [words, message] of [
    [['ada', 'read', 'scope:main'], '64 hexadecimal digits'],
    [[identity, 'look', 'scope:main'], 'one of read, write'],
    [[identity, 'read', 'main'], 'a kind and a name'],
  ] as const) {
    const outcome = await asOwner('grants', 'add', ...words);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(message);
  }
  expect((await asOwner('grants', 'add', identity, 'read', 'scope:main', '--expires', 'tomorrow')).code).toBe(2);
  const { grants } = await json<{ grants: object[] }>(['grants', 'list', '--subject', identity, '--data', data]);
  expect(grants).toEqual([]);
});

test('a directory makes identities whether it is served or not, and keeps what they were granted', async () => {
  const served = await json<Somebody>(['identities', 'new', '--data', data]);
  await expectRefused(served);
  const alone = join(makeScratch('grants'), 'data');
  await (await openUniverse({ data: alone })).close();
  const carol = await json<Somebody>(['identities', 'new', '--data', alone]);
  await json(['grants', 'add', carol.identity, 'read', 'scope:main', '--data', alone]);
  const started = await startServer(alone);
  try {
    const outcome = await runHere(['events', 'list', '--server', started.address, '--token', carol.token]);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  } finally {
    await started.process.stop();
  }
  const { stdout, stderr } = await runHere(['identities', 'new', '--data', alone]);
  expect(stdout).toMatch(/^identity {2}[0-9a-f]{64}\ntoken {5}eyJ\S+\n$/);
  expect(stderr).toContain('secret');
});
