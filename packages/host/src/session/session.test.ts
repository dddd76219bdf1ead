import { describe, expect, test } from 'vitest';
import { ALARM, FakeDatabase, OWNER, textRow, u32Row } from '../../test/session-fixtures/fake-database.ts';
import {
  call,
  oneOff,
  subscribe,
  TestClient,
  turn,
  unsubscribe,
  type TestClientOptions,
} from '../../test/session-fixtures/test-client.ts';
import { silentLogger, type LogRecord } from '../clock/clock.ts';
import { systemClock, systemTimers } from '../clock/system-clock.ts';
import { SubscriptionManager } from '../subscriptions/subscription-manager.ts';
import { SessionHub } from './session-hub.ts';
import type { SessionLimits } from './session-limits.ts';

function setUp({ isDurable = true, limits = {} as Partial<SessionLimits> } = {}) {
  const database = new FakeDatabase({ isDurable });
  const subscriptions = new SubscriptionManager({ tables: database.tables, state: database.committed });
  const records: LogRecord[] = [];
  const hub = new SessionHub({
    name: 'test',
    database,
    subscriptions,
    clock: systemClock,
    timers: systemTimers,
    logger: { log: (record) => records.push(record) },
    limits,
  });
  let nextId = 100n;
  const connect = (options: TestClientOptions = {}) =>
    new TestClient(hub, { connectionId: (nextId += 1n), ...options });
  /** A connected client whose handshake is over. */
  const join = async (options: TestClientOptions = {}, ...queries: string[]) => {
    const client = connect(options);
    if (queries.length > 0) client.say(subscribe(0, 1, ...queries));
    database.makeDurable();
    await turn();
    client.take();
    return client;
  };
  return { database, hub, records, connect, join };
}

const BAG = 'SELECT * FROM bag';
const one = '01000000';
const two = '02000000';

describe('the handshake', () => {
  test('InitialConnection is the first message, also before answers to what was sent at once', async () => {
    const { connect } = setUp();
    const client = connect({ identity: 5n, connectionId: 9n, token: 'secret' });
    client.say(subscribe(0, 0, BAG), call('reducer', 1, 'add', u32Row(1)));
    await turn();
    expect(client.take()).toMatchObject([
      { type: 'initial', identity: 5n, connectionId: 9n, token: 'secret' },
      { type: 'subscribed', requestId: 0 },
      { type: 'reducer', requestId: 1, outcome: 'ok' },
    ]);
  });

  test('a newer connection replaces the older one of the same identity and id', async () => {
    const { database, connect } = setUp();
    const older = connect({ connectionId: 7n });
    const newer = connect({ connectionId: 7n });
    await turn();
    expect(older.closed).toEqual({ code: 1001, reason: 'replaced by a newer connection' });
    expect(newer.closed).toBeUndefined();
    expect(database.calls).toEqual(['connect 7', 'disconnect 7', 'connect 7']);
  });
});

