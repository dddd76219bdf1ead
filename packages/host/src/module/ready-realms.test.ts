import { afterEach, describe, expect, test } from 'vitest';
import type { SystemCallTarget } from './system-functions.ts';
import { SYSTEM_FUNCTION_NAMES } from './system-functions.ts';
import type { ModuleRealm, RealmEvents } from './realm-port.ts';
import { ReadyRealms } from './ready-realms.ts';

let pool: ReadyRealms | undefined;

afterEach(() => pool?.close());

/** A user that notes its system calls. */
function makeUser() {
  const calls: string[] = [];
  const rejections: string[] = [];
  const entries = SYSTEM_FUNCTION_NAMES.map((name) => [
    name,
    (...args: unknown[]) => void calls.push([name, ...args].join(' ')),
  ]);
  const target: SystemCallTarget = {
    functions: Object.fromEntries(entries) as SystemCallTarget['functions'],
    fault: (thrown) => ({ kind: 7, message: String(thrown), size: 0 }),
  };
  return { target, events: { unhandledRejection: (message: string) => rejections.push(message) }, calls, rejections };
}

/** A realm as far as a pool knows it, with what it was given. */
interface Made {
  readonly target: SystemCallTarget;
  readonly events: RealmEvents;
  isClosed: boolean;
}

function makePool(size: number, load: (target: SystemCallTarget) => void = () => undefined) {
  const made: Made[] = [];
  const realms = new Map<ModuleRealm, Made>();
  pool = new ReadyRealms((target, events) => {
    load(target);
    const entry: Made = { target, events, isClosed: false };
    made.push(entry);
    const realm = { close: () => (entry.isClosed = true) } as unknown as ModuleRealm;
    realms.set(realm, entry);
    return realm;
  }, size);
  return { pool, made, realms };
}

const idle = async (until: () => boolean): Promise<void> => {
  while (!until()) await new Promise((resolve) => setTimeout(resolve, 1));
};

describe('realms made in advance', () => {
  test('are made when nothing else is asked for, up to a number, and each is given once', async () => {
    const { pool, made, realms } = makePool(2);
    const first = pool.take(makeUser());
    await idle(() => pool.waiting === 2);
    expect(made.length).toBe(3);
    const others = [pool.take(makeUser()), pool.take(makeUser()), pool.take(makeUser())];
    expect(new Set([first, ...others]).size).toBe(4);
    expect(realms.size).toBe(4);
  });

  test('work for whom they are given to, and tell him what was logged while they were made', async () => {
    const { pool, realms } = makePool(1, ({ functions }) => functions.console_log(2, 'loaded'));
    pool.take(makeUser());
    await idle(() => pool.waiting === 1);
    const user = makeUser();
    const { target, events } = realms.get(pool.take(user))!;
    target.functions.table_id_from_name('person');
    events.unhandledRejection('late');
    expect(user.calls).toEqual(['console_log 2 loaded', 'table_id_from_name person']);
    expect(user.rejections).toEqual(['late']);
    expect(target.fault('thrown')).toEqual({ kind: 7, message: 'thrown', size: 0 });
  });

  test.each([
    ['asks the host for something', (target: SystemCallTarget) => target.functions.identity()],
    ['starts a timer', (target: SystemCallTarget) => void target.functions.console_timer_start('load')],
    [
      'logs without end',
      (target: SystemCallTarget) => {
        for (let count = 0; count <= 1000; count += 1) target.functions.console_log(2, 'again');
      },
    ],
  ])('are not made of a module that %s while it is loaded', async (_what, load) => {
    let loads = 0;
    const { pool, made } = makePool(2, (target) => {
      loads += 1;
      load(target);
    });
    pool.take(makeUser());
    await idle(() => loads === 2);
    expect([loads, pool.waiting]).toEqual([2, 0]);
    expect(made.slice(1).every(({ isClosed }) => isClosed)).toBe(true);
    pool.take(makeUser());
    expect(loads).toBe(3);
  });

  test('that fail to load are made by whoever takes the next one, who hears of it', async () => {
    let loads = 0;
    const { pool } = makePool(1, () => {
      loads += 1;
      if (loads > 1) throw new Error(`load ${loads} failed`);
    });
    pool.take(makeUser());
    await idle(() => loads === 2);
    expect(() => pool.take(makeUser())).toThrow('load 3 failed');
  });

  test('are closed with the pool', async () => {
    const { pool, made } = makePool(1);
    pool.take(makeUser());
    await idle(() => pool.waiting === 1);
    pool.close();
    expect([pool.waiting, made.map(({ isClosed }) => isClosed)]).toEqual([0, [false, true]]);
  });
});
