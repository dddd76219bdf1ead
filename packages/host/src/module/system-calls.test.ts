import { describe, expect, test } from 'vitest';
import { ADA, IDENTITY, openModule } from '../../test/module-database.ts';

const NO_ARGS = new Uint8Array(0);

describe('system calls', () => {
  test('answer wrong use with the documented errors, as classes of the module', async () => {
    const db = await openModule('raw-calls.ts');
    // The range over a hash index is fatal upstream; here it has an error number, and the call goes on.
    expect(db.database.callReducer(ADA, 'probe', NO_ARGS).outcome).toEqual({ type: 'committed' });
    expect(Object.fromEntries(db.rows('answer'))).toEqual({
      'unknown table': 'NoSuchTable: No such table',
      'unknown index': 'NoSuchIndex: No such index',
      'table name of a wrong type': 'TypeError: a string is needed',
      'unknown table id': 'NoSuchTable: No such table',
      'table id of a wrong type': 'TypeError: a non-negative integer is needed',
      'unknown index id': 'NoSuchIndex: No such index',
      'index of another table': 'NoSuchIndex: No such index',
      'no buffer': 'TypeError: an ArrayBuffer is needed',
      'length past the buffer': 'RangeError: length argument was out of bounds for `ArrayBuffer`',
      'negative length': 'TypeError: a non-negative integer is needed',
      'key cut short': "BsatnDecodeError: Couldn't decode the BSATN to the expected type",
      'relation cut short': "BsatnDecodeError: Couldn't decode the BSATN to the expected type",
      'relation counted wrongly': "BsatnDecodeError: Couldn't decode the BSATN to the expected type",
      'update of no row': 'NoSuchRow: The row was not found, e.g., in an update call',
      'unknown iterator': 'NoSuchIter: The provided row iterator is not valid',
      'closing an unknown iterator': 'NoSuchIter: The provided row iterator is not valid',
      'unknown timer': 'NoSuchConsoleTimer: The provided console timer does not exist',
      'buffer too small': '{"__buffer_too_small__":8}',
      'range of a hash index': 'SpacetimeHostError: The Index does not support range scans',
      'transaction in a reducer':
        'WouldBlockTransaction: Attempted async or blocking op while holding open a transaction',
      'commit in a reducer': 'TransactionNotAnonymous: Not in an anonymous transaction. Called by a reducer?',
      'abort in a reducer': 'TransactionNotAnonymous: Not in an anonymous transaction. Called by a reducer?',
      'request in a reducer': 'WouldBlockTransaction: Attempted async or blocking op while holding open a transaction',
      'payload of a wrong type': 'TypeError: a bigint is needed',
      'payload of nobody': 'returned 0',
      'all rows cleared': 'returned 1',
    });
  });

  test('need a transaction where they read or write', async () => {
    const db = await openModule('raw-calls.ts');
    const notInTransaction = 'NotInTransaction: ABI call can only be made while in a transaction';
    expect(db.run(ADA, 'probe_outside').value).toEqual([
      notInTransaction,
      notInTransaction,
      notInTransaction,
      'TransactionNotAnonymous: Not in an anonymous transaction. Called by a reducer?',
      "BsatnDecodeError: Couldn't decode the BSATN to the expected type",
      'returned true',
    ]);
  });

  test('of an iterator kept from an earlier call fail', async () => {
    const db = await openModule('raw-calls.ts');
    db.database.callReducer(ADA, 'keep_iterator', NO_ARGS);
    db.database.callReducer(ADA, 'resume_iterator', NO_ARGS);
    expect(db.rows('answer')).toEqual([['resumed', expect.stringMatching(/NoSuchIter|suppressed during disposal/)]]);
  });

  test('refuse a transaction that writes too much, with the reason in the log', async () => {
    const db = await openModule('raw-calls.ts');
    expect(db.database.callReducer(ADA, 'write_too_much', NO_ARGS).outcome).toMatchObject({ reason: 'fatal' });
    expect(db.rows('answer')).toEqual([]);
    expect(db.logTexts()[0]).toMatch(/^panic: one transaction may write 67108864 bytes of rows; split the work/);
  });

  test('hold a bounded number of console timers', async () => {
    const db = await openModule('raw-calls.ts');
    expect(db.call(ADA, 'start_timers', 1024).outcome).toEqual({ type: 'committed' });
    expect(db.call(ADA, 'start_timers', 1025).outcome).toMatchObject({ reason: 'fatal' });
    expect(db.call(ADA, 'start_timers', 1024).outcome).toEqual({ type: 'committed' });
  });
});

describe('an immediate call', () => {
  test('runs after the call that asked for it, as the database, also when that was rolled back', async () => {
    const db = await openModule('raw-calls.ts');
    db.call(ADA, 'later', true, 1);
    expect(db.rows('answer')).toEqual([]);
    db.time.runDue();
    expect(db.rows('answer')).toEqual([['note 0', IDENTITY.toString(16).padStart(64, '0')]]);
  });

  test('beyond the limit is not taken, and the log says so', async () => {
    const db = await openModule('raw-calls.ts');
    db.call(ADA, 'later', false, 10_001);
    db.time.runDue(20_000);
    expect(db.rows('answer')).toHaveLength(10_000);
    expect(db.logTexts()).toEqual(['error: "note" is not run: 10000 immediate calls wait already']);
  });
});
