import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { cleanUp, CliProcess, makeScratch, runHere, WORKSPACE } from './cli-process.ts';

afterAll(cleanUp);

const BUNDLE = join(WORKSPACE, 'packages/module/dist/bundle.js');

test('serve --publisher lets a named identity create databases, and no other', async () => {
  const data = makeScratch('publisher');
  const first = new CliProcess(['serve', '--data', data, '--port', '0']);
  const [, before = ''] = await first.waitFor(/ at (http:\S+)/);
  const makeIdentity = async () =>
    (await (await fetch(`${before}/v1/identity`, { method: 'POST' })).json()) as { identity: string; token: string };
  const [named, alsoNamed, stranger] = [await makeIdentity(), await makeIdentity(), await makeIdentity()];
  await first.stop();

  const publishers = [named, alsoNamed].flatMap(({ identity }) => ['--publisher', identity]);
  const second = new CliProcess(['serve', '--data', data, '--port', '0', ...publishers]);
  const [, address = ''] = await second.waitFor(/ at (http:\S+)/);
  const create = async (name: string, token: string) => {
    const init = { method: 'PUT', headers: { authorization: `Bearer ${token}` }, body: readFileSync(BUNDLE) };
    return (await fetch(`${address}/v1/database/${name}?host_type=Js`, init)).status;
  };
  expect(await create('one', named.token)).toBe(200);
  expect(await create('two', alsoNamed.token)).toBe(200);
  expect(await create('three', stranger.token)).toBe(401);
  expect(await create('one', alsoNamed.token)).toBe(403);
  await second.stop();
});

test('an identity that is none is refused before anything is opened', async () => {
  const outcome = await runHere(['serve', '--data', join(makeScratch('publisher'), 'none'), '--publisher', 'ada']);
  expect(outcome.code).not.toBe(0);
  expect(outcome.stderr).toContain('Give an identity: 64 hexadecimal digits.');
});
