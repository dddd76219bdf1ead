import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, oneOff, subscribe, unsubscribe } from '../session-fixtures/test-client.ts';
import { WireClient } from '../session-fixtures/wire-client.ts';
import { eventually, HANDSHAKE, openTcp, personArgs, sayRaw, Victim } from './victim.ts';

const numRuns = Number(process.env['RUNS'] ?? 60);
const seed = process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) };

let victim: Victim;

beforeAll(async () => {
  victim = await Victim.start();
});

afterAll(() => victim.close());

const u32s = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);

/** Messages that are in order, to be spoiled. */
const sound = fc.oneof(
  fc.nat(50).map((id) => subscribe(id, id % 5, 'SELECT * FROM person', 'SELECT * FROM signal')),
  fc
    .nat(50)
    .map((id) => subscribe(id, id % 5, `SELECT p.* FROM person p JOIN result r ON p.name = r.key WHERE p.id < ${id}`)),
  fc.nat(50).map((id) => unsubscribe(id, id % 5, id % 2 === 0)),
  fc.nat(50).map((id) => oneOff(id, 'SELECT * FROM result WHERE key = \'init\' OR (value <> "x")')),
  fc.nat(50).map((id) => call('reducer', id, 'add_person', personArgs(`person ${id}`))),
  fc.nat(50).map((id) => call('reducer', id, 'remove_person', u32s(id, 0))),
  fc.nat(50).map((id) => call('reducer', id, 'fail_after_write', Uint8Array.of(6, 0, 0, 0, ...Buffer.from('unique')))),
  fc.nat(50).map((id) => call('reducer', id, 'search_people')),
  fc.nat(50).map((id) => call('procedure', id, 'count_people', Uint8Array.of(1, 0, 0, 0, 0x61))),
  fc.nat(50).map((id) => call('procedure', id, 'no_such_procedure')),
);

/** One way of spoiling bytes. Places are taken modulo the length. */
const damage = fc.oneof(
  fc.record({ type: fc.constant('flip' as const), at: fc.nat(), mask: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ type: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({
    type: fc.constant('huge length' as const),
    at: fc.nat(),
    length: fc.constantFrom(2 ** 32 - 1, 2 ** 31, 2 ** 25),
  }),
  fc.record({ type: fc.constant('insert' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 12 }) }),
);
type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

function spoil(bytes: Uint8Array, spoiling: Damage): Uint8Array {
  const at = bytes.length === 0 ? 0 : spoiling.at % bytes.length;
  switch (spoiling.type) {
    case 'flip':
      return bytes.map((byte, index) => (index === at ? byte ^ spoiling.mask : byte));
    case 'cut':
      return bytes.slice(0, at);
    case 'huge length':
      return Uint8Array.from([...bytes.slice(0, at), ...u32s(spoiling.length), ...bytes.slice(at + 4)]);
    case 'insert':
      return Uint8Array.from([...bytes.slice(0, at), ...spoiling.bytes, ...bytes.slice(at)]);
  }
}

const payload = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  {
    weight: 1,
    arbitrary: fc.array(sound, { minLength: 1, maxLength: 8 }).map((list) => Uint8Array.from(Buffer.concat(list))),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.array(sound, { minLength: 1, maxLength: 4 }), fc.array(damage, { maxLength: 4 }))
      .map(([list, damages]) => damages.reduce(spoil, Uint8Array.from(Buffer.concat(list)))),
  },
);

