import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../testing/index.ts';
import type { Universe } from '../universe.ts';
import { NervPersistenceError } from '../errors.ts';
import { MemoryOutbox } from './memory-outbox.ts';
import type { OutboxOptions } from './outbox-options.ts';
import { SurvivingOutbox } from './test/surviving-outbox.ts';
import type { WorkOutcome } from './work.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

let testUniverse: TestUniverse;
let store: SurvivingOutbox;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  store = new SurvivingOutbox();
  await testUniverse.grant('ada', READ_AND_WRITE);
});

afterEach(async () => {
  const errors = testUniverse.takeErrors();
  await testUniverse.close();
  expect(errors).toEqual([]);
});

/** A start of Ada's application, with her outbox. */
function startApplication(options: OutboxOptions = {}, isCut = false): Promise<Universe> {
  return testUniverse.as('ada', [], { outbox: { store, ...options }, isCut });
}

/** What the log has of an application's events, in order. */
async function logged(): Promise<readonly unknown[]> {
  const rows = await testUniverse.host.sql(`SELECT seq, data FROM event_log WHERE kind = 'application'`);
  const bySeq = (a: { seq?: unknown }, b: { seq?: unknown }): number => Number(a.seq) - Number(b.seq);
  return [...rows].sort(bySeq).map(({ data }) => JSON.parse(String(data)) as unknown);
}

/** Tells how a promise ended, once it has. */
function watch(promise: Promise<unknown>): { state: string } {
  const watched = { state: 'pending' };
  promise.then(
    () => (watched.state = 'done'),
    (error: { code?: string }) => (watched.state = String(error.code ?? error)),
  );
  return watched;
}

