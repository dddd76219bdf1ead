import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Host } from '../../src/host.ts';
import { openHost } from '../../src/open-host.ts';
import { identityToHex } from '../../src/identity/identity.ts';
import type { RunningServer } from '../../src/server/serve.ts';
import { bundleOf } from '../module-database.ts';
import { WireClient } from '../session-fixtures/wire-client.ts';
import { oneOff } from '../session-fixtures/test-client.ts';

let host: Host;
let server: RunningServer;

beforeEach(async () => {
  host = await openHost({ memory: true, logger: { log: () => undefined } });
  await host.publish({ name: 'test', module: await bundleOf('sub-ruled.ts') });
  server = await host.serve({ host: '127.0.0.1', port: 0 });
});

afterEach(() => host.close());

async function call(token: string, name: string, args: readonly unknown[]): Promise<void> {
  const response = await fetch(`${server.address}/v1/database/test/call/${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(args),
  });
  expect([response.status, await response.text()]).toEqual([200, '']);
}

async function sql(token: string, text: string): Promise<unknown> {
  const response = await fetch(`${server.address}/v1/database/test/sql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: text,
  });
  expect(response.status).toBe(200);
  const [answer] = (await response.json()) as { rows: unknown }[];
  return answer?.rows;
}

test('rules of a submodule are kept for its tables, and for no others', async () => {
  const [ada, bob] = [await host.tokens.issue(), await host.tokens.issue()];
  await call(ada.token, 'lib.write_note', [1, 'ada']);
  await call(ada.token, 'lib.befriend', ['carl']);
  const notes = 'SELECT id FROM lib.secret_note';
  expect([await sql(ada.token, notes), await sql(bob.token, notes)]).toEqual([[[1]], []]);
  await call(bob.token, 'lib.befriend', ['ada']);
  expect(await sql(bob.token, notes)).toEqual([[1]]);
  expect(await sql(bob.token, 'SELECT "friendName" FROM "lib"."friend"')).toEqual([['ada']]);
  expect(await sql(bob.token, 'SELECT COUNT(*) AS n FROM lib.friend')).toEqual([[1]]);
  expect(await sql(bob.token, 'SELECT * FROM friend')).toEqual([[1]]);
  expect(await sql(host.ownerToken, 'SELECT COUNT(*) AS n FROM lib.friend')).toEqual([[2]]);
  const joined = `SELECT n.id FROM lib.secret_note n JOIN lib.friend f ON n.for_friends = f.friend_name WHERE f.me = 0x${identityToHex(bob.identity)}`;
  expect([await sql(ada.token, joined), await sql(bob.token, joined)]).toEqual([[], [[1]]]);
});

test('what is asked once on the socket goes by them too', async () => {
  const ada = await host.tokens.issue();
  await call(ada.token, 'lib.write_note', [1, 'ada']);
  const client = await WireClient.open(server.address);
  const answer = await client.ask(oneOff(1, 'SELECT * FROM lib.secret_note'));
  expect(answer).toMatchObject({ type: 'one-off', error: undefined, tables: [{ table: 'lib.secret_note', rows: [] }] });
});