describe('frames that nobody should send', () => {
  test('random and spoiled payloads end at most the connection they came on', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(payload, { minLength: 1, maxLength: 20 }),
        fc.constantFrom('v2' as const, 'v3' as const),
        async (payloads, protocol) => {
          const client = await WireClient.open(victim.address, { protocol });
          for (const bytes of payloads) client.socket.send(bytes);
          // A question that is in order: it is answered, or the connection was ended with a reason before.
          client.socket.send(oneOff(4_000_000_000, 'SELECT * FROM result'));
          const isAnswered = () =>
            client.messages.some((message) => message.type === 'one-off' && message.requestId === 4_000_000_000);
          await eventually(() => isAnswered() || client.closed !== undefined);
          if (client.closed === undefined) client.vanish();
          else expect(client.closed).toMatchObject({ code: 1011, reason: expect.stringMatching(/\S/) });
        },
      ),
      { numRuns, ...seed, endOnFailure: true },
    );
    await victim.assertServes();
    await victim.assertAlone();
  });

  test.each([
    ['nothing at all', new Uint8Array(0), 'at least one'],
    ['an unknown tag', Uint8Array.of(9, 0, 0, 0, 0), 'unknown client message tag 9'],
    ['an unknown tag of one byte', Uint8Array.of(255), 'unknown client message tag 255'],
    ['a message cut short', subscribe(1, 1, 'SELECT * FROM person').slice(0, -3), 'malformed BSATN'],
    ['a list longer than its payload', Uint8Array.of(0, ...u32s(1, 1, 2 ** 32 - 1)), 'malformed BSATN'],
    ['arguments longer than their payload', call('reducer', 1, 'x').slice(0, -4).fill(255, -4), 'malformed BSATN'],
    ['text that is not UTF-8', oneOff(1, 'ab').fill(0xff, -2), 'malformed BSATN'],
    ['an unknown flag', Uint8Array.of(3, ...u32s(1), 7, ...u32s(0, 0)), 'unknown call flag 7'],
    ['a sound message with something behind it', Uint8Array.from([...oneOff(1, 'SELECT * FROM person'), 77]), 'tag 77'],
  ])('%s is answered with 1011 and a reason', async (_what, bytes, reason) => {
    const client = await WireClient.open(victim.address);
    client.socket.send(bytes);
    expect(await client.ended()).toEqual({ code: 1011, reason: expect.stringContaining(reason) });
    await victim.assertServes();
  });

  test('SQL of every size is answered, in bounded time', async () => {
    const client = await WireClient.open(victim.address);
    const texts = [
      'SELECT * FROM person WHERE ' + '('.repeat(20_000),
      'SELECT * FROM person WHERE ' + 'NOT '.repeat(10_000) + 'TRUE',
      `SELECT * FROM person WHERE name = '${'x'.repeat(49_000)}'`,
      'SELECT * FROM person WHERE ' + Array.from({ length: 3_000 }, (_, id) => `id = ${id}`).join(' OR '),
      'x'.repeat(5_000_000),
      'SELECT * FROM ' + Array.from({ length: 2_000 }, (_, at) => `person p${at}`).join(' JOIN '),
      '\u0000\uffff"\'',
    ];
    for (const [id, text] of texts.entries()) {
      expect(await client.ask(oneOff(id, text))).toMatchObject({ type: 'one-off', requestId: id });
    }
    const many = Array.from({ length: 10_000 }, (_, id) => `SELECT * FROM person WHERE id = ${id}`);
    expect(await client.ask(subscribe(100, 1, ...many))).toMatchObject({ type: 'subscribed' });
    client.socket.send(subscribe(101, 2, ...many, 'SELECT * FROM person'));
    expect(await client.ended()).toMatchObject({ code: 1011, reason: expect.stringContaining('10001 queries') });
    await victim.assertServes();
  });

  test('a connection that uses a query set id twice is ended, another may use the same', async () => {
    const [first, second] = [await WireClient.open(victim.address), await WireClient.open(victim.address)];
    for (const client of [first, second]) {
      expect(await client.ask(subscribe(1, 7, 'SELECT * FROM person'))).toMatchObject({ type: 'subscribed' });
    }
    first.socket.send(subscribe(2, 7, 'SELECT * FROM result'));
    expect(await first.ended()).toMatchObject({ code: 1011, reason: expect.stringContaining('already exists') });
    expect(await second.ask(unsubscribe(2, 7, true))).toMatchObject({ type: 'unsubscribed' });
    second.socket.close();
    await victim.assertServes();
  });
});

describe('WebSocket frames that break the rules', () => {
  const frame = (...bytes: number[]) => Uint8Array.from(bytes);
  const MASK = [0, 0, 0, 0];

  test.each([
    ['a frame without a mask', frame(0x82, 0x01, 9)],
    ['a frame of 2^63 bytes', frame(0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ...MASK)],
    ['a frame just over the limit', frame(0x82, 0xff, 0, 0, 0, 0, 2, 0, 0, 1, ...MASK)],
    ['reserved bits', frame(0xf2, 0x80, ...MASK)],
    ['a reserved opcode', frame(0x83, 0x80, ...MASK)],
    ['a ping in fragments', frame(0x09, 0x80, ...MASK)],
    ['a ping of 126 bytes', frame(0x89, 0xfe, 0, 126, ...MASK)],
    ['a continuation of nothing', frame(0x80, 0x80, ...MASK)],
    ['a close frame of one byte', frame(0x88, 0x81, ...MASK, 3)],
    ['a close frame with a reserved code', frame(0x88, 0x82, ...MASK, 0x03, 0xed)],
    ['text that is not UTF-8', frame(0x81, 0x82, ...MASK, 0xff, 0xff)],
    ['text', frame(0x81, 0x82, ...MASK, 0x68, 0x69)],
    ['text in a continuation', frame(0x02, 0x81, ...MASK, 9, 0x81, 0x81, ...MASK, 0x68)],
  ])('%s ends the connection', async (_what, bytes) => {
    const answer = await sayRaw(victim.server.port, HANDSHAKE, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    await victim.assertServes();
    await victim.assertAlone();
  });

  test('fragments without an end are not kept beyond the limit of a message', async () => {
    const socket = openTcp(victim.server.port);
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resume();
    socket.write(HANDSHAKE);
    const part = new Uint8Array(1024 * 1024 + 14);
    part.set([0x00, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, ...MASK]);
    socket.write(frame(0x02, 0x80, ...MASK));
    let sent = 0;
    while (!socket.destroyed && sent < 200) {
      await new Promise((resolve) => socket.write(part, resolve));
      sent += 1;
    }
    await ended;
    expect(sent).toBeLessThan(100);
    await victim.assertServes();
  });

  test('of a flood of pings that nobody reads the answers to, the newest is answered and the rest are not kept', async () => {
    const socket = openTcp(victim.server.port);
    socket.write(HANDSHAKE);
    socket.pause();
    const ping = frame(0x89, 0xfd, ...MASK, ...Buffer.from('x'.repeat(125)));
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => ping));
    for (let count = 0; count < 30; count += 1) await new Promise((resolve) => socket.write(many, resolve));
    await victim.assertServes();
    socket.write(frame(0x89, 0x82, ...MASK, 0x6f, 0x6b));
    socket.write(frame(0x88, 0x82, ...MASK, 0x03, 0xe8));
    let bytes = 0;
    let tail = '';
    socket.on('data', (data: Buffer) => {
      bytes += data.length;
      tail = (tail + data.toString('latin1')).slice(-1_000);
    });
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    // All answers would be 38 MB.
    expect(bytes).toBeLessThan(20_000_000);
    expect(tail).toContain('\x8a\x02ok');
    await victim.assertAlone();
  });
});