describe('what is written while the server is away', () => {
  test.each([
    ['half a surrogate pair', '\ud83d', 'value/unsupported'],
    ['a symbol', Symbol('x'), 'config/invalid'],
    ['a function', () => 1, 'config/invalid'],
  ])('and cannot be written, as %s, is refused at once beside what can', async (_, id, code) => {
    const ada = await startApplication();
    const { client } = ada;
    testUniverse.networkOf(ada).cut();
    const before = watch(ada.events.publish('n', 1));
    const ops = [{ tag: 'deleteEntity', value: { id, cascade: false } }] as never;
    await expect(client.write(ops)).rejects.toMatchObject({ code });
    await expect(client.writeLater(Promise.resolve({ ops, chunks: [] }), 1)).rejects.toMatchObject({ code });
    await expect(ada.graph.createEntity('thing', { name: '\ud83d' })).rejects.toThrow();
    const after = watch(ada.events.publish('n', 2));
    await client.work.secured();
    expect(client.work.list().map(({ state }) => state)).toEqual(['pending', 'pending']);
    await ada.close();
    expect([before.state, after.state]).toEqual(['outbox/kept', 'outbox/kept']);
  });

  test('waits however long it takes, is listed once it is kept, and arrives in order', async () => {
    const ada = await startApplication();
    const network = testUniverse.networkOf(ada);
    await ada.events.publish('n', 0);
    expect(ada.client.work.list()).toEqual([]);
    network.cut();
    const published = [1, 2, 3].map((n) => watch(ada.events.publish('n', n)));
    const entity = watch(ada.graph.createEntity('thing', { id: 'thing' }));
    await ada.client.work.secured();
    expect(ada.client.work.list().map(({ state, attempts }) => [state, attempts])).toEqual([
      ['pending', 0],
      ['pending', 0],
      ['pending', 0],
      ['pending', 0],
    ]);
    expect(ada.client.unconfirmed().map(({ tag }) => tag)).toEqual([
      'publishEvent',
      'publishEvent',
      'publishEvent',
      'createEntity',
    ]);
    await testUniverse.advance(MINUTE_MS);
    // Who follows the log by pages tells that it could not.
    expect(testUniverse.takeErrors()).toMatchObject([{ code: 'connection/unreachable' }]);
    expect([...published, entity].map(({ state }) => state)).toEqual(['pending', 'pending', 'pending', 'pending']);
    network.restore();
    await testUniverse.settle();
    expect([...published, entity].map(({ state }) => state)).toEqual(['done', 'done', 'done', 'done']);
    expect(await logged()).toEqual([0, 1, 2, 3]);
    expect(ada.client.work.summary.getSnapshot()).toEqual({ pending: 0, blocked: 0, rejected: 0, bytes: 0 });
  });

  test('is sent by the next start of the application, before anything new', async () => {
    const first = await startApplication({}, true);
    const published = [1, 2, 3].map((n) => watch(first.events.publish('n', n)));
    await first.client.work.secured();
    await first.close();
    expect(published.map(({ state }) => state)).toEqual(['outbox/kept', 'outbox/kept', 'outbox/kept']);
    const second = await startApplication({}, true);
    expect(second.client.work.summary.getSnapshot()).toMatchObject({ pending: 3 });
    expect(second.client.unconfirmed().map(({ value }) => (value as { data: string }).data)).toEqual(['1', '2', '3']);
    const outcomes: WorkOutcome[] = [];
    second.client.work.onOutcome((outcome) => outcomes.push(outcome));
    const later = watch(second.events.publish('n', 4));
    testUniverse.networkOf(second).restore();
    await testUniverse.settle();
    expect(await logged()).toEqual([1, 2, 3, 4]);
    expect(later.state).toBe('done');
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['applied', 'applied', 'applied', 'applied']);
    await second.close();
    const third = await startApplication();
    expect(third.client.work.list()).toEqual([]);
  });

  test('reads of the server wait for as long as they are told to; what is kept here answers at once', async () => {
    const first = await startApplication();
    first.client.localCopies?.set('head', 'confirmed');
    await first.close();
    const second = await startApplication({}, true);
    expect(second.client.state).not.toBe('connected');
    expect(await second.client.localCopies?.get('head')).toBe('confirmed');
    const read = watch(second.client.getSystemStatus());
    await testUniverse.advance(29_000);
    expect(read.state).toBe('pending');
    await testUniverse.advance(10_000);
    expect(read.state).toBe('connection/unreachable');
  });

  test('is nobody else\u2019s to see or to send', async () => {
    const ada = await startApplication({}, true);
    void ada.events.publish('n', 1).catch(() => undefined);
    await ada.client.work.secured();
    ada.client.localCopies?.set('head', 'hers');
    await ada.close();
    const bob = await testUniverse.as('bob', READ_AND_WRITE, { outbox: store });
    expect(bob.client.work.list()).toEqual([]);
    expect(await bob.client.localCopies?.get('head')).toBeUndefined();
    await bob.close();
    expect(await logged()).toEqual([]);
    await startApplication();
    await testUniverse.settle();
    expect(await logged()).toEqual([1]);
  });

  test('of large values their pieces are kept as well', async () => {
    const text = 'x'.repeat(700_000);
    const first = await startApplication({}, true);
    void first.events.publish('large', text).catch(() => undefined);
    await first.client.work.secured();
    await first.close();
    const second = await startApplication();
    await testUniverse.settle();
    expect(second.client.work.list()).toEqual([]);
    const [event] = await second.events.query({ pattern: 'large' });
    expect(event?.data).toBe(text);
  });

  test('survives in memory too, but not the end of the process: closing waits for the server, and tells what is lost', async () => {
    const outbox = new MemoryOutbox();
    const ada = await testUniverse.as('ada', [], { outbox, isCut: true });
    const published = watch(ada.events.publish('n', 1));
    await testUniverse.advance(2 * MINUTE_MS);
    expect(published.state).toBe('pending');
    const closing = watch(ada.close());
    await testUniverse.advance(29_000);
    expect(closing.state).toBe('pending');
    await testUniverse.advance(2_000);
    expect([closing.state, published.state]).toEqual(['done', 'connection/unreachable']);
  });
});

