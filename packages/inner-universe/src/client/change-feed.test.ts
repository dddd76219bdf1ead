import { CODE_VERSION } from '@inner-universe/module/wire';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { FakeConnection } from '../../test/fake-connections.ts';
import { makeCallError } from '../errors.ts';
import { ChangeFeed } from './change-feed.ts';
import type { LiveEvent, ReadPage } from './change-source.ts';

const OWNER = 'e'.repeat(64);
const SOMEBODY = '1'.repeat(64);

/** A log of a test: what was committed, and what of it is pushed where. */
class FakeLog {
  readonly events: { seq: bigint; eventId: string }[] = [];
  readonly recent: { recentNumber: bigint; eventId: string }[] = [];
  trimmedSeq = 0n;
  reads = 0;
  failures: unknown[] = [];
  pageRows = 3;

  commit(): { seq: bigint; eventId: string } {
    const seq = BigInt(this.events.length + 1);
    const event = { seq, eventId: `e${seq}` };
    this.events.push(event);
    return event;
  }

  readonly answer = async (
    name: string,
    args: { afterSeq: bigint; throughSeq: bigint; recentAfter?: bigint },
  ): Promise<unknown> => {
    await Promise.resolve();
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const head = BigInt(this.events.length);
    if (name === 'readScopes') {
      const recentNumber = BigInt(this.recent.length);
      return {
        scopes: [{ name: 'main', scopeKey: 'key', seq: head, recentNumber }],
        owner: { __identity__: BigInt(`0x${OWNER}`) },
        seq: head,
      };
    }
    if (name === 'readScopePage') {
      const recentNumber = BigInt(this.recent.length);
      const scopes = [{ name: 'main', scopeKey: 'key', seq: head, recentNumber }];
      return { scopes, cursor: '0:main', more: false, seq: head };
    }
    this.reads += 1;
    const { afterSeq, throughSeq, recentAfter } = args;
    if (afterSeq < this.trimmedSeq) {
      const details = { trimmedSeq: this.trimmedSeq.toString() };
      throw makeCallError(
        name,
        JSON.stringify({ code: 'event/trimmed', op: null, ids: [], details, message: 'Trimmed.' }),
      );
    }
    const through = throughSeq === 0n ? head : throughSeq;
    const found = this.events.filter(({ seq }) => seq > afterSeq && seq <= through);
    const events = found.slice(0, this.pageRows);
    const more = found.length > events.length;
    const recent =
      recentAfter === undefined ? [] : this.recent.filter(({ recentNumber }) => recentNumber > recentAfter);
    return {
      events,
      lookedTo: more ? events.at(-1)?.seq : through,
      more,
      recent,
      recentNumber: BigInt(this.recent.length),
    };
  };
}

function makeFeed(log: FakeLog): {
  feed: ChangeFeed;
  seen: bigint[];
  errors: unknown[];
  connect(identity?: string): Promise<FakeConnection>;
} {
  const errors: unknown[] = [];
  const seen: bigint[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const feed = new ChangeFeed({
    read: ((name, args) => log.answer(name, args as never)) as ReadPage,
    codeVersion: () => CODE_VERSION,
    onError,
    timers: { schedule: () => () => undefined },
  });
  feed.listen((events) => seen.push(...events.map(({ seq }: LiveEvent) => seq)));
  const connect = async (identity = OWNER): Promise<FakeConnection> => {
    const connection = new FakeConnection((name, args) => log.answer(name, args), identity);
    await feed.attach(connection);
    return connection;
  };
  return { feed, seen, errors, connect };
}

test('whatever is pushed late, twice, out of order or not at all, every event after the start is told once, in order', async () => {
  const steps = fc.array(fc.constantFrom('push', 'twice', 'hold', 'release', 'miss', 'reconnect', 'turn'), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(5), async (given, past) => {
      const log = new FakeLog();
      for (let count = 0; count < past; count += 1) log.commit();
      const { feed, seen, errors, connect } = makeFeed(log);
      let connection = await connect();
      let held: object[] = [];
      for (const step of given) {
        if (step === 'push') connection.push('eventFeed', log.commit());
        if (step === 'twice') connection.push('eventFeed', log.events.at(-1) ?? log.commit(), log.commit());
        if (step === 'hold') held.push(log.commit());
        if (step === 'release') connection.push('eventFeed', ...held.toReversed());
        if (step === 'release' || step === 'reconnect') held = [];
        if (step === 'miss') log.commit();
        if (step === 'reconnect') connection = await connect();
        if (step === 'turn') await new Promise((resolve) => setImmediate(resolve));
      }
      await feed.catchUp();
      await new Promise((resolve) => setImmediate(resolve));
      expect(seen).toEqual(log.events.slice(past).map(({ seq }) => seq));
      expect(feed.cursor).toBe(BigInt(log.events.length));
      expect(errors).toEqual([]);
    }),
  );
});