describe('reducer calls', () => {
  test("the caller's own changes are in its result and nowhere else; others get one update", async () => {
    const { join } = setUp();
    const caller = await join({}, BAG);
    const other = await join({}, BAG);
    caller.say(call('reducer', 4, 'add', u32Row(1)));
    await turn();
    const change = { querySetId: 1, table: 'bag', inserts: [one], deletes: [], isEvent: false };
    expect(caller.take()).toEqual([
      { type: 'reducer', requestId: 4, outcome: 'ok', updates: [change], message: undefined },
    ]);
    expect(other.take()).toEqual([{ type: 'update', updates: [change] }]);
  });

  test('another connection of the same identity is not the caller', async () => {
    const { join } = setUp();
    const caller = await join({ identity: 3n }, BAG);
    const sibling = await join({ identity: 3n }, BAG);
    caller.say(call('reducer', 4, 'add', u32Row(1)));
    await turn();
    expect(sibling.take()).toMatchObject([{ type: 'update' }]);
  });

  test('a caller without subscriptions gets Ok without changes; nobody gets an empty update', async () => {
    const { join } = setUp();
    const caller = await join();
    const other = await join({}, 'SELECT * FROM bag WHERE value = 5');
    caller.say(call('reducer', 4, 'add', u32Row(1)), call('reducer', 5, 'nothing'));
    await turn();
    expect(caller.take()).toMatchObject([
      { requestId: 4, outcome: 'ok', updates: [] },
      { requestId: 5, outcome: 'ok', updates: [] },
    ]);
    expect(other.take()).toEqual([]);
  });

  test('each call has exactly one result, in order, whatever becomes of it, and the connection stays', async () => {
    const { join } = setUp();
    const client = await join();
    client.say(
      call('reducer', 1, 'refuse'),
      call('reducer', 2, 'trap'),
      call('reducer', 3, 'no-such'),
      call('reducer', 4, 'nothing'),
    );
    await turn();
    expect(client.take()).toMatchObject([
      { requestId: 1, outcome: 'error', message: 'no' },
      { requestId: 2, outcome: 'internal', message: 'The instance encountered a fatal error.' },
      { requestId: 3, outcome: 'internal', message: 'no such reducer' },
      { requestId: 4, outcome: 'ok' },
    ]);
    expect(client.closed).toBeUndefined();
  });

  test('a commit of nobody goes to everybody who follows it', async () => {
    const { database, join } = setUp();
    const client = await join({}, BAG);
    database.commitScheduled(1);
    await turn();
    expect(client.take()).toMatchObject([{ type: 'update', updates: [{ inserts: [one] }] }]);
  });

  test('events come in the message of their commit and never in a snapshot', async () => {
    const { join } = setUp();
    const client = await join({}, `SELECT * FROM ${ALARM.name}`);
    client.say(call('reducer', 1, 'alarm', u32Row(1)));
    client.say(subscribe(2, 2, `SELECT * FROM ${ALARM.name}`));
    await turn();
    expect(client.take()).toMatchObject([
      { type: 'reducer', updates: [{ table: 'alarm', inserts: [one], deletes: [], isEvent: true }] },
      { type: 'subscribed', querySetId: 2, tables: [] },
    ]);
  });
});

describe('procedures', () => {
  test('give back their bytes, or the reason why not', async () => {
    const { join } = setUp();
    const client = await join();
    client.say(call('procedure', 1, 'echo', u32Row(1)), call('procedure', 2, 'no-such'));
    await turn();
    expect(client.take()).toMatchObject([
      { type: 'procedure', requestId: 1, returned: one },
      { type: 'procedure', requestId: 2, error: 'no such procedure' },
    ]);
  });

  test('what they commit reaches everybody as an update, the caller too, before the result', async () => {
    const { join } = setUp();
    const caller = await join({}, BAG);
    const other = await join({}, BAG);
    caller.say(call('procedure', 1, 'add', u32Row(1)));
    await turn();
    expect(caller.take()).toMatchObject([{ type: 'update', updates: [{ inserts: [one] }] }, { type: 'procedure' }]);
    expect(other.take()).toMatchObject([{ type: 'update' }]);
  });
});

