import { expect, test } from 'vitest';
import { HostError } from './errors.ts';
import type { HostedDatabase } from './hosted-database.ts';
import { ServerMetrics } from './metrics/server-metrics.ts';
import { gatherMetrics } from './observing.ts';
import { ManualTime } from './testing/manual-time.ts';

function stub(identity: bigint, metrics: HostedDatabase['metrics']): HostedDatabase {
  // What else a database is does not matter here.
  return { identity, name: `db${identity}`, isolation: 'thread', programHash: 'f', metrics } as HostedDatabase;
}

test('a database that does not answer in time, or is stopped, is not up, and keeps nobody from the others', async () => {
  const timers = new ManualTime();
  const stopped = new HostError({ code: 'database/stopped', message: 'stopped' });
  const databases = [
    stub(1n, () => Promise.resolve([])),
    stub(2n, () => new Promise(() => undefined)),
    stub(3n, () => Promise.reject(stopped)),
  ];
  const gathered = gatherMetrics({ databases, server: new ServerMetrics(), timers });
  // Who answers at once has answered by then.
  await new Promise((resolve) => setImmediate(resolve));
  timers.advance(2_000_000n);
  const up = (await gathered).find(({ name }) => name === 'inner_universe_host_database_up');
  expect(up?.samples.map((sample) => 'value' in sample && sample.value)).toEqual([1, 0, 0]);
});

test('a bug is no silence', async () => {
  const databases = [stub(1n, () => Promise.reject(new TypeError('a bug')))];
  const gathered = gatherMetrics({ databases, server: new ServerMetrics(), timers: new ManualTime() });
  await expect(gathered).rejects.toThrow('a bug');
});
