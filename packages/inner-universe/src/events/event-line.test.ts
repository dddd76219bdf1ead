import { NervError, type DeliveryReport, type IncomingEvent } from '@inner-universe/nerv';
import { makeWireTimestamp, type EventsPage, type ReadEventsArguments } from '@inner-universe/module/wire';
import { describe, expect, test } from 'vitest';
import type { LiveEvent, ReadPage } from '../client/change-source.ts';
import { NervPersistenceError } from '../errors.ts';
import { SILENT_TELEMETRY } from '../observability/telemetry.ts';
import { EventLine, UNSETTLED_MAX, WAITING_MAX } from './event-line.ts';

const TIME = makeWireTimestamp(0n);

function makeRow(seq: number, durability = 'durable'): LiveEvent {
  const value = { scope: 'main', source: '', publisher: { __identity__: 1n }, partitionKey: '', authoredAt: TIME };
  const data = { data: String(seq), dataEncoding: 'json/1', metadata: '{}', metadataEncoding: 'json/1' };
  const type = { eventId: `e${seq}`, eventType: 'tick', typeVersion: 1, kind: 'application', recordedAt: TIME };
  return { ...type, ...value, ...data, seq: durability === 'durable' ? BigInt(seq) : 0n, durability };
}

function makeRows(from: number, count: number): readonly LiveEvent[] {
  return Array.from({ length: count }, (_, at) => makeRow(from + at));
}

/** A log of so many events, a line over it, and handlers that settle when the test says so. */
class Bench {
  readonly delivered: number[] = [];
  readonly errors: unknown[] = [];
  readonly settle: (() => void)[] = [];
  reads = 0;
  isAwaited = false;
  isHeard = true;
  isSlow = true;
  /** Up to where the log is trimmed. */
  trimmed = 0;
  readonly line: EventLine;
  readonly #last: number;

  constructor(last: number) {
    this.#last = last;
    this.line = new EventLine({
      read: ((_name, args) => this.#read(args as ReadEventsArguments)) as ReadPage,
      sealer: undefined,
      deliver: (event) => this.#deliver(event),
      onError: (error) => this.errors.push(error),
      isAwaited: () => this.isAwaited,
      isHeard: () => this.isHeard,
      telemetry: SILENT_TELEMETRY,
    });
  }

  /** Lets every handler settle that has begun, and then those that begin meanwhile, until none does. */
  async drain(): Promise<void> {
    this.isSlow = false;
    for (const settle of this.settle.splice(0)) settle();
    await this.line.idle();
  }

  #deliver({ data, id }: IncomingEvent): Promise<DeliveryReport> {
    this.delivered.push(data as number);
    const report = { id, handled: 1, errors: [] };
    if (!this.isSlow) return Promise.resolve(report);
    return new Promise((resolve) => this.settle.push(() => resolve(report)));
  }