describe('subscriptions', () => {
  test('a snapshot and the updates after it miss nothing and repeat nothing', async () => {
    const { join, connect } = setUp();
    const writer = await join();
    writer.say(call('reducer', 1, 'add', u32Row(1)));
    const reader = connect();
    reader.say(subscribe(0, 1, BAG));
    writer.say(call('reducer', 2, 'add', u32Row(2)));
    await turn();
    expect(reader.take()).toMatchObject([
      { type: 'initial' },
      { type: 'subscribed', tables: [{ table: 'bag', rows: [one] }] },
      { type: 'update', updates: [{ inserts: [two] }] },
    ]);
  });

  test('a row in two query sets comes once for each', async () => {
    const { join } = setUp();
    const client = await join({}, BAG);
    client.say(subscribe(1, 2, 'SELECT * FROM bag WHERE value = 1'), call('reducer', 2, 'add', u32Row(1)));
    client.say(call('reducer', 3, 'remove', u32Row(1)));
    await turn();
    expect(client.take()).toMatchObject([
      { type: 'subscribed', querySetId: 2 },
      {
        requestId: 2,
        updates: [
          { querySetId: 1, inserts: [one] },
          { querySetId: 2, inserts: [one] },
        ],
      },
      {
        requestId: 3,
        updates: [
          { querySetId: 1, deletes: [one] },
          { querySetId: 2, deletes: [one] },
        ],
      },
    ]);
  });

  test('one bad query refuses the whole set, and its id is free again', async () => {
    const { join } = setUp();
    const client = await join();
    client.say(subscribe(1, 1, BAG, 'SELECT * FROM nowhere'), call('reducer', 2, 'add', u32Row(1)));
    client.say(subscribe(3, 1, BAG));
    await turn();
    expect(client.take()).toMatchObject([
      { type: 'subscription-error', requestId: 1, querySetId: 1 },
      { type: 'reducer', updates: [] },
      { type: 'subscribed', requestId: 3, tables: [{ rows: [one] }] },
    ]);
  });

  test('a private table does not exist for anybody but the owner', async () => {
    const { join } = setUp();
    const guest = await join({ identity: 4n });
    const owner = await join({ identity: OWNER });
    guest.say(subscribe(1, 1, 'SELECT * FROM secret'));
    owner.say(subscribe(1, 1, 'SELECT * FROM secret'));
    await turn();
    expect(guest.take()).toMatchObject([
      { type: 'subscription-error', message: expect.stringContaining('no such table: `secret`') },
    ]);
    expect(owner.take()).toMatchObject([{ type: 'subscribed' }]);
  });

  test('dropped rows come when they are asked for: those of now, and an empty list for none', async () => {
    const { join } = setUp();
    const client = await join({}, BAG);
    client.say(subscribe(1, 2, BAG), subscribe(2, 3, BAG), call('reducer', 3, 'add', u32Row(1)));
    client.say(unsubscribe(4, 1, true), unsubscribe(5, 2, false), call('reducer', 6, 'remove', u32Row(1)));
    client.say(unsubscribe(7, 3, true), call('reducer', 8, 'add', u32Row(2)));
    await turn();
    expect(client.take().slice(3)).toMatchObject([
      { type: 'unsubscribed', requestId: 4, tables: [{ table: 'bag', rows: [one] }] },
      { type: 'unsubscribed', requestId: 5, tables: undefined },
      { requestId: 6, updates: [{ querySetId: 3, deletes: [one] }] },
      { type: 'unsubscribed', requestId: 7, tables: [] },
      { requestId: 8, updates: [] },
    ]);
  });

  test('an unknown set cannot be dropped; the connection stays', async () => {
    const { join } = setUp();
    const client = await join();
    client.say(unsubscribe(1, 77, true));
    await turn();
    expect(client.take()).toMatchObject([{ type: 'subscription-error', requestId: 1, querySetId: 77 }]);
  });

  test('a set id that is in use ends the connection', async () => {
    const { join } = setUp();
    const client = await join({}, BAG);
    client.say(subscribe(1, 1, BAG));
    await turn();
    expect(client.closed?.code).toBe(1011);
    expect(client.closed?.reason).toMatch(/already exists|in use/);
  });

  test('a one-off query gives the rows of one table, or an error', async () => {
    const { join } = setUp();
    const client = await join();
    client.say(
      call('reducer', 1, 'add', u32Row(1)),
      oneOff(2, BAG),
      oneOff(3, 'SELECT'),
      oneOff(4, 'SELECT * FROM note'),
    );
    await turn();
    expect(client.take().slice(1)).toMatchObject([
      { type: 'one-off', requestId: 2, tables: [{ table: 'bag', rows: [one] }] },
      { type: 'one-off', requestId: 3, tables: undefined, error: expect.any(String) },
      { type: 'one-off', requestId: 4, tables: [{ table: 'note', rows: [] }] },
    ]);
  });

  test('rows that fit into no message are refused by their size, before they are encoded', async () => {
    const { join } = setUp({ limits: { messageBytesMax: 500 } });
    const client = await join();
    client.say(call('reducer', 1, 'add-range', u32Row(100)), subscribe(2, 1, BAG), oneOff(3, BAG));
    client.say(subscribe(4, 1, 'SELECT * FROM bag WHERE value < 3'));
    await turn();
    expect(client.take()).toMatchObject([
      { type: 'reducer' },
      { type: 'subscription-error', message: expect.stringMatching(/1200 bytes.*at most 500/) },
      { type: 'one-off', error: expect.stringMatching(/1200 bytes.*at most 500/) },
      { type: 'subscribed', tables: [{ rows: { length: 3 } }] },
    ]);
  });
});

