import { describe, expect, test } from 'vitest';
import { ADA, BOB, OWNER, openModule } from '../../test/module-database.ts';

const COMMITTED = { type: 'committed' };

describe('reducers', () => {
  test('write rows, and event rows are only in the commit', async () => {
    const db = await openModule('people.ts');
    const seen: string[] = [];
    db.database.onCommit(({ deltas, kind, functionName }) => {
      seen.push(
        `${kind} ${functionName} ${deltas.map(({ table, inserts, deletes }) => `${table.name}+${inserts.length}-${deletes.length}`).join(' ')}`,
      );
    });
    const first = db.call(ADA, 'add_person', 'ada', 'red', 36);
    const second = db.call(BOB, 'add_person', 'bob', 'blue', 25);
    expect([first.outcome, second.outcome]).toEqual([COMMITTED, COMMITTED]);
    expect([first.offset, second.offset]).toEqual([1n, 2n]);
    expect(db.rows('person')).toEqual([
      [1n, 'ada', 'red', 36],
      [2n, 'bob', 'blue', 25],
    ]);
    expect(db.rows('signal')).toEqual([]);
    expect(seen).toEqual(['reducer add_person person+1-0 signal+1-0', 'reducer add_person person+1-0 signal+1-0']);
  });

  test('init ran once, as the owner', async () => {
    const db = await openModule('people.ts');
    expect(db.result('init')).toBe(OWNER.toString(16).padStart(64, '0'));
  });

  test('search by every kind of index, and by iterator helpers', async () => {
    const db = await openModule('people.ts');
    for (const [name, team, age] of [
      ['ada', 'red', 36],
      ['bob', 'red', 25],
      ['cy', 'blue', 30],
      ['di', 'blue', 40],
    ] as const) {
      db.call(ADA, 'add_person', name, team, age);
    }
    expect(db.call(ADA, 'search_people').outcome).toEqual(COMMITTED);
    expect(Object.fromEntries(db.rows('result'))).toMatchObject({
      count: '4',
      all: 'ada,bob,cy,di',
      'age 30..40': 'cy,ada',
      'red 25': 'bob',
      'red prefix': 'bob,ada',
      'red 20..': 'ada',
      helpers: '36,30,40',
    });
    expect(db.result('red')?.split(',').sort()).toEqual(['ada', 'bob']);
  });

  test('update, delete by key and delete by range', async () => {
    const db = await openModule('people.ts');
    for (const [name, team, age] of [
      ['ada', 'red', 36],
      ['old', 'red', 120],
      ['older', 'red', 130],
      ['left', 'gone', 20],
    ] as const) {
      db.call(ADA, 'add_person', name, team, age);
    }
    db.call(ADA, 'rename_person', 1n, 'augusta');
    db.call(ADA, 'delete_ranges');
    expect(db.result('deleted')).toBe('2 1');
    expect(db.rows('person')).toEqual([[1n, 'augusta', 'red', 36]]);
    db.call(ADA, 'remove_person', 1n);
    expect(db.rows('person')).toEqual([]);
  });

  test('scan more than one buffer holds, and rows larger than the buffer', async () => {
    const db = await openModule('people.ts');
    db.call(ADA, 'write_notes', 300, 1000);
    db.call(ADA, 'write_notes', 2, 200_000);
    db.call(ADA, 'read_notes');
    expect(db.result('notes')).toBe('302 700000');
    db.call(ADA, 'drop_note', '0:'.padEnd(1000, 'x'), 0);
    expect(db.result('dropped')).toBe('true');
    db.call(ADA, 'clear_notes');
    expect(db.result('cleared')).toBe('301');
    expect(db.rows('note')).toEqual([]);
  });

  test.each([
    ['sender', { type: 'failed-user', message: 'not today' }],
    ['error', { type: 'failed-internal', message: 'The instance encountered a fatal error.', reason: 'fatal' }],
    ['string', { type: 'failed-internal', message: 'The instance encountered a fatal error.', reason: 'fatal' }],
    ['unique', { type: 'failed-internal', message: 'The instance encountered a fatal error.', reason: 'fatal' }],
    ['loop', { type: 'failed-internal', message: 'The instance encountered a fatal error.', reason: 'fatal' }],
  ])('that throw (%s) leave no trace', async (how, outcome) => {
    const db = await openModule('people.ts');
    const commits: unknown[] = [];
    db.database.onCommit((commit) => commits.push(commit));
    const result = db.call(ADA, 'fail_after_write', how);
    expect(result.outcome).toEqual(outcome);
    expect(result.offset).toBeUndefined();
    expect(db.rows('person')).toEqual([]);
    expect(commits).toEqual([]);
    expect(db.call(ADA, 'add_person', 'ada', 'red', 1).outcome).toEqual(COMMITTED);
  });

  test('that fail say why in the log only', async () => {
    const db = await openModule('people.ts');
    db.call(ADA, 'fail_after_write', 'error');
    db.call(ADA, 'fail_after_write', 'sender');
    expect(db.logTexts()[0]).toMatch(/^panic: Error: secret detail\n {4}at .*spacetimedb_module/);
    expect(db.logTexts()[0]).not.toMatch(/prelude|short_backtrace|vm-realm/);
    expect(db.logTexts()[1]).toBe('error: not today');
  });

  test('that swallow a fatal system error fail all the same', async () => {
    const db = await openModule('people.ts');
    expect(db.call(ADA, 'swallow_fatal').outcome).toMatchObject({ type: 'failed-internal' });
    expect(db.rows('person')).toEqual([]);
  });

  test('catch errors of the datastore as classes of their own world', async () => {
    const db = await openModule('people.ts');
    db.call(ADA, 'add_person', 'ada', 'red', 36);
    db.call(ADA, 'catch_unique');
    expect(db.result('caught')).toBe('UniqueAlreadyExists true Value with given unique identifier already exists');
  });

  test('that are asynchronous finish their microtasks inside the call', async () => {
    const db = await openModule('people.ts');
    expect(db.call(ADA, 'later_write', 'done').outcome).toEqual(COMMITTED);
    expect(db.result('later')).toBe('done');
  });

  test('that leak iterators harm nobody', async () => {
    const db = await openModule('people.ts');
    for (let index = 0; index < 5; index++) db.call(ADA, 'add_person', `p${index}`, 'red', index);
    for (let index = 0; index < 20; index++) expect(db.call(ADA, 'leak_iterators', 100).outcome).toEqual(COMMITTED);
    expect(db.call(ADA, 'search_people').outcome).toEqual(COMMITTED);
  });

  test('see nothing of the process, and change nothing in it', async () => {
    const db = await openModule('people.ts');
    const consoleBefore = globalThis.console;
    expect(db.call(ADA, 'escape').outcome).toEqual(COMMITTED);
    expect(db.result('globals')).toBe('');
    expect(db.result('random')).toBe('Math.random is not available in SpacetimeDB modules. Use ctx.random instead.');
    expect(db.result('code')).toBe('undefined');
    expect(globalThis.console).toBe(consoleBefore);
    expect('leaked' in globalThis).toBe(false);
    expect('leaked' in Array.prototype).toBe(false);
    expect(db.logTexts()[0]).toBe('warn: from the module { nested: [ 1 ] }');
    expect(db.logTexts()[1]).toMatch(/^info: Timing span "span": [\d.]+ms$/);
    expect(db.logs[0]).toMatchObject({ source: 'module', functionName: 'escape', database: 'test' });
  });

  test.each(['', 'ascii', 'é', '\uFEFFbom', '\u{1F600} and \u{10FFFF}', 'x'.repeat(5000) + 'ü', 'kürzer als 24'])(
    'take and give text unchanged (%j)',
    async (text) => {
      const db = await openModule('people.ts');
      db.call(ADA, 'text_round_trip', text);
      expect(db.result('text')).toBe(text);
      expect(db.result('units')).toBe(
        Array.from(text, (character) => character.codePointAt(0)!.toString(16)).join(' '),
      );
    },
  );
});

