import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { RunningServer } from '../src/server/serve.ts';
import { createTestHost, type TestHost } from '../src/testing/test-host.ts';
import { bundleOf } from './module-database.ts';

let host: TestHost;
let server: RunningServer;

beforeEach(async () => {
  host = await createTestHost({
    module: { path: fileURLToPath(new URL('fixtures/http-handlers.ts', import.meta.url)) },
  });
  server = await host.host.serve({ host: '127.0.0.1', port: 0 });
});

afterEach(() => host.close());

const post = (path: string, body: string): Promise<Response> =>
  fetch(`${server.address}/v1/database/${host.databaseName}/${path}`, { method: 'POST', body });

const countNotes = async (): Promise<unknown> => (await host.sql('SELECT COUNT(*) AS n FROM note'))[0]?.['n'];

/** Lets the server go on until the condition holds. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}

test('a route is answered when what it tells of is durable', async () => {
  host.storage.hold();
  let isAnswered = false;
  const answering = post('route/notes', 'first').finally(() => (isAnswered = true));
  const { committed, def } = host.hosted.database;
  const table = def.tables.find(({ name }) => name === 'note')!.id;
  await until(() => committed.table(table).rowCount === 1);
  // What only reads tells of it, too.
  const reading = fetch(`${server.address}/v1/database/${host.databaseName}/route/notes/count`);
  await until(() => host.hosted.database.status().nextOffset > host.hosted.database.durableOffset);
  expect(isAnswered).toBe(false);
  host.storage.release();
  expect((await answering).status).toBe(201);
  expect(await (await reading).text()).toBe('1');
});

test('requests that come while a program is exchanged are answered by the new one', async () => {
  host.storage.hold();
  const module = `${await bundleOf('http-handlers.ts')}\n// another program`;
  const publishing = host.host.publish({ name: host.databaseName, module });
  await until(() => !host.hosted.database.writable);
  // Looked at, not replaced: tells who waits by now.
  const waiting = vi.spyOn(host.hosted.database, 'whenWritable');
  const token = await host.tokenOf('owner');
  const sql = fetch(`${server.address}/v1/database/${host.databaseName}/sql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: "INSERT INTO note (id, text) VALUES (0, 'by SQL')",
  });
  const inProcess = host.sql("INSERT INTO note (id, text) VALUES (0, 'in process')");
  const route = post('route/notes', 'by a route');
  await until(() => waiting.mock.calls.length >= 3);
  host.storage.release();
  expect((await publishing).outcome).toBe('updated');
  expect([(await route).status, (await sql).status]).toEqual([201, 200]);
  await inProcess;
  expect(await countNotes()).toBe(3n);
});
