import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Outbox, OutboxOwner, OutboxRecords } from '../offline/outbox.ts';

/** What a contract needs of an implementation. */
export interface OutboxContract {
  /** A new, empty place for an outbox. */
  readonly makePlace: () => Promise<OutboxPlace>;
}

/** A place that an outbox keeps its records in. */
export interface OutboxPlace {
  /** An outbox over the same place, as another start of the application makes it. */
  outbox(): Outbox;
  remove(): Promise<void>;
}

const ADA: OutboxOwner = { target: 'ws://one/', database: 'universe', subject: 'ada' };
const signs = {
  onError: (error: unknown) => {
    throw error;
  },
};

/** What every outbox promises. */
export function runOutboxContract(name: string, { makePlace }: OutboxContract): void {
  describe(`${name} as an outbox`, () => {
    let place: OutboxPlace;
    const open: OutboxRecords[] = [];

    beforeEach(async () => {
      place = await makePlace();
    });

    afterEach(async () => {
      await Promise.all(open.splice(0).map((records) => records.close()));
      await place.remove();
    });

    async function openAs(owner: OutboxOwner = ADA): Promise<OutboxRecords> {
      const records = await place.outbox().open(owner, signs);
      open.push(records);
      return records;
    }

    async function reopen(records: OutboxRecords): Promise<ReadonlyMap<string, string>> {
      await records.close();
      const again = await openAs();
      await again.close();
      return again.recovered;
    }

    test('has what was written, and not what was taken away, when it is opened again', async () => {
      const records = await openAs();
      expect([...records.recovered]).toEqual([]);
      await records.write(
        [
          { key: 'a', value: '1' },
          { key: 'b', value: '2 \u{1f600} "' },
        ],
        'durable',
      );
      await records.write(
        [
          { key: 'a', value: undefined },
          { key: 'c', value: '3' },
        ],
        'soon',
      );
      await records.write([], 'durable');
      await records.write([{ key: 'b', value: '4' }], 'durable');
      expect(Object.fromEntries(await reopen(records))).toEqual({ b: '4', c: '3' });
    });

    test('applies writes in the order of their calls, however many are on their way', async () => {
      const records = await openAs();
      const writes: Promise<void>[] = [];
      for (let n = 0; n < 300; n += 1) {
        writes.push(records.write([{ key: 'last', value: String(n) }], n % 3 === 0 ? 'durable' : 'soon'));
        if (n % 7 === 0) writes.push(records.write([{ key: `kept-${n}`, value: 'x' }], 'soon'));
        if (n % 14 === 0) writes.push(records.write([{ key: `kept-${n}`, value: undefined }], 'durable'));
      }
      await Promise.all(writes);
      const recovered = await reopen(records);
      expect(recovered.get('last')).toBe('299');
      expect([...recovered.keys()].filter((key) => key.startsWith('kept')).length).toBe(21);
    });

    test('waits at closing for what was written', async () => {
      const records = await openAs();
      const written = records.write([{ key: 'a', value: '1' }], 'soon');
      await Promise.all([records.close(), records.close(), written]);
      expect(Object.fromEntries(await reopen(records))).toEqual({ a: '1' });
    });

    test('belongs to one at a time', async () => {
      const records = await openAs();
      await expect(openAs()).rejects.toMatchObject({ code: 'outbox/in-use', retryable: true });
      await records.close();
      await (await openAs()).close();
    });

    test('shows nobody what is another owner\u2019s', async () => {
      const records = await openAs();
      await records.write([{ key: 'a', value: '1' }], 'durable');
      records.copies.set('head', 'mine');
      await records.close();
      for (const other of [{ subject: 'bob' }, { target: 'ws://two/' }, { database: 'other' }]) {
        const others = await openAs({ ...ADA, ...other });
        expect([...others.recovered]).toEqual([]);
        expect(await others.copies.get('head')).toBeUndefined();
        await others.close();
      }
    });

    test('keeps copies by name, the last one of each', async () => {
      const records = await openAs();
      records.copies.set('head', 'one');
      records.copies.set('head', 'two \u{1f600}');
      expect(await records.copies.get('head')).toBe('two \u{1f600}');
      records.copies.set('gone', 'x');
      records.copies.delete('gone');
      expect(await records.copies.get('gone')).toBeUndefined();
      await records.close();
      const again = await openAs();
      expect(await again.copies.get('head')).toBe('two \u{1f600}');
      expect(await again.copies.get('gone')).toBeUndefined();
      expect(await again.copies.get('never')).toBeUndefined();
    });
  });
}
