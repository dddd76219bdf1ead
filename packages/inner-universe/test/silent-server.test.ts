import { afterEach, expect, test } from 'vitest';
import { openUniverse } from '../src/index.ts';
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
    connectTimeoutMs: 400,
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