describe('payloads out', () => {
  test('v3: everything of a turn in one payload', async () => {
    const { join } = setUp();
    const client = await join();
    const before = client.payloads.length;
    for (let id = 0; id < 50; id += 1) client.say(call('reducer', id, 'nothing'));
    await turn();
    expect(client.payloads.length - before).toBe(1);
    expect(client.take()).toHaveLength(50);
  });

  test('v3: no payload grows over the limit, and no message is split', async () => {
    const { join } = setUp({ limits: { payloadBytesMax: 100 } });
    const client = await join();
    client.say(...Array.from({ length: 20 }, (_, id) => call('reducer', id, 'nothing')));
    client.say(call('reducer', 20, 'note', textRow('x'.repeat(300))), oneOff(21, 'SELECT * FROM note'));
    const before = client.payloads.length;
    await turn();
    const sizes = client.payloads.slice(before).map((payload) => payload.length);
    expect(sizes.filter((size) => size > 100)).toHaveLength(1);
    expect(client.take()).toHaveLength(22);
  });

  test('v2: one message in each payload', async () => {
    const { join } = setUp();
    const client = await join({ version: 'v2' });
    const before = client.payloads.length;
    client.say(call('reducer', 1, 'nothing'));
    client.say(call('reducer', 2, 'nothing'));
    await turn();
    expect(client.payloads.length - before).toBe(2);
    expect(client.take()).toMatchObject([{ requestId: 1 }, { requestId: 2 }]);
  });
});