test('what is pushed while pages are read waits, up to a limit; what has no room is read', async () => {
  const log = new FakeLog();
  const { feed, seen, connect } = makeFeed(log);
  const connection = await connect();
  log.pageRows = 1_000;
  log.commit();
  const pushed = Array.from({ length: 12_000 }, () => log.commit());
  // The first one is missing, so that pages are read; what is pushed meanwhile is more than is kept.
  connection.push('eventFeed', pushed[0] ?? {});
  await Promise.resolve();
  connection.push('eventFeed', ...pushed.slice(1));
  await feed.catchUp();
  await vi.waitFor(() => expect(seen).toHaveLength(12_001));
  expect(seen).toEqual(log.events.map(({ seq }) => seq));
});

test('an ephemeral event is told once and moves nothing', async () => {
  const log = new FakeLog();
  const { feed, seen, connect } = makeFeed(log);
  const connection = await connect();
  connection.push('eventFeed', log.commit(), { seq: 0n, eventId: 'x' }, log.commit());
  await Promise.resolve();
  expect(seen).toEqual([0n, 1n, 2n]);
  expect(feed.cursor).toBe(2n);
});

test('who is not the owner is told by the pages when a head moves, ephemeral ones too; many moves cost few reads', async () => {
  const log = new FakeLog();
  log.commit();
  const { seen, errors, connect } = makeFeed(log);
  const connection = await connect(SOMEBODY);
  log.pageRows = 1_000;
  log.reads = 0;
  for (let count = 0; count < 100; count += 1) {
    log.commit();
    connection.push('head', { scopeKey: 'key', seq: BigInt(log.events.length), recentNumber: 0n });
  }
  await vi.waitFor(() => expect(seen).toHaveLength(100));
  expect(log.reads).toBeLessThanOrEqual(3);
  log.recent.push({ recentNumber: 1n, eventId: 'r1' }, { recentNumber: 2n, eventId: 'r2' });
  connection.push('head', { scopeKey: 'key', seq: 101n, recentNumber: 2n });
  await vi.waitFor(() => expect(seen.slice(100)).toEqual([0n, 0n]));
  connection.push('head', { scopeKey: 'key', seq: 101n, recentNumber: 2n });
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toHaveLength(102);
  expect(errors).toEqual([]);
});

test('a read that fails is reported, and the next move makes up for it', async () => {
  const log = new FakeLog();
  const { seen, errors, connect } = makeFeed(log);
  const connection = await connect(SOMEBODY);
  log.failures = [new Error('no luck')];
  log.commit();
  connection.push('head', { scopeKey: 'key', seq: 1n, recentNumber: 0n });
  await vi.waitFor(() => expect(errors).toEqual([new Error('no luck')]));
  log.commit();
  connection.push('head', { scopeKey: 'key', seq: 2n, recentNumber: 0n });
  await vi.waitFor(() => expect(seen).toEqual([1n, 2n]));
});

test('what was trimmed before it was read is told as a gap, and the feed goes on behind it', async () => {
  const log = new FakeLog();
  const { feed, seen, errors, connect } = makeFeed(log);
  let gaps = 0;
  feed.listen(
    () => undefined,
    () => (gaps += 1),
  );
  const connection = await connect();
  connection.push('eventFeed', log.commit());
  await Promise.resolve();
  for (let count = 0; count < 5; count += 1) log.commit();
  log.trimmedSeq = 4n;
  await connect();
  expect(seen).toEqual([1n, 5n, 6n]);
  expect(gaps).toBe(1);
  expect(errors).toMatchObject([{ code: 'page/gap', details: { afterSeq: '1', trimmedSeq: '4' } }]);
});

test('a listener that throws is reported and harms no other; one that left hears nothing', async () => {
  const log = new FakeLog();
  const { feed, seen, errors, connect } = makeFeed(log);
  const connection = await connect();
  const thrown = new Error('thrown');
  feed.listen(() => {
    throw thrown;
  });
  const late: bigint[] = [];
  const leave = feed.listen((events) => late.push(...events.map(({ seq }) => seq)));
  connection.push('eventFeed', log.commit());
  await Promise.resolve();
  leave();
  connection.push('eventFeed', log.commit());
  await Promise.resolve();
  expect(seen).toEqual([1n, 2n]);
  expect(late).toEqual([1n]);
  expect(errors).toEqual([thrown, thrown]);
  feed.close();
  connection.push('eventFeed', log.commit());
  await Promise.resolve();
  expect(seen).toEqual([1n, 2n]);
});
