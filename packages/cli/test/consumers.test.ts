import { openUniverse } from 'inner-universe';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cleanUp, makeScratch, runCli, runHere, startServer, type CliOutcome, type CliProcess } from './cli-process.ts';

let data: string;
let server: CliProcess;

beforeAll(async () => {
  data = join(makeScratch('consumers'), 'data');
  const universe = await openUniverse({ data, onError: () => undefined });
  const options = { pattern: 'order.**', startAt: 'beginning', retry: { attempts: 1 } } as const;
  for (const name of ['mail', 'strict']) {
    const failurePolicy = name === 'strict' ? 'stop' : 'park';
    const consumer = await universe.consumers.open(name, { ...options, failurePolicy, partitions: 2 });
    const stopping = new AbortController();
    const running = consumer.run(
      (event) => {
        if (event.data !== 3) throw new Error(`no address for ${String(event.data)}`);
      },
      { signal: stopping.signal },
    );
    for (const number of [1, 2, 3])
      await universe.events.publish('order.placed', number, { id: `${name}-${number}`, source: `${number}` });
    while ((await consumer.deadLetters.list()).length < 2);
    stopping.abort();
    await running;
  }
  await universe.close();
  ({ process: server } = await startServer(data));
}, 60_000);
afterAll(async () => {
  await server?.stop();
  cleanUp();
});

const look = (...args: string[]): Promise<CliOutcome> => runHere(['consumers', ...args, '--data', data]);

async function json(...args: string[]): Promise<unknown> {
  const outcome = await look(...args, '--json');
  expect(outcome, outcome.stderr).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(outcome.stdout) as unknown;
}

test('consumers are listed with how far they are and whether they stand still', async () => {
  const listed = (await json('list')) as { name: string; lag: number }[];
  for (const { name, lag } of listed) {
    const shown = (await json('show', name)) as { lag: number; partitionStates: { lag: number }[] };
    expect([shown.lag, shown.partitionStates.reduce((sum, one) => sum + one.lag, 0)]).toEqual([lag, lag]);
  }
  // Its own three were parked or handled, but for the last one at most; three came after it had stopped.
  expect([3, 4]).toContain(listed.find(({ name }) => name === 'mail')?.lag);
  // An event at which a partition stands is not handled.
  expect(listed.find(({ name }) => name === 'strict')?.lag).toBeGreaterThanOrEqual(2);
  expect(listed).toMatchObject([
    { name: 'mail', pattern: 'order.**', partitions: 2, workers: [] },
    { name: 'strict', failurePolicy: 'stop' },
  ]);
  const { stdout } = await runCli(['consumers', 'list', '--data', data]);
  expect(stdout).toMatch(/consumer\s+scope\s+pattern\s+partitions\s+workers\s+lag\s+state/);
  expect(stdout).toMatch(/mail .* idle/);
  expect(stdout).toMatch(/strict .* stopped/);
});

test('one is shown with its partitions, and where one stands', async () => {
  expect(await json('show', 'strict')).toMatchObject({
    partitionStates: [{ partition: 0 }, { partition: 1 }],
  });
  const { stdout } = await look('show', 'strict');
  expect(stdout).toContain('stops at events that fail');
  expect(stdout).toMatch(/stopped at mail-\d: Error: no address/);
  expect(await look('show', 'nobody')).toMatchObject({ code: 1, stderr: expect.stringContaining('nobody') as string });
});

test('dead letters are listed, asked for again, and discarded', async () => {
  const letters = (await json('dead-letters', 'mail')) as { eventId: string }[];
  expect(letters).toMatchObject([
    { eventId: 'mail-1', attempts: 1, state: 'parked', reason: 'Error: no address for 1' },
    { eventId: 'mail-2', attempts: 1, state: 'parked' },
  ]);
  expect((await look('dead-letters', 'mail')).stdout).toContain('Error: no address for 2');
  expect((await look('retry', 'mail', 'mail-1')).stdout).toContain('1 event of mail');
  expect(await json('dead-letters', 'mail')).toMatchObject([{ state: 'waiting' }, { state: 'parked' }]);
  expect(await json('retry', 'mail', '--all')).toEqual({ name: 'mail', retried: 1 });
  expect(await json('discard', 'mail', 'mail-1')).toEqual({ name: 'mail', discarded: 1 });
  expect(await json('discard', 'mail', '--all')).toEqual({ name: 'mail', discarded: 1 });
  expect((await look('dead-letters', 'mail')).stderr).toContain('no dead letters');
  expect(await look('retry', 'mail', 'mail-1')).toMatchObject({ code: 1 });
  expect(await look('discard', 'mail')).toMatchObject({ code: 2 });
});

test('a consumer is put to a position, of one partition or all', async () => {
  expect(await json('seek', 'mail', 'beginning', '--partition', '1')).toEqual({ name: 'mail', position: 'beginning' });
  const { partitionStates } = (await json('show', 'mail')) as { partitionStates: { offset: number }[] };
  expect(partitionStates[0]?.offset).toBeGreaterThan(0);
  expect(partitionStates[1]?.offset).toBe(0);
  expect(await json('seek', 'mail', '3')).toMatchObject({ position: '3' });
  expect(await json('show', 'mail')).toMatchObject({ partitionStates: [{ offset: 2 }, { offset: 2 }] });
  expect((await look('seek', 'mail', '2020-01-01T00:00:00Z')).stdout).toContain('mail goes on at 2020');
  expect(await look('seek', 'mail', 'yesterday')).toMatchObject({ code: 2 });
  expect(await look('seek', 'mail', 'now', '--partition', 'x')).toMatchObject({ code: 2 });
});
