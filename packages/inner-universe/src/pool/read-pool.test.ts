import type { Timers } from '@inner-universe/nerv';
import { beforeEach, expect, test } from 'vitest';
import { FakeConnector, type FakeConnection } from '../../test/fake-connections.ts';
import type { CallOptions, Connection } from '../connection/connection.ts';
import { ConnectionError } from '../errors.ts';
import { SILENT_TELEMETRY, type Telemetry } from '../observability/telemetry.ts';
import { isLargeRead } from './large-reads.ts';
import { ReadPool, type PoolOptions } from './read-pool.ts';
import { ALL_ENTITIES, ALL_EVENTS } from '../client/reads.ts';

const IDENTITY = 'e'.repeat(64);
const unreachable = new ConnectionError('connection/unreachable', 'nobody there', { retryable: true });

/** Reads that a test answers one by one. */
interface PendingRead {
  readonly connection: FakeConnection;
  respond(value: string): void;
}

let connector: FakeConnector;
let pending: PendingRead[];
let overMain: number;
let nowMs: number;
let scheduled: Map<() => void, number>;
let ways: unknown[];

beforeEach(() => {
  connector = new FakeConnector();
  pending = [];
  overMain = 0;
  nowMs = 0;
  scheduled = new Map();
  ways = [];
});

function makePool(options: PoolOptions = { connections: 2 }, prepare = async (): Promise<void> => undefined): ReadPool {
  const timers: Timers = {
    schedule: (callback, delayMs) => {
      scheduled.set(callback, delayMs);
      return () => void scheduled.delete(callback);
    },
  };
  const telemetry: Telemetry = { ...SILENT_TELEMETRY, count: (_name, _by, labels) => void ways.push(labels?.['way']) };
  return new ReadPool({ options, connector, prepare, identity: () => IDENTITY, timers, nowMs: () => nowMs, telemetry });
}

function read(pool: ReadPool, call: CallOptions = {}): Promise<string> {
  const start = (connection: Connection): Promise<string> =>
    new Promise((resolve, reject) => {
      const fake = connection as FakeConnection;
      pending.push({ connection: fake, respond: resolve });
      void fake.ended.then(() => reject(new ConnectionError('connection/lost', 'lost')));
    });
  const main = async (): Promise<string> => {
    overMain += 1;
    return 'over the main connection';
  };
  return pool.read(start, main, call);
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('nothing is opened before it is needed, and never more than was said; the rest waits its turn', async () => {
  const pool = makePool();
  expect(connector.attempts).toBe(0);
  const reads = [read(pool), read(pool), read(pool)];
  await turns();
  expect([connector.attempts, pool.size, pending.length]).toEqual([2, 2, 2]);
  pending[1]?.respond('second');
  expect(await reads[1]).toBe('second');
  await turns();
  expect(pending[2]?.connection).toBe(pending[1]?.connection);
  pending[0]?.respond('first');
  pending[2]?.respond('third');
  expect(await Promise.all(reads)).toEqual(['first', 'second', 'third']);
  expect(connector.attempts).toBe(2);
  expect(ways).toEqual(['pool', 'pool', 'pool']);
  await pool.close();
  expect(connector.open).toEqual([]);
});

test('a connection that nobody uses is used again, and closed after a while', async () => {
  const pool = makePool({ connections: 2, idleMs: 70 });
  for (let times = 0; times < 2; times += 1) {
    const answer = read(pool);
    await turns();
    pending.at(-1)?.respond('answer');
    await answer;
  }
  expect(connector.attempts).toBe(1);
  expect([...scheduled.values()]).toEqual([70]);
  for (const [callback] of scheduled) callback();
  await turns();
  expect([pool.size, connector.open.length]).toEqual([0, 0]);
  await pool.close();
});

test('where none can be opened, reads go over the main connection, and it is tried again after a while', async () => {
  connector.failure = unreachable;
  const pool = makePool({ connections: 1 });
  expect(await Promise.all([read(pool), read(pool)])).toEqual(Array(2).fill('over the main connection'));
  expect(await read(pool)).toBe('over the main connection');
  expect(connector.attempts).toBe(1);
  expect(ways).toEqual(['main', 'main', 'main']);
  connector.failure = undefined;
  nowMs = 5_000;
  const answer = read(pool);
  await turns();
  pending[0]?.respond('answer');
  expect(await answer).toBe('answer');
  await pool.close();
});

test('a connection of somebody else, or of another schema, is not used', async () => {
  connector.identity = 'f'.repeat(64);
  expect(await read(makePool())).toBe('over the main connection');
  connector.identity = IDENTITY;
  const misfit = makePool({ connections: 1 }, () => Promise.reject(new Error('another schema')));
  expect(await read(misfit)).toBe('over the main connection');
  expect(connector.open).toEqual([]);
});

test('a read whose connection is lost goes over the main one, and who waits gets another', async () => {
  const pool = makePool({ connections: 1 });
  const [lost, waiting] = [read(pool), read(pool)];
  await turns();
  pending[0]?.connection.lose();
  expect(await lost).toBe('over the main connection');
  await turns();
  pending[1]?.respond('answer');
  expect(await waiting).toBe('answer');
  await pool.close();
});

test('who waits can leave, and closing leaves nobody waiting', async () => {
  const pool = makePool({ connections: 1 });
  const first = read(pool);
  const controller = new AbortController();
  const [leaving, staying] = [read(pool, { signal: controller.signal }), read(pool)];
  await turns();
  const reason = new Error('left');
  controller.abort(reason);
  await expect(leaving).rejects.toBe(reason);
  await pool.close();
  expect(await Promise.all([first, staying])).toEqual(Array(2).fill('over the main connection'));
  expect(await read(pool)).toBe('over the main connection');
  expect(connector.open).toEqual([]);
});

test('who leaves while a connection is opened leaves it to the next', async () => {
  const pool = makePool({ connections: 1 });
  const controller = new AbortController();
  const leaving = read(pool, { signal: controller.signal });
  controller.abort(new Error('left'));
  await expect(leaving).rejects.toThrow('left');
  await turns();
  const next = read(pool);
  await turns();
  pending[0]?.respond('answer');
  expect(await next).toBe('answer');
  expect(connector.attempts).toBe(1);
  await pool.close();
});

test('more than a thousand that wait go over the main connection', async () => {
  const pool = makePool({ connections: 1 });
  const reads = Array.from({ length: 1_003 }, () => read(pool));
  await turns();
  expect(overMain).toBe(2);
  await pool.close();
  await Promise.all(reads);
  expect(overMain).toBe(1_003);
});

test('large is what asks for many rows, and what states and values are made of', () => {
  expect(isLargeRead('readEvents', ALL_EVENTS)).toBe(true);
  expect(isLargeRead('readEvents', { ...ALL_EVENTS, limit: 10 })).toBe(false);
  expect(isLargeRead('readEntities', { ...ALL_ENTITIES, ids: ['one'] })).toBe(false);
  expect(isLargeRead('readStatus', {})).toBe(false);
  expect(isLargeRead('readScopes', {})).toBe(false);
});
