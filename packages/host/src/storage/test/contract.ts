import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RecoveryReport, Storage } from '../storage.ts';

/** A place for one storage, which can be opened again after it was closed. */
export interface StoragePlace {
  /** Opens what the place holds; the caller recovers it. */
  open(): Promise<Storage>;
  /** Clears the place away. */
  dispose(): Promise<void>;
}

/** What recovery gave. */
export interface Recovered {
  readonly report: RecoveryReport;
  readonly snapshot: { readonly offset: bigint; readonly chunks: readonly Uint8Array[] } | undefined;
  readonly records: readonly { readonly offset: bigint; readonly record: Uint8Array }[];
}

/** Recovers a storage and gathers what it hands out. */
export async function recoverAll(storage: Storage): Promise<Recovered> {
  let snapshot: Recovered['snapshot'];
  const records: { offset: bigint; record: Uint8Array }[] = [];
  const report = await storage.recover({
    snapshot: async (offset, chunks) => {
      const all: Uint8Array[] = [];
      for await (const chunk of chunks) all.push(chunk.slice());
      snapshot = { offset, chunks: all };
    },
    record: (offset, record) => void records.push({ offset, record: record.slice() }),
  });
  return { report, snapshot, records };
}

/** What every storage promises. `makePlace` gives a fresh, empty place. */
export function runStorageContract(makePlace: () => Promise<StoragePlace>): void {
  const withPlace = async (body: (place: StoragePlace) => Promise<void>): Promise<void> => {
    const place = await makePlace();
    try {
      await body(place);
    } finally {
      await place.dispose();
    }
  };
  const openAll = async (place: StoragePlace): Promise<{ storage: Storage; recovered: Recovered }> => {
    const storage = await place.open();
    return { storage, recovered: await recoverAll(storage) };
  };

  describe('storage contract', () => {
    test('an empty place recovers nothing and starts at offset 0', () =>
      withPlace(async (place) => {
        const { storage, recovered } = await openAll(place);
        expect(recovered).toEqual({
          report: { nextOffset: 0n, snapshotOffset: undefined, records: 0, tornBytes: 0 },
          snapshot: undefined,
          records: [],
        });
        expect(storage.durableOffset).toBe(0n);
        expect(storage.writable).toBe(true);
        await storage.whenWritable();
        await storage.close();
      }));

    test('offsets are consecutive and become durable', () =>
      withPlace(async (place) => {
        const { storage } = await openAll(place);
        expect([storage.append(text('a')), storage.append(text('b')), storage.append(text('c'))]).toEqual([0n, 1n, 2n]);
        await storage.whenDurable(1n);
        expect(storage.durableOffset).toBeGreaterThanOrEqual(2n);
        await storage.whenDurable(2n);
        expect(storage.durableOffset).toBe(3n);
        expect(storage.append(text('d'))).toBe(3n);
        await storage.whenDurable(0n);
        await storage.close();
      }));

    test('what was appended is there after closing and opening, in order, of any size', () =>
      withPlace(async (place) => {
        const { storage } = await openAll(place);
        const records = [text('a'), new Uint8Array(0), pattern(1_500_000, 3), new Uint8Array(4096), text('end')];
        for (const record of records) storage.append(record);
        await storage.close();
        const { storage: again, recovered } = await openAll(place);
        expect(recovered.records.map((entry) => entry.offset)).toEqual([0n, 1n, 2n, 3n, 4n]);
        expect(recovered.records.every((entry, at) => same(entry.record, records[at]!))).toBe(true);
        expect(recovered.report).toEqual({ nextOffset: 5n, snapshotOffset: undefined, records: 5, tornBytes: 0 });
        expect(again.append(text('f'))).toBe(5n);
        await again.close();
      }));

    test('a record is copied when it is appended', () =>
      withPlace(async (place) => {
        const { storage } = await openAll(place);
        const record = text('kept');
        storage.append(record);
        record.fill(0);
        await storage.close();
        const { storage: again, recovered } = await openAll(place);
        expect(recovered.records.map((entry) => decode(entry.record))).toEqual(['kept']);
        await again.close();
      }));

    test('a snapshot stands for the records before it, and its chunks come back as they were', () =>
      withPlace(async (place) => {
        const { storage } = await openAll(place);
        for (const name of ['a', 'b', 'c']) storage.append(text(name));
        const chunks = [text('one'), new Uint8Array(0), pattern(700_000, 9), text('last')];
        const written = storage.writeSnapshot(3n, chunks);
        storage.append(text('d'));
        await written;
        await storage.close();
        const { storage: again, recovered } = await openAll(place);
        expect(recovered.snapshot?.offset).toBe(3n);
        expect(recovered.snapshot?.chunks).toHaveLength(4);
        expect(recovered.snapshot?.chunks.every((chunk, at) => same(chunk, chunks[at]!))).toBe(true);
        expect(recovered.records).toEqual([{ offset: 3n, record: text('d') }]);
        expect(recovered.report).toEqual({ nextOffset: 4n, snapshotOffset: 3n, records: 1, tornBytes: 0 });
        await again.close();
      }));

    test('a snapshot frees the log and the snapshot before it', () =>
      withPlace(async (place) => {
        const { storage } = await openAll(place);
        for (let at = 0; at < 100; at++) storage.append(pattern(1000, at));
        await storage.whenDurable(99n);
        expect(storage.usage.logBytes).toBeGreaterThanOrEqual(100_000);
        await storage.writeSnapshot(100n, [pattern(5000, 1)]);
        expect(storage.usage.logBytes).toBeLessThan(1000);
        expect(storage.usage.snapshotBytes).toBeGreaterThanOrEqual(5000);
        storage.append(text('x'));
        await storage.writeSnapshot(101n, [pattern(50, 1)]);
        expect(storage.usage.snapshotBytes).toBeLessThan(1000);
        await storage.close();
        const { storage: again, recovered } = await openAll(place);
        expect(recovered.report.snapshotOffset).toBe(101n);
        expect(recovered.records).toEqual([]);
        expect(again.usage.logBytes).toBeLessThan(1000);
        await again.close();
      }));

    test('a snapshot of an earlier offset keeps the records from there on', () =>
      withPlace(async (place) => {
        const { storage } = await openAll(place);
        for (const name of ['a', 'b', 'c', 'd']) storage.append(text(name));
        await storage.writeSnapshot(2n, [text('ab')]);
        await storage.close();
        const { storage: again, recovered } = await openAll(place);
        expect(recovered.records.map((entry) => decode(entry.record))).toEqual(['c', 'd']);
        await again.close();
      }));

    test('a snapshot whose chunks fail changes nothing', () =>
      withPlace(async (place) => {
        const { storage } = await openAll(place);
        storage.append(text('a'));
        await storage.writeSnapshot(1n, [text('first')]);
        storage.append(text('b'));
        await expect(storage.writeSnapshot(2n, failingChunks())).rejects.toThrow('no more chunks');
        expect(storage.append(text('c'))).toBe(2n);
        await storage.close();
        const { storage: again, recovered } = await openAll(place);
        expect(recovered.snapshot).toEqual({ offset: 1n, chunks: [text('first')] });
        expect(recovered.records.map((entry) => decode(entry.record))).toEqual(['b', 'c']);
        await again.close();
      }));

    test('snapshots asked for at once are written one after another', () =>
      withPlace(async (place) => {
        const { storage } = await openAll(place);
        storage.append(text('a'));
        const first = storage.writeSnapshot(1n, [text('first')]);
        storage.append(text('b'));
        const second = storage.writeSnapshot(2n, [text('second')]);
        storage.append(text('c'));
        await Promise.all([first, second]);
        await storage.close();
        const { storage: again, recovered } = await openAll(place);
        expect(recovered.snapshot).toEqual({ offset: 2n, chunks: [text('second')] });
        expect(recovered.records.map((entry) => decode(entry.record))).toEqual(['c']);
        await again.close();
      }));

    test('a visitor may leave the chunks of the snapshot unread', () =>
      withPlace(async (place) => {
        const { storage } = await openAll(place);
        storage.append(text('a'));
        await storage.writeSnapshot(1n, [text('one'), text('two')]);
        storage.append(text('b'));
        await storage.close();
        const again = await place.open();
        const records: string[] = [];
        await again.recover({
          snapshot: async (_offset, chunks) => {
            for await (const chunk of chunks) if (decode(chunk) === 'one') break;
          },
          record: (_offset, record) => void records.push(decode(record)),
        });
        expect(records).toEqual(['b']);
        await again.close();
      }));

    test('after closing everything is refused, and closing again is nothing', () =>
      withPlace(async (place) => {
        const { storage } = await openAll(place);
        storage.append(text('a'));
        await Promise.all([storage.close(), storage.close()]);
        await storage.close();
        expect(storage.writable).toBe(false);
        expect(() => storage.append(text('b'))).toThrow(expect.objectContaining({ code: 'storage/closed' }));
        await expect(Promise.resolve().then(() => storage.whenWritable())).rejects.toMatchObject({
          code: 'storage/closed',
        });
        await expect(Promise.resolve().then(() => storage.writeSnapshot(1n, []))).rejects.toMatchObject({
          code: 'storage/closed',
        });
        await storage.whenDurable(0n);
      }));

    test('a storage that was only opened can be closed and opened again', () =>
      withPlace(async (place) => {
        await (await place.open()).close();
        const { storage, recovered } = await openAll(place);
        expect(recovered.report.nextOffset).toBe(0n);
        await storage.close();
      }));

    test('using a storage before it is recovered is a bug of the caller', () =>
      withPlace(async (place) => {
        const storage = await place.open();
        expect(() => storage.append(text('a'))).toThrow('bug in @inner-universe/host');
        await storage.close();
      }));

    test('any history of appends, snapshots and openings comes back as the model has it', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 25 }), (operations) =>
          withPlace(async (place) => {
            await runAgainstModel(place, operations);
          }),
        ),
        { numRuns: 40 },
      );
    });
  });
}