describe('confirmed reads', () => {
  test('nothing leaves before what it can tell of is durable, and the order stays', async () => {
    const { database, join } = setUp({ isDurable: false });
    const caller = await join({}, BAG);
    const other = await join({}, BAG);
    caller.say(call('reducer', 1, 'add', u32Row(1)), call('reducer', 2, 'refuse'));
    other.say(oneOff(3, BAG));
    await turn();
    expect(caller.take()).toEqual([]);
    expect(other.take()).toEqual([]);
    database.makeDurable();
    await turn();
    expect(caller.take()).toMatchObject([
      { requestId: 1, outcome: 'ok' },
      { requestId: 2, outcome: 'error' },
    ]);
    expect(other.take()).toMatchObject([{ type: 'update' }, { type: 'one-off', tables: [{ rows: [one] }] }]);
  });

  test('what was written before the first client came counts too', async () => {
    const database = new FakeDatabase({ isDurable: false });
    database.commitScheduled(1);
    const hub = new SessionHub({
      name: 'test',
      database,
      subscriptions: new SubscriptionManager({ tables: database.tables, state: database.committed }),
      clock: systemClock,
      timers: systemTimers,
      logger: silentLogger,
    });
    const caller = { identity: 1n, connectionId: 1n };
    database.connect = () => ({ type: 'accepted', offset: undefined });
    const client = new TestClient(hub, caller);
    client.say(oneOff(1, BAG));
    await turn();
    expect(client.take()).toEqual([]);
    database.makeDurable();
    await turn();
    expect(client.take()).toMatchObject([{ type: 'initial' }, { type: 'one-off', tables: [{ rows: [one] }] }]);
  });

  test('a client that renounced them does not wait', async () => {
    const { join } = setUp({ isDurable: false });
    const client = await join({ confirmedReads: false });
    client.say(call('reducer', 1, 'add', u32Row(1)));
    await turn();
    expect(client.take()).toMatchObject([{ requestId: 1 }]);
  });

  test('storage that fails ends the clients that wait, and no other', async () => {
    const { database, join, records } = setUp({ isDurable: false });
    const waiting = await join();
    const other = await join({ confirmedReads: false });
    waiting.say(call('reducer', 1, 'add', u32Row(1)));
    await turn();
    database.failDurability();
    await turn();
    expect(waiting.take()).toEqual([]);
    expect(waiting.closed).toEqual({ code: 1011, reason: expect.stringContaining('storage/write-failed') });
    expect(other.closed).toBeUndefined();
    expect(records.some((record) => record.level === 'error' && /disk is full/.test(record.message))).toBe(true);
  });

  test('once the storage failed, nobody waits: who comes and who stays is answered from what is durable', async () => {
    const { database, join, connect, records } = setUp({ isDurable: false });
    const waiting = await join({}, BAG);
    const quiet = await join();
    waiting.say(call('reducer', 1, 'add', u32Row(1)));
    const coming = connect();
    await turn();
    expect(coming.take()).toEqual([]);
    database.failForGood();
    await turn();
    expect(waiting.closed).toEqual({ code: 1011, reason: expect.stringMatching(/Connect again to read/) });
    expect(coming.take()).toMatchObject([{ type: 'initial' }]);
    for (const client of [quiet, coming, connect()]) {
      client.say(oneOff(7, BAG), call('procedure', 8, 'echo', u32Row(1)), subscribe(9, 1, BAG));
      await turn();
      await turn();
      const said = client.take().filter(({ type }) => type !== 'initial');
      expect(said.map(({ type }) => type)).toEqual(['one-off', 'procedure', 'subscribed']);
      expect(client.closed).toBeUndefined();
    }
    // What failed the database has logged; here it is said once whom it ended.
    expect(records.map(({ message }) => message)).toEqual([expect.stringMatching(/^1 clients were ended/)]);
  });

  test('a client that asked before the storage failed is ended, though it was told of nothing yet', async () => {
    const { database, connect } = setUp({ isDurable: false });
    const client = connect();
    client.say(oneOff(1, BAG));
    await turn();
    database.failForGood();
    await turn();
    expect(client.take()).toEqual([]);
    expect(client.closed).toMatchObject({ code: 1011 });
  });

  test('a storage that throws where it should reject ends the clients that wait, and nothing else', async () => {
    const { database, hub, join, records } = setUp({ isDurable: false });
    const client = await join();
    database.whenDurable = () => {
      throw new Error('a bug of the storage');
    };
    client.say(call('reducer', 1, 'add', u32Row(1)));
    await turn();
    await turn();
    expect(client.closed).toMatchObject({ code: 1011 });
    expect(records.some(({ level, message }) => level === 'error' && /a bug of the storage/.test(message))).toBe(true);
    await hub.close();
  });
});