describe('a write whose answer is lost with the application', () => {
  test.each(['before', 'after'] as const)('is applied once when the host took it %s that', async (when) => {
    const first = await startApplication({ answerWithinMs: 100 });
    await first.events.publish('n', 0);
    const network = testUniverse.networkOf(first);
    if (when === 'after') network.freeze('to-client');
    else network.freeze('to-host');
    void first.events.publish('n', 1).catch(() => undefined);
    await testUniverse.advance(10);
    void first.graph.createEntity('thing', { id: 'thing' }).catch(() => undefined);
    // The server has not answered: what is on its way is kept, with the request it is in.
    await testUniverse.advance(200);
    await first.client.work.secured();
    expect(first.client.work.summary.getSnapshot()).toMatchObject({ pending: 2 });
    expect((await logged()).length).toBe(when === 'after' ? 2 : 1);
    network.cut();
    await first.close();
    const second = await startApplication();
    await testUniverse.settle();
    expect(await logged()).toEqual([0, 1]);
    expect(await second.graph.getEntity('thing')).toBeDefined();
    expect(second.client.work.list()).toEqual([]);
  });

  test('is set aside when it comes back after a week: it may have been applied', async () => {
    const first = await startApplication({ answerWithinMs: 100 });
    const network = testUniverse.networkOf(first);
    network.freeze('to-host');
    void first.events.publish('n', 'sent').catch(() => undefined);
    await testUniverse.advance(200);
    void first.events.publish('n', 'never sent').catch(() => undefined);
    await first.client.work.secured();
    network.cut();
    await first.close();
    await testUniverse.advance(8 * DAY_MS);
    const second = await startApplication();
    await testUniverse.settle();
    // What was never sent cannot have been applied: it goes out, whenever that is.
    expect(await logged()).toEqual(['never sent']);
    expect(second.client.work.list()).toMatchObject([{ state: 'rejected', reason: { code: 'request/expired' } }]);
    const [item] = second.client.work.list();
    await second.client.work.retry(item?.id ?? '');
    await testUniverse.settle();
    expect(await logged()).toEqual(['never sent', 'sent']);
    expect(second.client.work.list()).toEqual([]);
  });
});

describe('a refused write', () => {
  async function keepThree(options: OutboxOptions): Promise<Universe> {
    await testUniverse.universe.graph.createEntity('thing', { id: 'taken' });
    const ada = await startApplication(options, true);
    void ada.graph.createEntity('thing', { id: 'one' }).catch(() => undefined);
    void ada.graph.createEntity('thing', { id: 'taken' }).catch(() => undefined);
    void ada.graph.createEntity('thing', { id: 'two' }).catch(() => undefined);
    await ada.client.work.secured();
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    return ada;
  }

  async function ids(): Promise<readonly string[]> {
    return (await testUniverse.universe.graph.query({ type: 'thing' })).map(({ id }) => id).sort();
  }

  test('is set aside with its reason, and those behind it go on; the next start shows it too', async () => {
    const ada = await keepThree({});
    expect(await ids()).toEqual(['one', 'taken', 'two']);
    const rejected = {
      state: 'rejected',
      attempts: 1,
      ops: [{ tag: 'createEntity', value: { id: 'taken' } }],
      reason: { code: 'entity/id-taken', details: { ids: ['taken'] } },
    };
    expect(ada.client.work.list()).toMatchObject([rejected]);
    expect(ada.client.unconfirmed()).toEqual([]);
    await ada.close();
    const again = await startApplication();
    expect(again.client.work.list('rejected')).toMatchObject([rejected]);
    const [item] = again.client.work.list();
    await testUniverse.universe.graph.deleteEntity('taken');
    await again.client.work.retry(item?.id ?? '');
    await testUniverse.settle();
    expect(await ids()).toEqual(['one', 'taken', 'two']);
    expect(again.client.work.list()).toEqual([]);
  });

  test('can be discarded, once', async () => {
    const ada = await keepThree({});
    const [item] = ada.client.work.list();
    const outcomes: WorkOutcome[] = [];
    ada.client.work.onOutcome((outcome) => outcomes.push(outcome));
    await ada.client.work.discard(item?.id ?? '');
    expect(outcomes).toMatchObject([{ id: item?.id, outcome: 'discarded' }]);
    await expect(ada.client.work.discard(item?.id ?? '')).rejects.toMatchObject({ code: 'outbox/not-rejected' });
    await expect(ada.client.work.retry('nobody')).rejects.toMatchObject({ code: 'outbox/not-rejected' });
    await ada.close();
    expect((await startApplication()).client.work.list()).toEqual([]);
  });

  test('stops all behind it where that was asked for, until it is decided', async () => {
    const ada = await keepThree({ onRejected: 'stop' });
    expect(await ids()).toEqual(['one', 'taken']);
    expect(ada.client.work.list().map(({ state, reason }) => [state, reason?.code])).toEqual([
      ['rejected', 'entity/id-taken'],
      ['blocked', 'entity/id-taken'],
    ]);
    await ada.close();
    const again = await startApplication({ onRejected: 'stop' });
    const later = watch(again.graph.createEntity('thing', { id: 'three' }));
    await testUniverse.advance(60_000);
    expect(again.client.work.summary.getSnapshot()).toMatchObject({ pending: 0, blocked: 1, rejected: 1 });
    expect(later.state).toBe('pending');
    await again.client.work.discard(again.client.work.list('rejected')[0]?.id ?? '');
    await testUniverse.settle();
    expect(await ids()).toEqual(['one', 'taken', 'three', 'two'].sort());
    expect(later.state).toBe('done');
  });

  test('that may pass later blocks, and goes through when it does', async () => {
    const ada = await startApplication({}, true);
    void ada.events.publish('n', 1).catch(() => undefined);
    await ada.client.work.secured();
    await testUniverse.revoke('ada', READ_AND_WRITE);
    testUniverse.networkOf(ada).restore();
    await testUniverse.advance(60_000);
    expect(ada.client.work.list()).toMatchObject([{ state: 'blocked', reason: { code: 'connection/refused' } }]);
    await testUniverse.grant('ada', READ_AND_WRITE);
    await testUniverse.advance(60_000);
    expect(await logged()).toEqual([1]);
    expect(ada.client.work.list()).toEqual([]);
  });

  test('that is made anew is kept when others ask to be secured, though it was not before, until that is over', async () => {
    const ada = await startApplication();
    let finish: () => void = () => undefined;
    const remaking = (): Promise<void> => new Promise((resolve) => (finish = resolve));
    const op = { tag: 'deleteTag', value: { store: 's', name: 'none' } } as const;
    const seen = watch(ada.client.write([op], { remaking }));
    await testUniverse.settle();
    expect(seen.state).toBe('permission/denied');
    expect(ada.client.work.list()).toEqual([]);
    await ada.client.work.secured();
    expect(ada.client.work.list()).toMatchObject([{ state: 'pending', ops: [op] }]);
    finish();
    await testUniverse.settle();
    expect(ada.client.work.list()).toEqual([]);
  });

  test('whose caller makes it anew by himself leaves nothing behind', async () => {
    await testUniverse.universe.graph.createEntity('thing', { id: 'taken' });
    const ada = await startApplication({}, true);
    const seen: string[] = [];
    const op = { tag: 'deleteTag', value: { store: 's', name: 'none' } } as const;
    for (const remaking of [undefined, () => Promise.resolve()]) {
      ada.client.write([op], { remaking }).catch((error: { code: string }) => seen.push(error.code));
    }
    await ada.client.work.secured();
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(seen).toHaveLength(2);
    expect(ada.client.work.list('rejected')).toHaveLength(1);
  });
});