describe('admission', () => {
  test.each([
    ['nope', 'no such reducer', 'unknown-function'],
    ['addPerson', 'no such reducer', 'unknown-function'],
    ['init', "can't directly call special Init lifecycle reducer", 'unknown-function'],
    ['on_connect', "can't directly call special OnConnect lifecycle reducer", 'unknown-function'],
    ['on_tick', 'no such reducer', 'unknown-function'],
  ])('refuses %s', async (name, message, reason) => {
    const db = await openModule('people.ts');
    expect(db.database.callReducer(ADA, name, new Uint8Array(0)).outcome).toEqual({
      type: 'failed-internal',
      message,
      reason,
    });
  });

  test('lets the owner call private reducers', async () => {
    const db = await openModule('people.ts');
    const owner = { identity: OWNER, connectionId: 9n };
    expect(db.database.callReducer(owner, 'on_tick', new Uint8Array(3)).outcome).toMatchObject({
      reason: 'invalid-arguments',
    });
  });

  test('checks arguments before the module sees them, and lets trailing bytes pass', async () => {
    const db = await openModule('people.ts');
    const short = db.database.callReducer(ADA, 'remove_person', new Uint8Array(7)).outcome;
    expect(short).toMatchObject({ type: 'failed-internal', reason: 'invalid-arguments' });
    expect(short.type === 'failed-internal' && short.message).toMatch(/^invalid arguments for reducer remove_person: /);
    expect(db.database.callReducer(ADA, 'remove_person', new Uint8Array(9)).outcome).toEqual({
      type: 'failed-user',
      message: 'no person 0',
    });
  });

  test('refuses a call from inside a commit', async () => {
    const db = await openModule('people.ts');
    let caught: unknown;
    db.database.onCommit(() => {
      try {
        db.call(ADA, 'search_people');
      } catch (error) {
        caught = error;
      }
    });
    db.call(ADA, 'add_person', 'ada', 'red', 36);
    expect(caught).toMatchObject({ code: 'database/busy' });
  });
});