  async #read({ afterSeq }: ReadEventsArguments): Promise<EventsPage> {
    this.reads += 1;
    if (afterSeq < this.trimmed) {
      const details = { trimmedSeq: String(this.trimmed), afterSeq: String(afterSeq) };
      throw new NervPersistenceError('event/trimmed', 'The log begins later.', { details });
    }
    const from = Number(afterSeq) + 1;
    const events = makeRows(from, Math.min(1_000, this.#last - from + 1));
    const lookedTo = BigInt(from + events.length - 1);
    const seq = BigInt(this.#last);
    return { events, lookedTo, more: lookedTo < seq, seq, trimmedSeq: 0n, recent: [], recentNumber: 0n };
  }
}

describe('a line with handlers that do not settle', () => {
  test('holds a bounded number of 200,000 events, and delivers each once and in order when they do', async () => {
    const bench = new Bench(200_000);
    for (let from = 1; from <= 200_000; from += 500) {
      bench.line.accept(makeRows(from, 500));
      expect(bench.line.waiting).toBeLessThanOrEqual(WAITING_MAX);
      expect(bench.line.unsettled).toBeLessThanOrEqual(UNSETTLED_MAX);
    }
    expect(bench.delivered).toHaveLength(UNSETTLED_MAX);
    expect(bench.line.waiting).toBe(WAITING_MAX);
    expect(bench.reads).toBe(0);
    await bench.drain();
    expect(bench.delivered).toHaveLength(200_000);
    expect(bench.delivered.every((data, at) => data === at + 1)).toBe(true);
    expect(bench.reads).toBe(Math.ceil((200_000 - UNSETTLED_MAX - WAITING_MAX) / 1_000));
    expect(bench.line.unsettled).toBe(0);
    expect(bench.errors).toEqual([]);
  });

  test('starts one when one has settled', async () => {
    const bench = new Bench(2_000);
    bench.line.accept(makeRows(1, 2_000));
    for (let settled = 1; settled <= 10; settled += 1) {
      bench.settle.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
      expect(bench.delivered).toHaveLength(UNSETTLED_MAX + settled);
    }
  });

  test('drops ephemeral events beyond what it holds, and says so once', async () => {
    const bench = new Bench(0);
    bench.line.accept(
      Array.from({ length: UNSETTLED_MAX + WAITING_MAX + 50 }, (_, at) => makeRow(at + 1, 'ephemeral')),
    );
    expect(bench.line.waiting).toBe(WAITING_MAX);
    expect(bench.errors).toEqual([expect.any(NervError)]);
    expect(bench.errors[0]).toMatchObject({ code: 'event/buffer-full', details: { type: 'tick' } });
    await bench.drain();
    expect(bench.delivered).toHaveLength(UNSETTLED_MAX + WAITING_MAX);
    expect(bench.reads).toBe(0);
  });

  test('goes on behind what was trimmed before it was read, and says so', async () => {
    const bench = new Bench(15_000);
    bench.line.accept(makeRows(1, 15_000));
    bench.trimmed = 12_500;
    await bench.drain();
    expect(bench.errors).toMatchObject([{ code: 'event/trimmed', details: { trimmedSeq: '12500' } }]);
    expect(bench.delivered).toHaveLength(13_500);
    expect(bench.delivered.slice(11_000)).toEqual(Array.from({ length: 2_500 }, (_, n) => 12_501 + n));
    bench.line.accept([makeRow(15_001)]);
    expect(bench.delivered.at(-1)).toBe(15_001);
  });

  test('reads what is said to be skipped, before what comes next', async () => {
    const bench = new Bench(1_500);
    bench.isSlow = false;
    bench.line.accept(makeRows(1, 10));
    bench.line.readSkipped(1_200n);
    bench.line.accept(makeRows(1_201, 300));
    await bench.line.idle();
    expect([...new Set(bench.delivered)]).toEqual(Array.from({ length: 1_500 }, (_, n) => 1 + n));
  });

  test('goes on while somebody waits for an event, which may be one of those behind', async () => {
    const bench = new Bench(3_000);
    bench.line.accept(makeRows(1, 3_000));
    bench.isAwaited = true;
    bench.line.wake();
    await bench.line.idle();
    expect(bench.delivered).toHaveLength(3_000);
  });

  test('drops what waits when it is closed', async () => {
    const bench = new Bench(3_000);
    bench.line.accept(makeRows(1, 3_000));
    bench.line.close();
    await bench.drain();
    expect(bench.delivered).toHaveLength(UNSETTLED_MAX);
    expect(bench.line.waiting).toBe(0);
  });
});

test('passes over what nobody hears, without reading it, and goes on with what is heard', async () => {
  const bench = new Bench(10);
  bench.isSlow = false;
  bench.isHeard = false;
  bench.line.accept([
    { ...makeRow(1), data: 'no JSON' },
    { ...makeRow(2), dataEncoding: 'chunks/1' },
  ]);
  expect([bench.delivered, bench.errors, bench.line.waiting]).toEqual([[], [], 0]);
  bench.isHeard = true;
  bench.line.accept(makeRows(3, 2));
  await bench.line.idle();
  expect([bench.delivered, bench.reads]).toEqual([[3, 4], 0]);
});

test('what waited is passed over where nobody hears it any more when its turn comes', async () => {
  const bench = new Bench(UNSETTLED_MAX + 10);
  bench.line.accept(makeRows(1, UNSETTLED_MAX + 10));
  expect(bench.line.waiting).toBe(10);
  bench.isHeard = false;
  await bench.drain();
  expect([bench.delivered.length, bench.errors]).toEqual([UNSETTLED_MAX, []]);
});

test('handlers that settle at once are not waited for, and what comes is delivered as it comes', () => {
  const bench = new Bench(0);
  bench.isSlow = false;
  bench.line.accept(makeRows(1, 500));
  expect(bench.delivered).toHaveLength(500);
});