describe('what a client may cost', () => {
  test('a slow reader is dropped; commits, and everybody else, go on', async () => {
    const { database, join } = setUp({ limits: { outboxBytesMax: 10_000 } });
    const slow = await join({}, BAG);
    const quick = await join({}, BAG);
    slow.isStalled = true;
    for (let id = 0; id < 1_000; id += 1) {
      quick.say(call('reducer', id, 'add', u32Row(id)));
      if (id % 10 === 0) await turn();
    }
    await turn();
    expect(slow.closed).toEqual({ code: 1013, reason: 'the client reads too slowly' });
    expect(slow.bufferedBytes).toBeLessThan(10_100);
    expect(quick.take()).toHaveLength(1_000);
    expect(database.connected).toHaveLength(1);
  });

  test('messages that wait for a slow disk are bounded too', async () => {
    const { join } = setUp({ isDurable: false, limits: { outboxMessagesMax: 10 } });
    const reader = await join({}, BAG);
    const writer = await join({ confirmedReads: false });
    for (let value = 0; value < 11; value += 1) writer.say(call('reducer', value, 'add', u32Row(value)));
    await turn();
    expect(writer.take()).toHaveLength(11);
    expect(reader.closed?.code).toBe(1013);
    expect(writer.closed).toBeUndefined();
  });

  test('a client that does not read is not served further, and is again when it reads', async () => {
    const { join } = setUp();
    const client = await join();
    client.bufferedBytes = 20_000_000;
    client.say(call('reducer', 1, 'nothing'));
    await turn();
    expect(client.take()).toEqual([]);
    expect(client.isPaused).toBe(true);
    client.bufferedBytes = 0;
    client.session.resume();
    await turn();
    expect(client.take()).toMatchObject([{ requestId: 1 }]);
    expect(client.isPaused).toBe(false);
  });

  test('nothing is taken from clients while the storage is behind', async () => {
    const { database, join } = setUp();
    const client = await join();
    database.setWriting('behind');
    client.say(call('reducer', 1, 'add', u32Row(1)));
    await turn();
    expect(client.take()).toEqual([]);
    expect(client.isPaused).toBe(true);
    database.setWriting('free');
    await turn();
    await turn();
    expect(client.take()).toMatchObject([{ requestId: 1, outcome: 'ok' }]);
    expect(client.isPaused).toBe(false);
  });

  test('calls are answered again when the storage failed for good', async () => {
    const { database, join } = setUp();
    const client = await join();
    database.setWriting('behind');
    client.say(call('reducer', 1, 'refuse'));
    database.setWriting('failed');
    await turn();
    await turn();
    expect(client.take()).toMatchObject([{ requestId: 1, outcome: 'error' }]);
  });

  test('a client that sends on while it is held up is closed', async () => {
    const { join } = setUp({ limits: { inboxBytesMax: 1_000 } });
    const client = await join();
    client.bufferedBytes = 20_000_000;
    for (let id = 0; id < 100 && client.closed === undefined; id += 1) client.say(call('reducer', id, 'nothing'));
    expect(client.closed).toEqual({ code: 1013, reason: 'too many requests' });
  });

  test('a payload over the limit ends the connection', async () => {
    const { join } = setUp({ limits: { inboundPayloadBytesMax: 50 } });
    const client = await join();
    client.say(call('reducer', 1, 'note', textRow('x'.repeat(100))));
    expect(client.closed?.code).toBe(1011);
  });

  test('a long payload is handled in several turns, and others get theirs between', async () => {
    const { database, join } = setUp({ limits: { turnMicrosMax: 0 } });
    const busy = await join();
    const other = await join();
    busy.say(...Array.from({ length: 5 }, (_, id) => call('reducer', id, 'nothing')));
    other.say(call('reducer', 0, 'refuse'));
    for (let turns = 0; turns < 10; turns += 1) await turn();
    expect(busy.take()).toHaveLength(5);
    expect(database.calls.filter((entry) => entry.startsWith('reducer')).indexOf('reducer refuse')).toBe(1);
  });
});

