import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import { identityToHex } from '../src/identity/identity.ts';
import { METRICS } from '../src/metrics/catalogue.ts';
import type { MetricDistribution, MetricFamily, MetricLabels } from '../src/metrics/metric-family.ts';
import type { RunningServer } from '../src/server/serve.ts';
import { createTestHost } from '../src/testing/test-host.ts';
import { bundleOf } from './module-database.ts';
import { connectPeople, followPeople, type PeopleConnection } from './session-fixtures/people-client.ts';

let data: string;
let host: Host;
let server: RunningServer;
let db: string;
let ada: PeopleConnection;

const silent = { log: () => undefined };

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'inner-universe-metrics-'));
  host = await openHost({ data, logger: silent });
  await host.createDatabase({ name: 'test', module: await bundleOf('people.ts') });
  server = await host.serve({ host: '127.0.0.1', port: 0 });
  db = identityToHex(host.database('test').identity);
  ada = (await connectPeople(host, { address: server.address })).connection;
  await followPeople(ada, 'SELECT * FROM person');
  await ada.reducers.addPerson({ name: 'ada', team: 'red', age: 36 });
  await ada.reducers.addPerson({ name: 'bob', team: 'red', age: 40 });
  await ada.reducers.renamePerson({ id: 1n, name: 'eva' });
  await expect(ada.reducers.renamePerson({ id: 99n, name: 'x' })).rejects.toThrow('no person 99');
  await expect(ada.reducers.failAfterWrite({ how: 'error' })).rejects.toThrow();
  expect(await ada.procedures.countPeople({ team: 'red' })).toBe(2n);
});

afterAll(async () => {
  ada.disconnect();
  await host.close();
  await rm(data, { recursive: true, force: true });
});

