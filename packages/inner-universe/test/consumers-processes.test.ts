import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openUniverse, type Universe } from '../src/index.ts';
import { makeDirectory, removeDirectory } from './forms.ts';
import { startProcess, type TestProcess } from './processes.ts';

let data: string;
const processes: TestProcess[] = [];

beforeEach(async () => {
  data = await makeDirectory();
});

afterEach(async () => {
  await Promise.all(processes.splice(0).map((started) => started.kill()));
  await removeDirectory(data);
});

function start(name: string, args: readonly string[]): TestProcess {
  const started = startProcess(name, args);
  processes.push(started);
  return started;
}

async function serve(port: number): Promise<{ address: string; token: string; server: TestProcess }> {
  const server = start('serve.ts', [data, String(port)]);
  return { ...(JSON.parse(await server.nextLine()) as { address: string; token: string }), server };
}

interface Copy {
  readonly number: number;
  readonly by: string;
  readonly key: string | undefined;
}

async function copiesOf(universe: Universe): Promise<readonly Copy[]> {
  const events = await universe.events.query({ pattern: 'copied' });
  return events.map(({ data: copy, source }) => ({ ...(copy as { number: number; by: string }), key: source }));
}

/** Reads the output of a worker until it says this. */
async function until(worker: TestProcess, text: string): Promise<void> {
  let line = '';
  while (line !== text) line = await worker.nextLine();
}

test('workers in several processes, killed again and again, and a server that is, handle every event once and in order', async () => {
  const { address, token, server } = await serve(0);
  const port = Number(new URL(address).port);
  const universe = await openUniverse({ server: address, token, onError: () => undefined });
  try {
    const startWorker = (name: string): TestProcess => start('consume.ts', [address, token, name, '3', '1']);
    const workers = ['a', 'b'].map(startWorker);
    for (const worker of workers) await until(worker, 'ready');
    let published = 0;
    const publish = async (count: number): Promise<void> => {
      const writes = Array.from({ length: count }, () => {
        const number = published++;
        return universe.events.publish('number', { number }, { source: `key-${number % 5}` });
      });
      await Promise.all(writes);
    };
    await publish(60);
    await workers[0]?.kill();
    const third = startWorker('c');
    await until(third, 'ready');
    await publish(60);
    await server.kill();
    const publishing = publish(30);
    await serve(port);
    await publishing;
    await workers[1]?.kill();
    await publish(30);
    await vi.waitFor(async () => expect(await copiesOf(universe)).toHaveLength(published), {
      timeout: 30_000,
      interval: 200,
    });
    const copies = await copiesOf(universe);
    const numbers = Array.from({ length: published }, (_, number) => number);
    expect(copies.map(({ number }) => number).sort((a, b) => a - b)).toEqual(numbers);
    for (const key of new Set(copies.map((copy) => copy.key))) {
      const own = copies.filter((copy) => copy.key === key).map(({ number }) => number);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
    expect(new Set(copies.map(({ by }) => by))).toContain('c');
    expect((await universe.client.getSystemStatus()).entities).toBe(BigInt(published));
    expect(await universe.consumers.deadLetters('copy').list()).toEqual([]);
  } finally {
    await universe.close();
  }
}, 90_000);

test('a process that is frozen past its lease writes nothing when it goes on, and is told', async () => {
  const { address, token } = await serve(0);
  const universe = await openUniverse({ server: address, token });
  try {
    const frozen = start('consume.ts', [address, token, 'frozen', '1', '500']);
    await until(frozen, 'ready');
    await universe.events.publish('number', { number: 1 });
    await until(frozen, 'handling 1');
    frozen.child.kill('SIGSTOP');
    const other = start('consume.ts', [address, token, 'other', '1', '0']);
    await until(other, 'handled 1');
    await universe.events.publish('number', { number: 2 });
    await until(other, 'handled 2');
    await vi.waitFor(async () => expect(await copiesOf(universe)).toHaveLength(2), { timeout: 10_000 });
    frozen.child.kill('SIGCONT');
    // It ends what it was doing, under an epoch that is not its own any more, and stands by again.
    const { workers } = await vi.waitFor(
      async () => {
        const status = await universe.consumers.status('copy');
        expect(status.workers).toHaveLength(2);
        return status;
      },
      { timeout: 20_000, interval: 100 },
    );
    expect(workers.some((worker) => worker.startsWith('frozen/'))).toBe(true);
    await other.kill();
    await universe.events.publish('number', { number: 3 });
    await until(frozen, 'handled 3');
    await vi.waitFor(async () => expect(await copiesOf(universe)).toHaveLength(3), { timeout: 10_000 });
    const copies = await copiesOf(universe);
    expect(copies.map(({ number, by }) => `${by} ${number}`)).toEqual(['other 1', 'other 2', 'frozen 3']);
  } finally {
    await universe.close();
  }
}, 60_000);