describe('what ends a connection', () => {
  test.each([
    ['bytes that are not BSATN', Uint8Array.of(3, 1, 2), /malformed BSATN/],
    ['an unknown message', Uint8Array.of(200), /unknown client message tag 200/],
    ['an empty payload', new Uint8Array(0), /at least one/],
  ])('%s: 1011 with a short reason, and nobody else is harmed', async (_name, bytes, reason) => {
    const { database, join } = setUp();
    const hostile = await join({}, BAG);
    const other = await join({}, BAG);
    hostile.say(bytes);
    other.say(call('reducer', 1, 'add', u32Row(1)));
    await turn();
    expect(hostile.closed?.code).toBe(1011);
    expect(hostile.closed?.reason).toMatch(reason);
    expect(Buffer.byteLength(hostile.closed!.reason)).toBeLessThanOrEqual(123);
    expect(hostile.take()).toEqual([]);
    expect(other.take()).toMatchObject([{ requestId: 1, updates: [{ inserts: [one] }] }]);
    expect(database.connected).toHaveLength(1);
  });

  test('what was asked before the bad message is answered, what comes behind it is not done', async () => {
    const { database, join } = setUp();
    const client = await join();
    client.say(call('reducer', 1, 'add', u32Row(1)), Uint8Array.of(99), call('reducer', 2, 'add', u32Row(2)));
    await turn();
    expect(client.take()).toMatchObject([{ requestId: 1 }]);
    expect(client.closed?.code).toBe(1011);
    expect(database.calls.filter((entry) => entry === 'reducer add')).toHaveLength(1);
  });

  test('a bug of the host ends the connection it happened on without telling what it was', async () => {
    const { join, records } = setUp();
    const client = await join();
    const other = await join();
    client.say(call('reducer', 1, 'broken-host'));
    other.say(call('reducer', 2, 'nothing'));
    await turn();
    expect(client.closed).toEqual({ code: 1011, reason: 'internal error of the host' });
    expect(other.take()).toMatchObject([{ requestId: 2 }]);
    expect(records.find((record) => record.level === 'error')?.message).toContain('a bug');
  });

  test('a client that went away is signed off once and gets nothing more', async () => {
    const { database, hub, join } = setUp();
    const gone = await join({ connectionId: 66n }, BAG);
    const other = await join();
    gone.session.linkClosed();
    gone.session.linkClosed();
    other.say(call('reducer', 1, 'add', u32Row(1)));
    await turn();
    expect(gone.take()).toEqual([]);
    expect(database.calls.filter((entry) => entry === 'disconnect 66')).toHaveLength(1);
    expect(hub.size).toBe(1);
  });
});

describe('closing the hub', () => {
  test('gives everybody what became durable, then 1001, then signs everybody off', async () => {
    const { database, hub, join } = setUp({ isDurable: false });
    const client = await join();
    client.say(call('reducer', 1, 'add', u32Row(1)));
    const closing = hub.close();
    await turn();
    expect(client.closed).toBeUndefined();
    client.say(call('reducer', 2, 'add', u32Row(2)));
    database.makeDurable();
    await closing;
    expect(client.take()).toMatchObject([{ requestId: 1 }]);
    expect(client.closed).toEqual({ code: 1001, reason: 'module exited' });
    expect(database.connected).toEqual([]);
    expect(hub.connect({ identity: 1n, connectionId: 999n }, '{}').type).toBe('rejected');
  });

  test('signs off who was let in and has no connection yet', async () => {
    const { database, hub } = setUp();
    const caller = { identity: 1n, connectionId: 5n };
    expect(hub.connect(caller, '{}').type).toBe('accepted');
    expect(hub.connect({ ...caller }, '{}').type).toBe('rejected');
    await hub.close();
    expect(database.connected).toEqual([]);
    hub.abandon(caller);
    await turn();
    expect(database.calls).toEqual(['connect 5', 'disconnect 5']);
  });

  test('does not wait for ever on storage that fails', async () => {
    const { database, hub, join } = setUp({ isDurable: false });
    const client = await join();
    client.say(call('reducer', 1, 'add', u32Row(1)));
    await turn();
    const closing = hub.close();
    database.failDurability();
    await closing;
    expect(client.take()).toEqual([]);
    expect(client.closed).toBeDefined();
  });
});

test('a commit whose updates cannot be computed stands, and no client goes on with wrong rows', async () => {
  const database = new FakeDatabase();
  const subscriptions = new SubscriptionManager({ tables: database.tables, state: database.committed });
  subscriptions.evaluate = () => {
    throw new Error('a bug');
  };
  const hub = new SessionHub({
    name: 'test',
    database,
    subscriptions,
    clock: systemClock,
    timers: systemTimers,
    logger: silentLogger,
  });
  const client = new TestClient(hub);
  client.say(subscribe(1, 1, BAG));
  database.commitScheduled(1);
  await turn();
  expect(client.closed?.code).toBe(1011);
  expect([...database.committed.table(4096).scan()]).toHaveLength(1);
});
