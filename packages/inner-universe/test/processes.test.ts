import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openUniverse } from '../src/index.ts';
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

test('what was acknowledged survives kill -9 of the process that embeds the host, again and again', async () => {
  for (const acknowledged of [20, 35]) {
    const publisher = start('endless-publisher.ts', [data]);
    let last = -1;
    while (last < acknowledged) last = Number(await publisher.nextLine());
    await publisher.kill();
    const universe = await openUniverse({ data });
    try {
      const numbers = (await universe.events.query({ pattern: 'number' })).map(
        ({ data: value }) => (value as { number: number }).number,
      );
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, number) => number));
      expect(numbers.length).toBeGreaterThan(last);
      const store = await universe.states.open('numbers', { last: -1 });
      expect(store.state.last).toBeGreaterThanOrEqual(last);
      expect(await store.verify()).toMatchObject({ ok: true });
      const entity = await universe.graph.getEntity('last');
      expect(entity?.properties['number']).toBeGreaterThanOrEqual(last);
    } finally {
      await universe.close();
    }
  }
});

test('closing sends what waits and lets the process exit', async () => {
  const publisher = start('publish-and-close.ts', [data, '3000']);
  expect(await publisher.ended()).toBe(0);
  const universe = await openUniverse({ data });
  expect((await universe.client.getSystemStatus()).events).toBe(3000n);
  await universe.close();
});

test('two processes on one server answer each other, and exit by themselves', async () => {
  const { address, token } = await serve(0);
  const talkers = ['one', 'two'].map((name) => start('talk.ts', [address, token, name]));
  for (const talker of talkers) expect(await talker.nextLine()).toBe('ready');
  const universe = await openUniverse({ server: address, token });
  try {
    const answers: string[] = [];
    universe.events.subscribe('answer', ({ data: value }) => {
      const { number, by } = value as { number: number; by: string };
      answers.push(`${by} ${number}`);
    });
    const store = await universe.states.open('talk', { said: [] as string[] });
    for (let number = 0; number < 5; number += 1) {
      await universe.events.publish('ask', { number });
      await vi.waitFor(() => expect(answers).toHaveLength(2 * number + 2), { timeout: 10_000 });
      // Both commit at the same time, and each says everything once.
      await vi.waitFor(() => expect(store.state.said).toHaveLength(2 * number + 2), { timeout: 10_000 });
    }
    expect(answers.filter((answer) => answer.startsWith('one'))).toEqual(
      [0, 1, 2, 3, 4].map((number) => `one ${number}`),
    );
    expect(answers.filter((answer) => answer.startsWith('two'))).toEqual(
      [0, 1, 2, 3, 4].map((number) => `two ${number}`),
    );
    await universe.events.publish('stop', {});
    for (const talker of talkers) expect(await talker.ended()).toBe(0);
    expect(await universe.graph.query({ type: 'answer' })).toHaveLength(10);
  } finally {
    await universe.close();
  }
});

test('after kill -9 of the server and its return, calls on their way are applied once and the feed goes on', async () => {
  const first = await serve(0);
  const port = Number(new URL(first.address).port);
  const errors: unknown[] = [];
  const universe = await openUniverse({
    server: first.address,
    token: first.token,
    onError: (error) => errors.push(error),
  });
  try {
    const seen: number[] = [];
    universe.events.subscribe('number', ({ data: value }) => seen.push((value as { number: number }).number));
    const store = await universe.states.open('store', { count: 0 });
    await universe.graph.load();
    const changed: string[] = [];
    universe.graph.subscribe((change) => changed.push(change.id));
    let published = 0;
    const publish = (): Promise<string> => universe.events.publish('number', { number: published++ }); // in this order
    for (let round = 0; round < 3; round += 1) {
      await publish();
      const calls: Promise<unknown>[] = Array.from({ length: 300 }, publish);
      calls.push(store.commit((draft) => (draft.count += 1)));
      calls.push(universe.graph.createEntity('round', { id: `round-${round}` }));
      const { server } = round === 0 ? first : { server: processes.at(-1) };
      await server?.kill();
      calls.push(...Array.from({ length: 10 }, publish), universe.client.getSystemStatus());
      await serve(port);
      await Promise.all(calls);
    }
    await universe.client.catchUp();
    expect(seen).toEqual(Array.from({ length: published }, (_, number) => number));
    expect((await universe.client.getSystemStatus()).events).toBe(BigInt(published));
    expect(store.state.count).toBe(3);
    expect(await store.log()).toHaveLength(4);
    await vi.waitFor(() => expect(changed).toEqual(['round-0', 'round-1', 'round-2']));
    expect(errors).toEqual([]);
  } finally {
    await universe.close();
  }
}, 60_000);

test('a universe whose server is gone ends its calls when its patience ends, comes back when the server does, and can be closed', async () => {
  const { address, token, server } = await serve(0);
  const universe = await openUniverse({ server: address, token, reconnectForMs: 300, onError: () => undefined });
  try {
    const seen: string[] = [];
    universe.events.subscribe('**', (event) => seen.push(event.type));
    await server.kill();
    await expect(universe.events.publish('lost', {})).rejects.toMatchObject({
      code: 'connection/unreachable',
      retryable: true,
    });
    expect(universe.client.state).toBe('lost');
    const again = await serve(Number(new URL(address).port));
    // Nobody calls: it is back because it went on trying.
    await vi.waitFor(() => expect(universe.client.state).toBe('connected'), { timeout: 15_000 });
    await universe.events.publish('found', {});
    expect(seen).toEqual(['found']);
    await again.server.kill();
  } finally {
    await universe.close();
  }
  expect(universe.client.state).toBe('closed');
}, 60_000);