function read(token?: string, query = ''): Promise<Response> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${server.address}/v1/metrics${query}`, { headers });
}

function family(families: readonly MetricFamily[], name: string): MetricFamily {
  const found = families.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

const matches = (labels: MetricLabels, wanted: MetricLabels): boolean =>
  Object.entries(wanted).every(([name, value]) => labels[name] === value);

/** The value of the one sample with these labels; undefined without one. */
function valueOf(families: readonly MetricFamily[], name: string, wanted: MetricLabels = {}): number | undefined {
  const found = family(families, name);
  if (found.type === 'histogram') throw new Error(`${name} is a histogram`);
  const samples = found.samples.filter(({ labels }) => matches(labels, wanted));
  expect(samples.length).toBeLessThan(2);
  return samples[0]?.value;
}

function distributionOf(
  families: readonly MetricFamily[],
  name: string,
  wanted: MetricLabels = {},
): MetricDistribution {
  const found = family(families, name);
  if (found.type !== 'histogram') throw new Error(`${name} is no histogram`);
  const [sample] = found.samples.filter(({ labels }) => matches(labels, wanted));
  if (sample === undefined) throw new Error(`${name} has no such sample`);
  return sample;
}

describe('what is counted of a database', () => {
  test('transactions by function, committed and rolled back', async () => {
    const families = await host.metrics();
    const txns = (reducer: string, committed: string) =>
      valueOf(families, 'spacetime_num_txns_total', { txn_type: 'Reducer', db, reducer, committed });
    expect(txns('add_person', 'true')).toBe(2);
    expect(txns('rename_person', 'true')).toBe(1);
    expect(txns('rename_person', 'false')).toBe(1);
    expect(txns('fail_after_write', 'true')).toBe(0);
    expect(txns('fail_after_write', 'false')).toBe(1);
    expect(txns('init', 'true')).toBe(1);
    expect(txns('on_connect', 'true')).toBe(1);
    const elapsed = distributionOf(families, 'spacetime_txn_elapsed_time_sec', { reducer: 'add_person' });
    expect(elapsed.count).toBe(2);
    expect(elapsed.sum).toBeGreaterThan(0);
  });

  test('calls by how they ended, procedures too', async () => {
    const families = await host.metrics();
    const calls = (name: string, outcome: string) =>
      valueOf(families, 'inner_universe_host_calls_total', { db, function: name, outcome });
    expect(calls('add_person', 'ok')).toBe(2);
    expect(calls('rename_person', 'user_error')).toBe(1);
    expect(calls('fail_after_write', 'failed')).toBe(1);
    expect(calls('fail_after_write', 'ok')).toBeUndefined();
    expect(calls('count_people', 'ok')).toBe(1);
    expect(
      distributionOf(families, 'inner_universe_host_call_duration_seconds', { function: 'count_people' }).count,
    ).toBe(1);
  });

  test('rows that are there, that were changed and that were read, by table', async () => {
    const families = await host.metrics();
    const person = { db, table_name: 'person' };
    expect(valueOf(families, 'spacetime_num_table_rows', person)).toBe(2);
    expect(valueOf(families, 'spacetime_table_size_bytes', person)).toBeGreaterThan(20);
    const changed = (name: string, reducer: string) =>
      valueOf(families, name, { ...person, txn_type: 'Reducer', reducer_or_query: reducer });
    expect(changed('spacetime_num_rows_inserted_total', 'add_person')).toBe(2);
    expect(changed('spacetime_num_rows_inserted_total', 'rename_person')).toBe(1);
    expect(changed('spacetime_num_rows_deleted_total', 'rename_person')).toBe(1);
    expect(changed('spacetime_num_rows_inserted_total', 'fail_after_write')).toBeUndefined();
    // One was found to be renamed, two were counted by the procedure.
    expect(valueOf(families, 'inner_universe_host_table_rows_read_total', person)).toBe(3);
    expect(valueOf(families, 'spacetime_num_rows_scanned_total', { db, txn_type: 'Procedure' })).toBe(2);
  });

  test('subscriptions and clients', async () => {
    const families = await host.metrics();
    const ofDatabase = { database_identity: db };
    expect(valueOf(families, 'spacetime_worker_connected_clients', ofDatabase)).toBe(1);
    expect(valueOf(families, 'spacetime_worker_ws_clients_spawned', ofDatabase)).toBe(1);
    expect(valueOf(families, 'spacetime_subscription_connections', ofDatabase)).toBe(1);
    expect(valueOf(families, 'spacetime_active_queries', ofDatabase)).toBeGreaterThan(0);
    expect(valueOf(families, 'spacetime_num_delta_queries_evaluated', { db })).toBeGreaterThanOrEqual(3);
    expect(valueOf(families, 'spacetime_num_delta_queries_matched', { db })).toBeGreaterThanOrEqual(3);
    expect(distributionOf(families, 'inner_universe_host_subscribe_duration_seconds', { db }).count).toBe(1);
    // A subscription, five calls of reducers and one of a procedure, in one payload or several.
    expect(valueOf(families, 'spacetime_websocket_requests_total', { ...ofDatabase, protocol: 'v3' })).toBe(7);
    expect(distributionOf(families, 'spacetime_websocket_request_msg_size', { protocol: 'v3' }).sum).toBeGreaterThan(
      50,
    );
    expect(distributionOf(families, 'spacetime_websocket_sent_msg_size_bytes', { db }).sum).toBeGreaterThan(200);
    expect(valueOf(families, 'inner_universe_host_messages_sent_total', { db })).toBeGreaterThanOrEqual(8);
    expect(valueOf(families, 'inner_universe_host_websocket_connections')).toBe(1);
  });

  test('the log: every record became durable in some batch', async () => {
    const families = await host.metrics();
    const next = valueOf(families, 'inner_universe_host_log_next_offset', { db });
    expect(next).toBe(valueOf(families, 'inner_universe_host_log_durable_offset', { db }));
    const batches = distributionOf(families, 'inner_universe_host_log_batch_records', { db });
    expect(batches.sum).toBe(next);
    expect(distributionOf(families, 'inner_universe_host_log_sync_duration_seconds', { db }).count).toBe(batches.count);
    expect(valueOf(families, 'inner_universe_host_read_only', { db })).toBe(0);
  });

  test('calls that are not let through, and SQL', async () => {
    const { database } = host.database('test');
    const nobody = { identity: 5n, connectionId: 0n };
    await database.callReducer(nobody, 'no_such_reducer', new Uint8Array());
    await database.callReducer(nobody, 'add_person', new Uint8Array([9]));
    await host.sql('test', "INSERT INTO note VALUES ('n', 1); SELECT * FROM person");
    const families = await host.metrics();
    const refused = (reason: string) => valueOf(families, 'inner_universe_host_refused_calls_total', { db, reason });
    expect([refused('unknown-function'), refused('invalid-arguments')]).toEqual([1, 1]);
    expect(valueOf(families, 'spacetime_num_txns_total', { db, txn_type: 'Sql', committed: 'true' })).toBe(1);
    expect(valueOf(families, 'spacetime_num_rows_scanned_total', { db, txn_type: 'Sql' })).toBe(2);
    expect(distributionOf(families, 'inner_universe_host_statement_duration_seconds', { db }).count).toBe(2);
  });

  test('a client that went is counted by why it went', async () => {
    const { connection: bob } = await connectPeople(host);
    const before = await host.metrics();
    expect(valueOf(before, 'spacetime_worker_connected_clients', { database_identity: db })).toBe(2);
    bob.disconnect();
    await expect
      .poll(async () => valueOf(await host.metrics(), 'spacetime_worker_connected_clients', { database_identity: db }))
      .toBe(1);
    const families = await host.metrics();
    const cause = { database_identity: db, cause: 'client' };
    expect(valueOf(families, 'spacetime_worker_ws_client_disconnections_total', cause)).toBe(1);
    expect(valueOf(families, 'spacetime_worker_ws_clients_aborted', { database_identity: db })).toBe(0);
  });
});

describe('who may read GET /v1/metrics', () => {
  test('the owner of the host reads all of them as text of Prometheus', async () => {
    const response = await read(host.ownerToken);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    expect(text).toContain(`spacetime_num_table_rows{db="${db}",table_id="`);
    expect(text).toContain(`inner_universe_host_database_up{db="${db}"} 1\n`);
    // Every line is of a known metric, in the form that Prometheus reads.
    const sample = /^([a-z0-9_]+)(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? (\d+(\.\d+)?(e[+-]\d+)?)$/;
    const names = new Set(METRICS.map(({ name }) => name));
    for (const line of text.trimEnd().split('\n')) {
      if (line.startsWith('#')) continue;
      expect(line).toMatch(sample);
      expect(names).toContain(/^[a-z0-9_]+/.exec(line)?.[0].replace(/_(bucket|sum|count)$/, ''));
    }
  });

  test('nobody else does: not without a token, not with one that the host gives to anybody, and no bad one', async () => {
    expect((await read()).status).toBe(401);
    const { token } = await host.tokens.issue();
    const refused = await read(token);
    expect(refused.status).toBe(403);
    expect(await refused.text()).not.toContain(db);
    expect((await read('nonsense')).status).toBe(401);
  });

  test("everybody does when the configuration says 'public'", async () => {
    const open = await openHost({ memory: true, logger: silent });
    try {
      const { address } = await open.serve({ host: '127.0.0.1', port: 0, metrics: 'public' });
      const response = await fetch(`${address}/v1/metrics`);
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('inner_universe_host_resident_memory_bytes');
    } finally {
      await open.close();
    }
  });

  test('requests are counted by the route that answered them, whatever their paths', async () => {
    await fetch(`${server.address}/v1/database/test`);
    await fetch(`${server.address}/v1/database/nothing-of-that-name`);
    await fetch(`${server.address}/v1/made/up/${'x'.repeat(50)}`);
    await fetch(`${server.address}/elsewhere`);
    const families = await host.metrics();
    const requests = (route: string, status: string) =>
      valueOf(families, 'inner_universe_host_http_requests_total', { method: 'GET', route, status });
    expect(requests('/v1/database/:name', '200')).toBe(1);
    expect(requests('/v1/database/:name', '404')).toBe(1);
    expect(requests('(none)', '404')).toBe(2);
    expect(requests('/v1/metrics', '401')).toBe(2);
    expect(requests('/v1/metrics', '403')).toBe(1);
    expect(
      distributionOf(families, 'inner_universe_host_http_request_duration_seconds', { route: '(none)' }).count,
    ).toBe(2);
  });

  test('refused upgrades are counted', async () => {
    const { token } = await host.tokens.issue('banned');
    await expect(connectPeople(host, { address: server.address, token })).rejects.toThrow();
    const families = await host.metrics();
    expect(valueOf(families, 'inner_universe_host_websocket_refusals_total', { status: '403' })).toBe(1);
    expect(valueOf(families, 'spacetime_worker_ws_client_rejections_total', { database_identity: db })).toBe(1);
  });
});

