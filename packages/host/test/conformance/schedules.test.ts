import { expect } from 'vitest';
import { DbConnection } from './fixtures/conf-calls-bindings.ts';
import { type ConformanceHost, fixture } from './forms.ts';
import { section } from './rule.ts';

const MS = 1000n;

async function planner(host: ConformanceHost): Promise<DbConnection> {
  return (await host.connect(DbConnection, { as: 'ada' })).connection;
}

const waiting = async (host: ConformanceHost, label: string): Promise<number> =>
  (await host.sql(`SELECT * FROM tick WHERE label = '${label}'`)).length;

section('Schedules', { module: fixture('conf-calls.ts') }, (rule) => {
  rule(
    'a row for a time calls its reducer once then, as the database, without a connection, and is gone',
    async (host) => {
      const connection = await planner(host);
      await connection.reducers.plan({ label: 'far away', delayMicros: 3_600_000n * MS, every: false });
      expect(await waiting(host, 'far away')).toBe(1);
      await connection.reducers.plan({ label: 'once', delayMicros: 20n * MS, every: false });
      await host.until(
        async () => (await host.noted('tick once')) !== undefined && (await waiting(host, 'once')) === 0,
      );
      // The row is there while the reducer runs, which is not before its time; nobody counts as internal.
      expect(await host.noted('how once')).toBe('true null false true false');
      await connection.reducers.plan({ label: 'marker', delayMicros: 20n * MS, every: false });
      await host.until(async () => (await host.noted('tick marker')) !== undefined);
      expect(await host.noted('tick once')).toBe('1');
    },
  );
  rule('a time that has passed is due at once', async (host) => {
    await (await planner(host)).reducers.plan({ label: 'overdue', delayMicros: -5n * MS, every: false });
    await host.until(async () => (await host.noted('tick overdue')) === '1');
  });
  rule('a row for an interval stays, and calls again and again until it is deleted', async (host) => {
    const connection = await planner(host);
    await connection.reducers.plan({ label: 'often', delayMicros: 10n * MS, every: true });
    await host.until(async () => Number((await host.noted('tick often')) ?? '0') >= 3);
    expect(await waiting(host, 'often')).toBe(1);
    await connection.reducers.cancel({ label: 'often' });
    const count = await host.noted('tick often');
    await connection.reducers.plan({ label: 'after often', delayMicros: 40n * MS, every: false });
    await host.until(async () => (await host.noted('tick after often')) !== undefined);
    expect(await host.noted('tick often')).toBe(count);
  });
  rule('a row that is deleted before its time calls nothing', async (host) => {
    const connection = await planner(host);
    await connection.reducers.plan({ label: 'cancelled', delayMicros: 250n * MS, every: false });
    await connection.reducers.cancel({ label: 'cancelled' });
    await connection.reducers.plan({ label: 'after cancelled', delayMicros: 270n * MS, every: false });
    await host.until(async () => (await host.noted('tick after cancelled')) !== undefined);
    expect(await host.noted('tick cancelled')).toBeUndefined();
  });
  rule('a row of a transaction that was taken back calls nothing', async (host) => {
    const connection = await planner(host);
    await expect(connection.reducers.plan({ label: 'rolled back', delayMicros: 1n, every: false })).rejects.toThrow(
      'taken back',
    );
    await connection.reducers.plan({ label: 'after rolled back', delayMicros: 20n * MS, every: false });
    await host.until(async () => (await host.noted('tick after rolled back')) !== undefined);
    expect(await host.noted('tick rolled back')).toBeUndefined();
  });
  rule('when the reducer fails, its row goes all the same', async (host) => {
    await (await planner(host)).reducers.plan({ label: 'fails', delayMicros: 1n, every: false });
    await host.until(() => host.logs.some((line) => line.includes('the tick fails')));
    await host.until(async () => (await waiting(host, 'fails')) === 0);
    expect(await host.noted('tick fails')).toBeUndefined();
  });
  rule('a reducer may plan itself again under a new id', async (host) => {
    await (await planner(host)).reducers.plan({ label: 'again with a new id', delayMicros: 1n, every: false });
    await host.until(async () => (await host.noted('tick again with a new id')) === '3');
    await host.until(async () => (await waiting(host, 'again with a new id')) === 0);
  });
  rule('the row of a procedure is gone before it runs, whatever becomes of it', async (host) => {
    const connection = await planner(host);
    for (const label of ['work', 'fails']) {
      await connection.reducers.planJob({ label });
      await host.until(async () => (await host.noted(`job ${label}`)) === '0 left null');
    }
    expect(await host.sql('SELECT * FROM job')).toEqual([]);
  });
  rule('a delay of more than two years is ScheduleAtDelayTooLong, and leaves no row', async (host) => {
    await (await planner(host)).reducers.planTooFar({});
    expect(await host.noted('too far')).toBe(
      'ScheduleAtDelayTooLong: Specified delay in scheduling row was too long 0',
    );
  });
  rule('rows written by SQL are armed and disarmed as those of a module are', async (host) => {
    await (await planner(host)).reducers.plan({ label: 'by SQL', delayMicros: 30n * MS, every: false });
    await host.sql(`DELETE FROM tick WHERE label = 'by SQL'`);
    await (await planner(host)).reducers.plan({ label: 'after SQL', delayMicros: 60n * MS, every: false });
    await host.until(async () => (await host.noted('tick after SQL')) !== undefined);
    expect(await host.noted('tick by SQL')).toBeUndefined();
  });
  rule('what is planned outlives a restart: what became due meanwhile runs, intervals go on', async (host) => {
    const connection = await planner(host);
    await connection.reducers.plan({ label: 'later', delayMicros: 200n * MS, every: false });
    await connection.reducers.plan({ label: 'steady', delayMicros: 100n * MS, every: true });
    await host.restart();
    await host.until(async () => (await host.noted('tick later')) === '1');
    const before = Number((await host.noted('tick steady')) ?? '0');
    await host.until(async () => Number((await host.noted('tick steady')) ?? '0') > before);
    await (await planner(host)).reducers.cancel({ label: 'steady' });
  });
});