describe('an outbox', () => {
  test('takes so much and no more, and what it took arrives', async () => {
    const ada = await startApplication({ writesMax: 3 }, true);
    const published = [1, 2, 3, 4].map((n) => watch(ada.events.publish('n', n)));
    await ada.client.work.secured();
    await testUniverse.advance(0);
    expect(published.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending', 'outbox/full']);
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(await logged()).toEqual([1, 2, 3]);
    await ada.close();
    const small = await startApplication({ bytesMax: 500 }, true);
    const sized = ['small', 'x'.repeat(600), 'small too'].map((text) => watch(small.events.publish('n', text)));
    await testUniverse.advance(0);
    expect(sized.map(({ state }) => state)).toEqual(['pending', 'outbox/full', 'pending']);
  });

  test('is not for what may be missed: an ephemeral event waits as long as a call does', async () => {
    const ada = await startApplication({}, true);
    const ephemeral = watch(ada.events.publish('n', 1, { durability: 'ephemeral' }));
    const durable = watch(ada.events.publish('n', 2));
    await ada.client.work.secured();
    expect(ada.client.work.list()).toHaveLength(1);
    await testUniverse.advance(31_000);
    expect([ephemeral.state, durable.state]).toEqual(['connection/unreachable', 'pending']);
  });

  test('that keeps everything before it is sent has what a killed application had not sent', async () => {
    const first = await startApplication({ mode: 'always' });
    await first.events.publish('n', 0);
    expect(first.client.work.list()).toEqual([]);
    testUniverse.networkOf(first).freeze('to-host');
    void first.events.publish('n', 1).catch(() => undefined);
    await first.client.work.secured();
    expect(first.client.work.list()).toHaveLength(1);
    testUniverse.networkOf(first).cut();
    await first.close();
    await startApplication();
    await testUniverse.settle();
    expect(await logged()).toEqual([0, 1]);
  });

  test('lets a write be called off that was not sent, and says so of one that was', async () => {
    const ada = await startApplication({}, true);
    const controller = new AbortController();
    const op = (name: string) => ({ tag: 'deleteTag', value: { store: 's', name } }) as const;
    const aborted = watch(ada.client.write([op('a')], { signal: controller.signal }));
    const late = watch(ada.client.write([op('b')], { timeoutMs: 1_000 }));
    void ada.client.write([op('c')]).catch(() => undefined);
    await ada.client.work.secured();
    expect(ada.client.work.list()).toHaveLength(3);
    controller.abort(new Error('changed my mind'));
    await testUniverse.advance(2_000);
    expect([aborted.state, late.state]).toEqual(['Error: changed my mind', 'connection/timeout']);
    expect(ada.client.work.list()).toHaveLength(1);
    await ada.close();
    const again = await startApplication();
    await testUniverse.settle();
    testUniverse.networkOf(again).freeze('to-client');
    const sent = watch(again.client.write([op('d')], { timeoutMs: 1_000 }));
    const unsure = new AbortController();
    const called = watch(again.client.write([op('e')], { signal: unsure.signal }));
    await testUniverse.advance(500);
    unsure.abort(new Error('too late'));
    await testUniverse.advance(2_000);
    expect([sent.state, called.state]).toEqual(['connection/timeout', 'client/outcome-unknown']);
  });

  test('in which a write was never sent can be told to forget it', async () => {
    const ada = await startApplication({}, true);
    void ada.events.publish('n', 1).catch(() => undefined);
    await ada.client.work.secured();
    await testUniverse.advance(0);
    const second = watch(ada.events.publish('n', 2));
    await ada.client.work.secured();
    const items = ada.client.work.list();
    await ada.client.work.discard(items[1]?.id ?? '');
    await testUniverse.advance(0);
    expect(second.state).toBe('outbox/discarded');
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(await logged()).toEqual([1]);
  });

  test('tells who watches how much there is, and nobody twice', async () => {
    const ada = await startApplication({}, true);
    const seen: string[] = [];
    ada.client.work.summary.subscribe(({ pending, rejected }) => seen.push(`${pending}/${rejected}`));
    const published = ada.events.publish('n', 1);
    await ada.client.work.secured();
    testUniverse.networkOf(ada).restore();
    await published;
    await testUniverse.settle();
    expect(seen).toEqual(['1/0', '0/0']);
  });

  test('that cannot be written tells so, sends what is there all the same, and keeps it once it can', async () => {
    const ada = await startApplication({}, true);
    store.failure = new NervPersistenceError('outbox/storage-failed', 'no room', { retryable: true });
    const first = watch(ada.events.publish('n', 1));
    const secured = watch(ada.client.work.secured());
    await testUniverse.advance(1_000);
    expect([first.state, secured.state]).toEqual(['pending', 'outbox/storage-failed']);
    expect(ada.client.work.list()).toEqual([]);
    const codes = testUniverse.takeErrors().map((error) => (error as NervPersistenceError).code);
    expect(new Set(codes)).toEqual(new Set(['outbox/storage-failed']));
    store.failure = undefined;
    await testUniverse.advance(31_000);
    expect(ada.client.work.list()).toHaveLength(1);
    // What is kept is not sent before the outbox knows under which request.
    store.failure = new NervPersistenceError('outbox/storage-failed', 'no room', { retryable: true });
    testUniverse.networkOf(ada).restore();
    await testUniverse.advance(300);
    expect(ada.client.work.list()).toMatchObject([{ state: 'blocked', reason: { code: 'outbox/storage-failed' } }]);
    expect(await logged()).toEqual([]);
    store.failure = undefined;
    await testUniverse.advance(1_000);
    expect([first.state, await logged()]).toEqual(['done', [1]]);
    expect(ada.client.work.list()).toEqual([]);
  });

  test('keeps under which id a write is to be sent', async () => {
    const first = await startApplication({}, true);
    const op = { tag: 'deleteTag', value: { store: 's', name: 't' } } as const;
    await testUniverse.universe.states.open('s', {});
    await testUniverse.universe.client.write([
      {
        tag: 'createTag',
        value: { ...op.value, versionId: await headOf('s'), description: '', author: '', replace: false },
      },
    ]);
    void first.client.write([op], { requestId: 'mine' }).catch(() => undefined);
    await first.client.work.secured();
    await first.close();
    await startApplication();
    await testUniverse.settle();
    const requests = await testUniverse.host.sql(`SELECT request_id FROM request`);
    expect(requests.map((row) => row['request_id'])).toContain('mine');
  });
});

async function headOf(name: string): Promise<string> {
  return (await testUniverse.universe.states.open(name)).versionId;
}