test('the page of metrics lists those of the code, and no others', async () => {
  const page = await readFile(new URL('../docs/metrics.md', import.meta.url), 'utf8');
  const rows = METRICS.map(({ name, type, labels, help, series }) => {
    const labelText = labels.map((label) => `\`${label}\``).join(', ');
    return [`\`${name}\``, type, labelText, help.replaceAll('|', '\\|'), series];
  });
  const listed = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
  expect(listed).toEqual(rows);
});

describe('what goes wrong, and what takes its time', () => {
  let broken: Host;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'inner-universe-broken-'));
    const limits = { sessions: { outboxMessagesMax: 1 } };
    broken = await openHost({ data: folder, logger: silent, limits, callTimeLimitMs: 100 });
    await broken.createDatabase({ name: 'test', module: await bundleOf('people.ts') });
    await broken.createDatabase({ name: 'runaway', module: await bundleOf('runaway.ts') });
  });

  afterAll(async () => {
    await broken.close();
    await rm(folder, { recursive: true, force: true });
  });

  test('a client that is dropped because too much waits for it', async () => {
    const { connection } = await connectPeople(broken);
    const slow = { cause: 'slow', database_identity: identityToHex(broken.database('test').identity) };
    // The SDK leaves calls open whose connection ends.
    for (const name of ['a', 'b', 'c', 'd']) void connection.reducers.addPerson({ name, team: 'red', age: 1 });
    const dropped = async () =>
      valueOf(await broken.metrics(), 'spacetime_worker_ws_client_disconnections_total', slow);
    await expect.poll(dropped).toBe(1);
    const families = await broken.metrics();
    const name = identityToHex(broken.database('test').identity);
    expect(valueOf(families, 'spacetime_client_outgoing_queue_disconnects_total', { db: name })).toBe(1);
    expect(valueOf(families, 'spacetime_worker_ws_clients_aborted', { database_identity: name })).toBe(1);
  });

  test('calls that are ended by the time limit, and realms that take the place of broken ones', async () => {
    const { database, identity } = broken.database('runaway');
    const nobody = { identity: 5n, connectionId: 0n };
    await database.callReducer(nobody, 'loop_over_rows', new Uint8Array());
    await database.callReducer(nobody, 'loop_over_rows', new Uint8Array());
    const families = await broken.metrics();
    const of = { db: identityToHex(identity) };
    expect(valueOf(families, 'inner_universe_host_time_limit_hits_total', of)).toBe(2);
    expect(valueOf(families, 'inner_universe_host_module_realms_replaced_total', of)).toBe(1);
    expect(valueOf(families, 'inner_universe_host_module_realms_created_total', of)).toBe(2);
    expect(
      valueOf(families, 'inner_universe_host_calls_total', { ...of, function: 'loop_over_rows', outcome: 'failed' }),
    ).toBe(2);
  });

  test('snapshots', async () => {
    const { database, identity } = broken.database('test');
    await database.snapshot();
    const families = await broken.metrics();
    const of = { db: identityToHex(identity) };
    expect(distributionOf(families, 'spacetime_snapshot_creation_time_total_sec', of).count).toBe(1);
    expect(valueOf(families, 'inner_universe_host_snapshot_size_bytes', of)).toBeGreaterThan(100);
  });

  test('scheduled calls that begin late', async () => {
    const test = await createTestHost({ module: await bundleOf('people.ts') });
    try {
      const every = new Uint8Array([1, 0, 0, 0, 0x61, 0x40, 0x42, 0x0f, 0, 0, 0, 0, 0, 1]);
      test.hosted.database.callReducer({ identity: 1n, connectionId: 0n }, 'schedule', every);
      test.time.set(test.time.nowMicros() + 1_500_000n);
      test.time.advance(0n);
      const families = await test.hosted.metrics();
      const delay = distributionOf(families, 'spacetime_scheduled_function_delay_seconds', { function: 'on_tick' });
      expect([delay.count, delay.sum]).toEqual([1, 0.5]);
      expect(valueOf(families, 'inner_universe_host_scheduled_rows')).toBe(1);
    } finally {
      await test.close();
    }
  });
});
