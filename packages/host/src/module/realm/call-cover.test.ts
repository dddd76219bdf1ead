import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundleOf, IDENTITY, OWNER } from '../../../test/module-database.ts';
import { decodeServerPayload } from '../../../test/session-fixtures/decode-server-message.ts';
import { call, oneOff, subscribe, TestClient, turn } from '../../../test/session-fixtures/test-client.ts';
import { BsatnWriter } from '../../bsatn/writer.ts';
import type { LogRecord } from '../../clock/clock.ts';
import { systemClock, systemTimers } from '../../clock/system-clock.ts';
import type { HostError } from '../../errors.ts';
import { LocalDatabase } from '../../hosted-database.ts';
import { createMemoryStorage } from '../../storage/memory-storage.ts';
import { makeProgramLoader } from '../program-loader.ts';
import { CallCover } from './call-cover.ts';
import { cutAfterMs } from './time-limit.ts';

const LIMITS = { callMs: 400, procedureMs: 400, slackMs: 1_000 };
const TOO_LONG = 'the call took longer than 400 ms and was ended; it changed nothing';

let hosted: LocalDatabase;
let logs: LogRecord[];
let unsafe: HostError[];

async function openCovered(fixture: string): Promise<LocalDatabase> {
  const onUnsafe = (error: HostError): void => void unsafe.push(error);
  const cover = new CallCover(cutAfterMs(LIMITS.callMs, LIMITS), onUnsafe);
  return LocalDatabase.open({
    name: 'test',
    program: await bundleOf(fixture),
    storage: createMemoryStorage(),
    identity: IDENTITY,
    owner: OWNER,
    clock: systemClock,
    timers: systemTimers,
    logger: { log: (record) => void logs.push(record) },
    programs: makeProgramLoader(undefined, { timeLimits: { ...LIMITS, onUnsafe, cover } }),
    cover,
  });
}

beforeEach(async () => {
  [logs, unsafe] = [[], []];
  hosted = await openCovered('runaway.ts');
});
afterEach(() => hosted.close());

const add = (requestId: number, text: string): Uint8Array => {
  const args = new BsatnWriter();
  args.string(text);
  return call('reducer', requestId, 'add', args.toBytes());
};

/** The results of all calls so far. */
const outcomesOf = (client: TestClient): string[] =>
  client.payloads
    .flatMap(decodeServerPayload)
    .flatMap((message) =>
      message.type === 'reducer' ? [`${message.requestId} ${message.outcome} ${message.message ?? ''}`.trim()] : [],
    );

async function itemsOf(): Promise<number> {
  return hosted.database.status().tables.find(({ name }) => name === 'item')!.rows;
}

test.each(['loop', 'loop_over_rows', 'loop_and_catch', 'loop_in_promise', 'sleep', 'regexp'])(
  '%s in a turn of calls is ended, and the calls before and after it are done, in order',
  async (name) => {
    const [ada, bob] = [new TestClient(hosted.sessions), new TestClient(hosted.sessions, { connectionId: 11n })];
    ada.say(add(1, 'before'), call('reducer', 2, name), add(3, 'after'));
    ada.say(add(4, 'later'));
    bob.say(add(1, 'of another client'));
    await expect.poll(() => ada.payloads.length > 2 && bob.payloads.length > 1, { timeout: 20_000 }).toBe(true);
    await turn();
    expect(outcomesOf(ada)).toEqual(['1 ok', `2 internal ${TOO_LONG}`, '3 ok', '4 ok']);
    expect(outcomesOf(bob)).toEqual(['1 ok']);
    expect(await itemsOf()).toBe(4);
    expect(unsafe).toEqual([]);
    expect(logs.map(({ message }) => message)).toContain(
      'a call was ended: the module starts anew, its globals with it',
    );
  },
);

test('messages of other kinds keep their place between calls', async () => {
  const ada = new TestClient(hosted.sessions);
  const query = 'SELECT * FROM item';
  ada.say(add(1, 'one'), oneOff(2, query), add(3, 'two'), subscribe(4, 1, query), add(5, 'three'), oneOff(6, query));
  await expect.poll(() => ada.payloads.length, { timeout: 20_000 }).toBeGreaterThan(1);
  for (let turns = 0; turns < 10; turns++) await turn();
  const seen = ada.take().map((message) => {
    if (message.type === 'one-off') return `${message.requestId} read ${message.tables?.[0]?.rows.length}`;
    if (message.type === 'subscribed') return `${message.requestId} snapshot ${message.tables[0]?.rows.length}`;
    if (message.type === 'reducer') return `${message.requestId} ${message.outcome} ${message.updates.length}`;
    return message.type;
  });
  expect(seen).toEqual(['initial', '1 ok 0', '2 read 1', '3 ok 0', '4 snapshot 2', '5 ok 1', '6 read 3']);
});

test('nobody waits for ever behind a client with many calls', async () => {
  const [ada, bob] = [new TestClient(hosted.sessions), new TestClient(hosted.sessions, { connectionId: 11n })];
  for (let round = 0; round < 20_000; round++) ada.say(add(round, 'many'));
  bob.say(add(1, 'one'));
  await expect.poll(() => outcomesOf(bob), { timeout: 20_000 }).toEqual(['1 ok']);
  expect(outcomesOf(ada).length).toBeLessThan(20_000);
});

test('a client that sends faster than its calls are done is held back, and let go again', async () => {
  const ada = new TestClient(hosted.sessions);
  for (let round = 0; round < 100; round++) ada.say(add(round, 'x'.repeat(10_000)));
  expect(ada.isPaused).toBe(true);
  await expect.poll(() => ada.isPaused, { timeout: 20_000 }).toBe(false);
  await expect.poll(itemsOf, { timeout: 20_000 }).toBe(100);
});

test('a turn that is cut off outside of a module is told as unsafe', () => {
  const seen: HostError[] = [];
  const cover = new CallCover(20, (error) => void seen.push(error));
  const cut = cover.run(() => {
    for (;;);
  });
  expect(cut).toBeUndefined();
  expect(seen).toMatchObject([{ code: 'module/timeout' }]);
  expect(cover.isOn).toBe(false);
});

test('what a turn throws comes out, and the next turn works', () => {
  const cover = new CallCover(1_000, () => undefined);
  expect(() =>
    cover.run(() => {
      throw new Error('of the host');
    }),
  ).toThrow('of the host');
  let goesOnAtFirst = false;
  expect(cover.run((goesOn) => (goesOnAtFirst = goesOn()))).toBeUndefined();
  expect(goesOnAtFirst).toBe(true);
});
