import { describe, expect, test } from 'vitest';
import { ADA, openModule } from '../../test/module-database.ts';
import { createMemoryStorage, makeMemoryContents } from '../storage/memory-storage.ts';

const SECOND = 1_000_000n;

describe('a scheduled reducer', () => {
  test('runs once at its time, as the database, and its row goes after it', async () => {
    const db = await openModule('people.ts');
    const kinds: string[] = [];
    db.database.onCommit(({ kind, functionName }) => kinds.push(`${kind} ${functionName}`));
    db.call(ADA, 'schedule', 'once', 5n * SECOND, false);
    db.time.advance(4n * SECOND);
    expect(db.result('tick once')).toBeUndefined();
    expect(db.rows('tick')).toHaveLength(1);
    db.time.advance(2n * SECOND);
    expect(db.result('tick once')).toBe('1');
    expect(db.result('tick sender')).toBe('true none');
    expect(db.rows('tick')).toEqual([]);
    expect(kinds).toEqual(['reducer schedule', 'scheduled on_tick', 'scheduled on_tick']);
    db.time.advance(100n * SECOND);
    expect(db.result('tick once')).toBe('1');
  });

  test('runs again and again at its interval, in phase, and missed ticks are skipped', async () => {
    const db = await openModule('people.ts');
    db.call(ADA, 'schedule', 'often', 2n * SECOND, true);
    db.time.advance(7n * SECOND);
    expect(db.result('tick often')).toBe('3');
    // The host slept for a while: one late tick, then the old phase.
    db.time.set(db.time.nowMicros() + 10n * SECOND);
    db.time.advance(0n);
    expect(db.result('tick often')).toBe('4');
    db.time.advance(SECOND / 2n);
    expect(db.result('tick often')).toBe('4');
    db.time.advance(SECOND / 2n);
    expect(db.result('tick often')).toBe('5');
    expect(db.rows('tick')).toHaveLength(1);
  });

  test('that is cancelled in time does not run', async () => {
    const db = await openModule('people.ts');
    db.call(ADA, 'schedule', 'gone', SECOND, false);
    db.call(ADA, 'schedule', 'kept', SECOND, false);
    db.call(ADA, 'cancel', 'gone');
    db.time.advance(2n * SECOND);
    expect(db.result('tick gone')).toBeUndefined();
    expect(db.result('tick kept')).toBe('1');
  });

  test('that fails leaves no trace, is logged, and its one-shot row goes', async () => {
    const db = await openModule('people.ts');
    db.call(ADA, 'schedule', 'failing', SECOND, false);
    db.time.advance(2n * SECOND);
    expect(db.result('tick failing')).toBeUndefined();
    expect(db.rows('tick')).toEqual([]);
    expect(db.logTexts()[0]).toMatch(/^panic: Error: tick failed/);
  });

  test('of a reducer that was rolled back does not run', async () => {
    const db = await openModule('people.ts');
    expect(db.call(ADA, 'schedule', 'too long', 2n ** 36n * 1000n, false).outcome).toMatchObject({
      type: 'failed-internal',
    });
    expect(db.rows('tick')).toEqual([]);
    expect(db.logTexts()[0]).toMatch(/Specified delay in scheduling row was too long/);
  });

  test('is taken up again at the next start: what is overdue at once, intervals from now on', async () => {
    const contents = makeMemoryContents();
    const first = await openModule('people.ts', { storage: createMemoryStorage({ contents }) });
    first.call(ADA, 'schedule', 'overdue', SECOND, false);
    first.call(ADA, 'schedule', 'later', 100n * SECOND, false);
    first.call(ADA, 'schedule', 'often', 4n * SECOND, true);
    await first.database.close();
    first.time.advance(60n * SECOND);
    expect(first.result('tick overdue')).toBeUndefined();

    const second = await openModule('people.ts', { storage: createMemoryStorage({ contents }), time: first.time });
    second.time.runDue();
    expect(second.result('tick overdue')).toBe('1');
    expect(second.result('tick often')).toBeUndefined();
    second.time.advance(4n * SECOND);
    expect(second.result('tick often')).toBe('1');
    second.time.advance(40n * SECOND);
    expect(second.result('tick later')).toBe('1');
  });

  test('with an interval of zero leaves the turn to others', async () => {
    const db = await openModule('people.ts');
    db.call(ADA, 'schedule', 'zero', 0n, true);
    db.time.runDue(5);
    expect(db.result('tick zero')).toBe('5');
    expect(db.call(ADA, 'cancel', 'zero').outcome).toEqual({ type: 'committed' });
    db.time.runDue();
    expect(db.result('tick zero')).toBe('5');
  });
});

describe('a scheduled procedure', () => {
  test('runs at its time with transactions of its own, and its row went before it', async () => {
    const db = await openModule('people.ts');
    db.call(ADA, 'schedule_job', 'job', SECOND);
    db.time.advance(2n * SECOND);
    expect(db.result('job job')).toBe('0 left');
    expect(db.rows('job')).toEqual([]);
  });
});
