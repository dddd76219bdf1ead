import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, oneOff, subscribe } from '../session-fixtures/test-client.ts';
import { WireClient } from '../session-fixtures/wire-client.ts';
import { eventually, HANDSHAKE, noteArgs, openTcp, personArgs, Victim } from './victim.ts';

const OUTBOX_BYTES_MAX = 4 * 1024 * 1024;

let victim: Victim;

beforeAll(async () => {
  victim = await Victim.start({ limits: { sessions: { outboxBytesMax: OUTBOX_BYTES_MAX } } });
});

afterAll(() => victim.close());

/** Bare connections that are open. */
async function openMany(count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => openTcp(victim.server.port));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  return sockets;
}

function openClients(count: number): Promise<WireClient[]> {
  return Promise.all(Array.from({ length: count }, () => WireClient.open(victim.address)));
}

describe('connections that say nothing', () => {
  test('500 without a word, 500 in the middle of a request and 500 clients without a question harm nobody', async () => {
    const silent = await openMany(500);
    const half = await openMany(500);
    for (const socket of half) socket.write(HANDSHAKE.slice(0, 60));
    const clients = await openClients(500);
    expect(victim.strangers).toEqual([500, 500, 500]);
    await victim.assertServes();
    for (const socket of [...silent, ...half]) socket.resetAndDestroy();
    for (const client of clients) client.vanish();
    await victim.assertAlone();
    await victim.assertServes();
  });
});

describe('clients that vanish', () => {
  const moments: [string, (socket: Socket) => void][] = [
    ['before the handshake is answered', (socket) => socket.write(HANDSHAKE)],
    [
      'with a call on its way',
      (socket) => {
        socket.write(HANDSHAKE);
        socket.write(maskedFrame(call('reducer', 1, 'write_notes', noteArgs(10, 10))));
      },
    ],
    [
      'in the middle of a frame',
      (socket) => {
        socket.write(HANDSHAKE);
        socket.write(maskedFrame(call('reducer', 1, 'write_notes', noteArgs(10, 10))).subarray(0, 20));
      },
    ],
  ];

  test.each(moments)('%s leave nothing behind', async (_when, act) => {
    const sockets = await openMany(50);
    for (const [at, socket] of sockets.entries()) {
      act(socket);
      if (at % 2 === 0) socket.resetAndDestroy();
      else setImmediate(() => socket.resetAndDestroy());
    }
    await victim.assertServes();
    await victim.assertAlone();
  });

  test('a client whose call is under way: the call is whole or did not happen, whoever is left sees which', async () => {
    const notes = () => {
      const { local: database } = victim.host.database('test');
      return database.committed.table(database.tables.find(({ name }) => name === 'note')!.id).rowCount;
    };
    const clients = await openClients(20);
    const before = notes();
    for (const client of clients) {
      client.socket.send(call('reducer', 1, 'clear_notes'));
      client.socket.send(call('reducer', 2, 'write_notes', noteArgs(7, 100)));
      client.vanish();
    }
    await victim.assertAlone();
    expect([before, 0, 7]).toContain(notes());
    await victim.assertServes();
  });

  test('a client that half-closes its connection is let go', async () => {
    const socket = openTcp(victim.server.port);
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    socket.write(HANDSHAKE);
    await eventually(() => victim.strangers[0] === 1);
    socket.end();
    await ended;
    await victim.assertAlone();
    await victim.assertServes();
  });
});

describe('clients that read too slowly', () => {
  test('one that follows a flood and does not read is dropped; others miss nothing', async () => {
    const slow = await WireClient.open(victim.address, { token: victim.host.ownerToken });
    expect(await slow.ask(subscribe(1, 1, 'SELECT * FROM note'))).toMatchObject({ type: 'subscribed' });
    slow.socket.pause();
    const writer = await WireClient.open(victim.address);
    // A megabyte each: far more than the limit and what the system's socket buffers take.
    for (let id = 0; id < 40 && victim.strangers[2] === 2; id += 1) {
      await writer.ask(call('reducer', 2 * id, 'write_notes', noteArgs(100, 10_000)));
      await writer.ask(call('reducer', 2 * id + 1, 'clear_notes'));
    }
    await eventually(() => victim.strangers[2] === 1);
    slow.socket.resume();
    await slow.ended();
    writer.vanish();
    await victim.assertServes();
  });

  test('one that asks for much and reads nothing is not served further, whatever it goes on to ask', async () => {
    const greedy = await WireClient.open(victim.address, { token: victim.host.ownerToken });
    await greedy.ask(call('reducer', 1, 'write_notes', noteArgs(100, 10_000)));
    greedy.socket.pause();
    for (let id = 0; id < 2_000; id += 1) greedy.socket.send(oneOff(id, 'SELECT * FROM note'));
    await victim.assertServes();
    // The answers would be 2 GB.
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(500_000_000);
    greedy.vanish();
    await victim.assertAlone();
  });
});

test('calls of hundreds of clients at once are all answered', async () => {
  const clients = await openClients(200);
  const answers = await Promise.all(
    clients.map((client, at) => client.ask(call('reducer', at, 'add_person', personArgs(`crowd ${at}`)))),
  );
  expect(answers.map((answer) => answer.type === 'reducer' && answer.requestId)).toEqual(clients.map((_, at) => at));
  for (const client of clients) client.vanish();
  await victim.assertServes();
  await victim.assertAlone();
});

/** A short binary frame of a client. */
function maskedFrame(payload: Uint8Array): Buffer {
  return Buffer.from([0x82, 0x80 | payload.length, 0, 0, 0, 0, ...payload]);
}
