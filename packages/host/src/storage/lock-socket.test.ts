import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LockSocket, probe } from './lock-socket.ts';

test.skipIf(process.platform === 'win32')(
  'closes although one that asked keeps its side of the connection open',
  async () => {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'lock-socket-'));
    const address = path.join(directory, 'x.sock');
    const holder = { pid: process.pid, command: 'test', startedAt: '' };
    const socket = new LockSocket({ state: 'held', holder });
    await socket.listen(address);
    const curious = net.connect({ path: address, allowHalfOpen: true });
    try {
      const said = await new Promise<string>((resolve) => curious.once('data', (data) => resolve(data.toString())));
      expect(JSON.parse(said)).toEqual({ state: 'held', holder });
      expect(await probe(address)).toEqual({ type: 'alive', answer: { state: 'held', holder } });
      await socket.close();
      expect(await probe(address)).toEqual({ type: 'gone' });
    } finally {
      curious.destroy();
      await rm(directory, { recursive: true, force: true });
    }
  },
);