type Operation =
  | { readonly type: 'append'; readonly bytes: Uint8Array; readonly count: number }
  | { readonly type: 'snapshot'; readonly back: number; readonly chunks: readonly Uint8Array[] }
  | { readonly type: 'await' }
  | { readonly type: 'reopen' };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      bytes: fc.uint8Array({ maxLength: 700 }),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('snapshot' as const),
      back: fc.nat(3),
      chunks: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ type: 'await' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'reopen' as const }) },
);

interface Model {
  records: Uint8Array[];
  snapshot: { offset: bigint; chunks: readonly Uint8Array[] } | undefined;
}

async function runAgainstModel(place: StoragePlace, operations: readonly Operation[]): Promise<void> {
  const model: Model = { records: [], snapshot: undefined };
  let storage = await place.open();
  await recoverAll(storage);
  for (const step of [...operations, { type: 'reopen' } as const]) {
    if (step.type === 'reopen') {
      await storage.close();
      storage = await place.open();
      expectModel(await recoverAll(storage), model);
    } else {
      await runStep(storage, model, step);
    }
  }
  await storage.close();
}

async function runStep(storage: Storage, model: Model, step: Exclude<Operation, { type: 'reopen' }>): Promise<void> {
  if (step.type === 'append') {
    for (let index = 0; index < step.count; index++) {
      expect(storage.append(step.bytes)).toBe(BigInt(model.records.length));
      model.records.push(step.bytes);
    }
  } else if (step.type === 'await') {
    if (model.records.length > 0) await storage.whenDurable(BigInt(model.records.length - 1));
  } else {
    const offset = BigInt(Math.max(Number(model.snapshot?.offset ?? 0n), model.records.length - step.back));
    await storage.writeSnapshot(offset, step.chunks);
    model.snapshot = { offset, chunks: step.chunks };
  }
}

function expectModel(recovered: Recovered, model: Model): void {
  expect(recovered.snapshot).toEqual(model.snapshot);
  const from = Number(model.snapshot?.offset ?? 0n);
  expect(recovered.records).toEqual(
    model.records.slice(from).map((record, at) => ({ offset: BigInt(from + at), record })),
  );
  expect(recovered.report.nextOffset).toBe(BigInt(model.records.length));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Bytes that differ from place to place and contain zeros. */
function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + seed) & 0xff);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, at) => value === b[at]);
}

function* failingChunks(): Generator<Uint8Array, void, undefined> {
  yield text('begun');
  throw new Error('no more chunks');
}
