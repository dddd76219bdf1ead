import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { LinkStatus } from '../src/connection/link-status.ts';
import { openUniverse } from '../src/index.ts';
import { openCutProxy } from './cut-proxy.ts';
import { makeDirectory, removeDirectory } from './forms.ts';
import { startProcess, type TestProcess } from './processes.ts';

let server: TestProcess | undefined;
let directory = '';

afterEach(async () => {
  await server?.kill();
  await removeDirectory(directory);
});

test('a server that says nothing for longer than silenceMs is taken to be lost; calls end, and go on when it speaks', async () => {
  directory = await makeDirectory();
  server = startProcess('serve.ts', [directory, '0']);
  const { address, token } = JSON.parse(await server.nextLine()) as { address: string; token: string };
  const universe = await openUniverse({
    server: address,
    token,
    silenceMs: 400,
    connectTimeoutMs: 2_000,
    reconnectForMs: 400,
    onError: () => undefined,
  });
  try {
    await universe.events.publish('before');
    server.child.kill('SIGSTOP');
    await expect(universe.events.publish('during', {}, { id: 'during' })).rejects.toMatchObject({
      code: expect.stringMatching(/^connection\/(timeout|lost|unreachable)$/),
      retryable: true,
    });
    expect(universe.client.state).not.toBe('connected');
    server.child.kill('SIGCONT');
    await universe.client.reconnect({ timeoutMs: 20_000 });
    await universe.events.publish('after');
    const types = (await universe.events.query()).map(({ type }) => type);
    expect(types.filter((type) => type !== 'during')).toEqual(['before', 'after']);
  } finally {
    await universe.close();
  }
});

test('who only listens notices within about silenceMs that nothing comes any more, and misses nothing', async () => {
  directory = await makeDirectory();
  server = startProcess('serve.ts', [directory, '0']);
  const { address, token } = JSON.parse(await server.nextLine()) as { address: string; token: string };
  const proxy = await openCutProxy(address);
  const writer = await openUniverse({ server: address, token });
  const times = { silenceMs: 800, connectTimeoutMs: 800 };
  const listener = await openUniverse({ server: proxy.address, token, ...times, onError: () => undefined });
  try {
    const seen: string[] = [];
    let isSeen: () => void = () => undefined;
    listener.events.subscribe('**', ({ type }) => {
      seen.push(type);
      if (type === 'during') isSeen();
    });
    const during = new Promise<void>((resolve) => (isSeen = resolve));
    const states = listener.client.status.changes();
    // While the server answers, nothing is given up however long nothing happens.
    const quiet = await Promise.race([states.next().then(() => states.next()), sleep(2_000, 'quiet')]);
    expect(quiet).toBe('quiet');
    proxy.mode = 'silent';
    await writer.events.publish('during');
    const lost = new Promise<LinkStatus>((resolve) => listener.client.onState(resolve));
    expect(await lost).toMatchObject({ state: 'reconnecting', lastError: { code: 'connection/timeout' } });
    proxy.mode = 'pass';
    proxy.cut();
    await during;
    await listener.client.reconnect({ timeoutMs: 20_000 });
    expect(seen).toEqual(['during']);
  } finally {
    proxy.mode = 'pass';
    await Promise.all([listener.close(), writer.close()]);
    await proxy.close();
  }
});
