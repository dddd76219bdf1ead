import vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import { ADA, BOB, type ModuleDatabase, openModule } from '../../../test/module-database.ts';
import type { HostError } from '../../errors.ts';
import { makeProgramLoader } from '../program-loader.ts';
import type { SystemFunctions } from '../system-functions.ts';
import { TimeLimit, type TimeLimits } from './time-limit.ts';

const NO_ARGS = new Uint8Array(0);
const LIMITS: TimeLimits = {
  callMs: 400,
  procedureMs: 400,
  slackMs: 1_000,
  onUnsafe: (error) => {
    throw error;
  },
};
const programs = makeProgramLoader(undefined, { timeLimits: LIMITS });

const openRunaway = () => openModule('runaway.ts', { programs });
const textsOf = (db: ModuleDatabase) => db.rows('item').map(([, text]) => text);
const TOO_LONG = 'the call took longer than 400 ms and was ended; it changed nothing';

describe('a call that takes too long', () => {
  test.each([
    'loop',
    'loop_over_rows',
    'loop_and_catch',
    'catch_and_return',
    'loop_in_promise',
    'sleep',
    'loop_in_error',
    'regexp',
  ])('%s is ended, leaves no trace and tells its caller why', async (name) => {
    const db = await openRunaway();
    db.call(ADA, 'add', 'before');
    expect(db.database.callReducer(ADA, name, NO_ARGS).outcome).toEqual({
      type: 'failed-internal',
      message: TOO_LONG,
      reason: 'fatal',
    });
    expect(db.call(ADA, 'add', 'after').outcome).toEqual({ type: 'committed' });
    expect(textsOf(db)).toEqual(['before', 'after']);
    await db.database.close();
  });

  test('costs the module its globals, and the log says so', async () => {
    const db = await openRunaway();
    db.call(ADA, 'add', 'one');
    db.call(ADA, 'note_calls');
    db.call(ADA, 'loop_over_rows');
    db.call(ADA, 'note_calls');
    expect(textsOf(db)).toEqual(['one', 'calls: 1', 'calls: 0']);
    expect(db.logTexts()).toContain('warn: a call was ended: the module starts anew, its globals with it');
    await db.database.close();
  });

  test('of a procedure keeps what was committed before, and takes back what was not', async () => {
    const db = await openRunaway();
    const { outcome } = db.database.callProcedure(ADA, 'loop_procedure', NO_ARGS);
    expect(outcome).toMatchObject({ type: 'failed', reason: 'fatal' });
    expect(outcome).toHaveProperty('message', expect.stringContaining(TOO_LONG));
    expect(textsOf(db)).toEqual(['committed before']);
    expect(db.run(ADA, 'count_calls').value).toBe(1);
    expect(db.call(ADA, 'add', 'after').outcome).toEqual({ type: 'committed' });
    await db.database.close();
  });

  test('in client_connected keeps that client out, and nobody else', async () => {
    const db = await openRunaway();
    expect(db.database.connect(ADA, '{}').type).toBe('accepted');
    db.call(ADA, 'lock_out');
    expect(db.database.connect(BOB, '{}')).toEqual({ type: 'rejected', message: TOO_LONG });
    expect(db.rows('st_client')).toHaveLength(1);
    expect(db.call(ADA, 'add', 'after').outcome).toEqual({ type: 'committed' });
    await db.database.close();
  });

  test('in showing a rejection is ended, too', async () => {
    const db = await openRunaway();
    expect(db.database.callReducer(ADA, 'reject_with_loop', NO_ARGS).outcome).toEqual({ type: 'committed' });
    await new Promise((resolve) => setImmediate(resolve));
    await expect
      .poll(() => db.logTexts())
      .toContain('error: unhandled promise rejection: a rejection that cannot be shown');
    expect(db.call(ADA, 'add', 'after').outcome).toEqual({ type: 'committed' });
    await db.database.close();
  });
});

test('a module that never ends being evaluated is refused', async () => {
  const program = 'for (;;);';
  await expect(openModule('runaway.ts', { programs, program })).rejects.toMatchObject({ code: 'module/timeout' });
});

test('an init that never ends is refused', async () => {
  await expect(openModule('endless-init.ts', { programs })).rejects.toMatchObject({
    code: 'database/init-failed',
    message: expect.stringContaining(TOO_LONG),
  });
});

test('a view that never ends fails for whoever asks for it, and harms nobody else', async () => {
  const db = await openModule('endless-view.ts', { programs });
  db.call(ADA, 'turn', true);
  const owner = { identity: db.database.owner, connectionId: 0n };
  expect(() => db.database.sql(owner, 'SELECT * FROM endless')).toThrow(/longer than 400 ms/);
  expect(db.call(ADA, 'turn', false).outcome).toEqual({ type: 'committed' });
  expect(db.database.sql(owner, 'SELECT * FROM endless').results).toHaveLength(1);
  await db.database.close();
});

test('a call that is cut off inside a system call is told as unsafe', () => {
  const seen: HostError[] = [];
  const limit = new TimeLimit({ ...LIMITS, onUnsafe: (error) => void seen.push(error) });
  const endless = (): never => {
    for (;;);
  };
  // Every system call is one that does not end.
  const functions = limit.guard(new Proxy({}, { get: () => endless }) as SystemFunctions);
  const context = vm.createContext({ functions });
  const run = () => limit.run(new vm.Script('functions.datastore_clear(1)'), context, false);
  expect(run).toThrow(TOO_LONG);
  expect(seen).toEqual([expect.objectContaining({ code: 'module/timeout' })]);
  expect(limit.isBroken).toBe(true);
});

describe('what no limit is needed for', () => {
  test.each(['recurse', 'recurse_into_calls'])('%s fails, and the realm stays in use', async (name) => {
    const db = await openModule('runaway.ts');
    db.call(ADA, 'add', 'before');
    expect(db.database.callReducer(ADA, name, NO_ARGS).outcome).toEqual({
      type: 'failed-internal',
      message: 'The instance encountered a fatal error.',
      reason: 'fatal',
    });
    db.call(ADA, 'note_calls');
    expect(textsOf(db)).toEqual(['before', 'calls: 1']);
    await db.database.close();
  });

  test('promises are continued inside their call, and those left behind cost nothing', async () => {
    const db = await openModule('runaway.ts');
    expect(db.database.callReducer(ADA, 'leave_promise', NO_ARGS).outcome).toEqual({ type: 'committed' });
    expect(textsOf(db)).toEqual(['continued']);
    await db.database.close();
  });

  test('iterators left open are closed with the call', async () => {
    const db = await openModule('runaway.ts');
    db.call(ADA, 'add', 'one');
    for (let round = 0; round < 3; round++) {
      expect(db.database.callReducer(ADA, 'leak_iterators', NO_ARGS).outcome).toEqual({ type: 'committed' });
    }
    await db.database.close();
  });
});
