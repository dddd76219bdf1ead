import { expect, test } from 'vitest';
import type { TableDelta } from '../datastore/state-view.ts';
import type { TableDef } from '../schema/module-def.ts';
import { CallMetrics } from './call-metrics.ts';
import { METRICS } from './catalogue.ts';
import { MetricCollector } from './metric-collector.ts';
import { ServerMetrics } from './server-metrics.ts';
import { OTHER, TransactionMetrics } from './transaction-metrics.ts';

const ROW = new Uint8Array(1);

function change(id: number, inserts: number, deletes: number): TableDelta {
  const rows = (count: number) => Array.from({ length: count }, () => ROW);
  // Of the table only id and name are looked at.
  return { table: { id, name: `table${id}` } as TableDef, inserts: rows(inserts), deletes: rows(deletes) };
}

test('a transaction is counted with its rows when it is committed, and without them when it is rolled back', () => {
  let now = 1_000;
  const metrics = new TransactionMetrics(() => now);
  metrics.begin('Reducer', 'pay');
  now += 3;
  metrics.committed([change(7, 2, 1), change(8, 0, 4)]);
  metrics.begin('Reducer', 'pay');
  metrics.rolledBack();
  const [counts] = [...metrics.all()];
  expect(counts).toMatchObject({ workload: 'Reducer', functionName: 'pay', committed: 1, rolledBack: 1 });
  expect(counts?.elapsedSeconds.sum).toBeCloseTo(0.003);
  expect([...(counts?.rows.values() ?? [])]).toEqual([
    { tableId: 7, tableName: 'table7', inserted: 2, deleted: 1 },
    { tableId: 8, tableName: 'table8', inserted: 0, deleted: 4 },
  ]);
});

test('a transaction whose end nobody tells counts as rolled back when the next one begins', () => {
  const metrics = new TransactionMetrics(() => 0);
  metrics.begin('Procedure', 'a');
  metrics.begin('Sql', '');
  metrics.committed([]);
  expect(
    [...metrics.all()].map(({ functionName, committed, rolledBack }) => [functionName, committed, rolledBack]),
  ).toEqual([
    ['a', 0, 1],
    ['', 1, 0],
  ]);
});

test('functions above the limit are counted together, and nothing of them is lost', () => {
  const metrics = new TransactionMetrics(() => 0);
  for (let index = 0; index < 1_200; index++) {
    metrics.begin('Reducer', `reducer${index}`);
    metrics.committed([]);
  }
  const all = [...metrics.all()];
  expect(all).toHaveLength(1_001);
  expect(all.find(({ functionName }) => functionName === OTHER)?.committed).toBe(200);
});

test('pairs of functions and tables above the limit are counted together', () => {
  const metrics = new TransactionMetrics(() => 0);
  for (let index = 0; index < 3; index++) {
    metrics.begin('Reducer', `reducer${index}`);
    metrics.committed(Array.from({ length: 5_000 }, (_, id) => change(id, 1, 0)));
  }
  const rows = [...metrics.all()].flatMap((counts) => [...counts.rows.values()]);
  expect(rows).toHaveLength(10_001);
  expect(rows.find(({ tableName }) => tableName === OTHER)?.inserted).toBe(5_000);
});

test('calls above the limit of functions are counted together', () => {
  const metrics = new CallMetrics(() => 0, undefined);
  for (let index = 0; index < 1_005; index++) metrics.ended(metrics.of('view', `v${index}`), 'ok', 0, 0);
  const all = [...metrics.all()];
  expect(all).toHaveLength(1_001);
  expect(all.find(({ functionName }) => functionName === OTHER)?.outcomes).toEqual({ ok: 5, user_error: 0, failed: 0 });
});

test('methods that a client makes up are one series', () => {
  const metrics = new ServerMetrics();
  for (const method of ['GET', 'BREW', 'WHEN'])
    metrics.answered({ method, route: '/v1/ping', status: 200, elapsedMs: 1 });
  const into = new MetricCollector();
  metrics.collect(into, String);
  const family = into.families().find(({ name }) => name === 'inner_universe_host_http_requests_total');
  expect(family?.samples).toEqual([
    { labels: { method: 'GET', route: '/v1/ping', status: '200' }, value: 1 },
    { labels: { method: '(other)', route: '/v1/ping', status: '200' }, value: 2 },
  ]);
});

test('what is not in the catalogue, or has other labels, cannot be reported', () => {
  const into = new MetricCollector();
  expect(() => into.add('made_up_total', 1)).toThrow('catalogue');
  expect(() => into.add('spacetime_num_table_rows', 1, 'a')).toThrow('labels');
});

test('the catalogue has every name once, as Prometheus allows them', () => {
  const names = METRICS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, labels, help } of METRICS) {
    expect(name).toMatch(/^(spacetime|inner_universe_host)_[a-z0-9_]+$/);
    for (const label of labels) expect(label).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(help).not.toBe('');
  }
});
