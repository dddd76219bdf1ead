import { VersionConflictError } from '@inner-universe/nerv';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SpacetimeTemporalStore, Universe } from '../src/index.ts';
import { SurvivingOutbox } from '../src/offline/test/surviving-outbox.ts';
import { createTestUniverse, READ_AND_WRITE, type TestUniverse } from '../src/testing/index.ts';

interface Cart {
  count: number;
  title: string;
  items: string[];
}

const EMPTY: Cart = { count: 0, title: '', items: [] };
const MINUTE_MS = 60_000;

let testUniverse: TestUniverse;
let outbox: SurvivingOutbox;
let owners: SpacetimeTemporalStore<Cart>;

beforeEach(async () => {
  testUniverse = await createTestUniverse();
  outbox = new SurvivingOutbox();
  await testUniverse.grant('ada', READ_AND_WRITE);
  owners = await testUniverse.universe.states.open('cart', EMPTY);
});

afterEach(() => testUniverse.close());

/** A start of Ada's application, with her outbox. */
function start(isCut = false): Promise<Universe> {
  return testUniverse.as('ada', [], { outbox: { store: outbox }, isCut });
}

/** Has Ada's application see the store once, so that its head is kept; then ends it. */
async function visit(): Promise<void> {
  const ada = await start();
  const store = await ada.states.open<Cart>('cart');
  expect(store.isStale).toBe(false);
  await ada.close();
}

function makeSignal(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

function watch(promise: Promise<unknown>): { state: string } {
  const watched = { state: 'pending' };
  promise.then(
    () => (watched.state = 'done'),
    (error: { code?: string }) => (watched.state = String(error.code ?? error)),
  );
  return watched;
}

describe('a store while the server is away', () => {
  test('opens as it was kept, is stale, and catches up by the net change alone', async () => {
    await owners.commit((draft) => draft.items.push('kept'));
    await visit();
    await owners.commit((draft) => (draft.count = 1));
    await owners.commit((draft) => (draft.count = 2));
    const ada = await start(true);
    const store = await ada.states.open<Cart>('cart', EMPTY);
    expect(store.state).toEqual({ count: 0, title: '', items: ['kept'] });
    expect(store.isStale).toBe(true);
    expect(store.status).toBe('confirmed');
    const told: [number, string][] = [];
    store.subscribe(({ state, status }) => told.push([state.count, status]));
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(store.isStale).toBe(false);
    expect(store.versionId).toBe(owners.versionId);
    expect(told).toEqual([[2, 'confirmed']]);
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('keeps the last confirmed head, never what is pending', async () => {
    const ada = await start();
    const store = await ada.states.open<Cart>('cart');
    await store.commit((draft) => (draft.count = 1));
    testUniverse.networkOf(ada).cut();
    void watch(store.commit((draft) => (draft.count = 2), { optimistic: true }));
    expect(store.state.count).toBe(2);
    await testUniverse.advance(MINUTE_MS);
    const copy = await ada.client.localCopies?.get('state/["cart","main"]');
    expect(copy).toContain('"count":1');
    expect(copy).not.toContain('"count":2');
    testUniverse.takeErrors();
  });

  test('commits wait as pending, in order, and are all there when it is back', async () => {
    await visit();
    const ada = await start(true);
    const store = await ada.states.open<Cart>('cart');
    const commits = ['a', 'b', 'c'].map((item) =>
      watch(store.commit((draft) => draft.items.push(item), { optimistic: true, description: item })),
    );
    expect(store.state.items).toEqual(['a', 'b', 'c']);
    expect(store.status).toBe('pending');
    await testUniverse.advance(10 * MINUTE_MS);
    expect(commits.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
    expect(store.pending.map(({ description, isShown }) => [description, isShown])).toEqual([
      ['a', true],
      ['b', true],
      ['c', true],
    ]);
    await owners.commit((draft) => (draft.title = 'meanwhile'));
    const told: string[] = [];
    store.subscribe(({ state, status }) => told.push(`${status} ${state.title} ${state.items.join('')}`));
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(commits.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    expect(store.state).toEqual({ count: 0, title: 'meanwhile', items: ['a', 'b', 'c'] });
    expect(store.status).toBe('confirmed');
    expect(told).toEqual(['pending meanwhile abc', 'confirmed meanwhile abc']);
    await testUniverse.settle();
    expect(owners.state).toEqual(store.state);
    expect(await owners.verify()).toEqual({ ok: true, versions: 5 });
    testUniverse.takeErrors();
  });

  test('commits in conflict with what others did meanwhile are taken back, with both sides told', async () => {
    await visit();
    const ada = await start(true);
    const store = await ada.states.open<Cart>('cart');
    const good = watch(store.commit((draft) => draft.items.push('mine'), { optimistic: true }));
    const bad = store.commit((draft) => (draft.title = 'mine'), { optimistic: true });
    const failed = bad.catch((error: unknown) => error);
    await owners.commit((draft) => (draft.title = 'theirs'));
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(await failed).toBeInstanceOf(VersionConflictError);
    expect((await failed) as VersionConflictError).toMatchObject({
      details: { paths: ['/title'], ours: [{ value: 'mine' }], theirs: [{ value: 'theirs' }] },
    });
    expect(good.state).toBe('done');
    expect(store.state).toEqual({ count: 0, title: 'theirs', items: ['mine'] });
    expect(ada.client.work.list()).toEqual([]);
    testUniverse.takeErrors();
  });
});

describe('commits of an earlier start of the application', () => {
  /** Commits offline, and ends before anything could be sent. */
  async function commitAndDie(items: readonly string[]): Promise<void> {
    await visit();
    const ada = await start(true);
    const store = await ada.states.open<Cart>('cart');
    for (const item of items)
      void watch(store.commit((draft) => draft.items.push(item), { description: item.slice(0, 9) }));
    await testUniverse.advance(0);
    await ada.client.work.secured();
    outbox.kill();
    await ada.close();
    testUniverse.takeErrors();
  }

  test('are shown as pending over what was kept, also before there is a connection', async () => {
    await commitAndDie(['a', 'b']);
    const ada = await start(true);
    const store = await ada.states.open<Cart>('cart');
    expect(store.state.items).toEqual(['a', 'b']);
    expect(store.status).toBe('pending');
    expect(store.pending.map(({ description }) => description)).toEqual(['a', 'b']);
    void watch(store.commit((draft) => draft.items.push('c'), { optimistic: true }));
    expect(store.state.items).toEqual(['a', 'b', 'c']);
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(store.status).toBe('confirmed');
    expect(store.pending).toEqual([]);
    expect(owners.state.items).toEqual(['a', 'b', 'c']);
    expect(await owners.verify()).toEqual({ ok: true, versions: 4 });
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('are rebased onto what others committed meanwhile', async () => {
    await commitAndDie(['a', 'b']);
    await owners.commit((draft) => (draft.title = 'theirs'));
    const ada = await start(true);
    const store = await ada.states.open<Cart>('cart');
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(store.state).toEqual({ count: 0, title: 'theirs', items: ['a', 'b'] });
    expect(owners.state).toEqual(store.state);
    expect(ada.client.work.list()).toEqual([]);
    expect(await owners.verify()).toEqual({ ok: true, versions: 4 });
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('are rebased also if they were refused before the store was opened', async () => {
    await commitAndDie(['a']);
    await owners.commit((draft) => (draft.title = 'theirs'));
    const ada = await start();
    await testUniverse.settle();
    expect(ada.client.work.list('rejected')).toHaveLength(1);
    const store = await ada.states.open<Cart>('cart');
    await testUniverse.settle();
    expect(store.state).toEqual({ count: 0, title: 'theirs', items: ['a'] });
    expect(ada.client.work.list()).toEqual([]);
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('are rebased also if they were refused in an earlier start that did not open the store, or ended first', async () => {
    await commitAndDie(['a', 'b']);
    await owners.commit((draft) => (draft.title = 'theirs'));
    const between = await start();
    await testUniverse.settle();
    expect(between.client.work.list('rejected')).toHaveLength(2);
    await between.close();
    const ada = await start();
    const store = await ada.states.open<Cart>('cart');
    await testUniverse.settle();
    expect(store.state).toEqual({ count: 0, title: 'theirs', items: ['a', 'b'] });
    expect(ada.client.work.list()).toEqual([]);
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('are rebased also where a refusal stops what is behind it, and that goes on then', async () => {
    await commitAndDie(['a', 'b']);
    await owners.commit((draft) => (draft.title = 'meanwhile'));
    const stopping = { store: outbox, onRejected: 'stop' } as const;
    const ada = await testUniverse.as('ada', [], { outbox: stopping });
    await testUniverse.settle();
    const published = watch(ada.events.publish('tick', 1));
    await testUniverse.settle();
    // Refused before the store is open: nothing goes on until it is.
    expect(published.state).toBe('pending');
    const store = await ada.states.open<Cart>('cart');
    await vi.waitFor(() => expect(published.state).toBe('done'));
    await vi.waitFor(() => expect(ada.client.work.list()).toEqual([]));
    await testUniverse.settle();
    expect(owners.state).toEqual({ count: 0, title: 'meanwhile', items: ['a', 'b'] });
    expect(store.state).toEqual(owners.state);
    expect(store.status).toBe('confirmed');
    expect(await owners.verify()).toEqual({ ok: true, versions: 4 });
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('in conflict stop what is behind them where a refusal does, and discarding the work lets it go on', async () => {
    await commitAndDie(['a']);
    await owners.commit((draft) => draft.items.push('theirs'));
    const ada = await testUniverse.as('ada', [], { outbox: { store: outbox, onRejected: 'stop' } });
    await ada.states.open<Cart>('cart');
    const { work } = ada.client;
    await vi.waitFor(() => expect(testUniverse.takeErrors()).toMatchObject([{ code: 'state/version-conflict' }]));
    const published = watch(ada.events.publish('tick', 1));
    await work.secured();
    const [given] = work.list('rejected');
    expect(given?.reason).toMatchObject({ code: 'state/version-conflict', details: { paths: ['/items/0'] } });
    expect(work.list('blocked')).toMatchObject([{ reason: { code: 'state/version-conflict' } }]);
    expect(published.state).toBe('pending');
    await work.discard(given?.id ?? '');
    await testUniverse.settle();
    expect(published.state).toBe('done');
  });

  test('come before those of this start, in their order, however late they are refused', async () => {
    const earlier = Array.from({ length: 12 }, (_, n) => `earlier ${n}`);
    await commitAndDie(earlier);
    await owners.commit((draft) => (draft.title = 'theirs'));
    const ada = await start();
    const store = await ada.states.open<Cart>('cart');
    const now = store.commit((draft) => draft.items.push('now'));
    await testUniverse.settle();
    await now;
    expect(store.state.items).toEqual([...earlier, 'now']);
    expect(ada.client.work.list()).toEqual([]);
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('of which the base is lost keep nobody from opening the store, and stay in the outbox with the reason', async () => {
    await commitAndDie(['a']);
    const orphaned = await start(true);
    const [item] = orphaned.client.work.list();
    const [op] = item?.ops ?? [];
    if (op?.tag !== 'recordVersion') throw new Error('The commit is one op.');
    const move = { branch: 'main', expectedHead: 'lost' };
    orphaned.client
      .write([{ tag: 'recordVersion', value: { ...op.value, versionId: 'orphan', parents: ['lost'], move } }])
      .catch(() => undefined);
    await orphaned.client.work.secured();
    await orphaned.close();
    const ada = await start();
    const store = await ada.states.open<Cart>('cart');
    await testUniverse.settle();
    expect(store.state.items).toEqual(['a']);
    expect(ada.client.work.list()).toMatchObject([{ state: 'rejected', reason: { code: 'state/unknown-parent' } }]);
  });

  test('that are in conflict stay in the outbox as rejected, and are told', async () => {
    await commitAndDie(['a']);
    await owners.commit((draft) => draft.items.push('theirs'));
    const ada = await start(true);
    const store = await ada.states.open<Cart>('cart');
    expect(store.state.items).toEqual(['a']);
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(store.state.items).toEqual(['theirs']);
    expect(store.status).toBe('confirmed');
    expect(testUniverse.takeErrors()).toMatchObject([
      { code: 'state/version-conflict', details: { paths: ['/items/0'] } },
    ]);
    const rejected = {
      state: 'rejected',
      reason: { code: 'state/version-conflict', details: { paths: ['/items/0'] } },
    };
    expect(ada.client.work.list()).toMatchObject([rejected]);
    // It is given up: the next start does not try it again.
    await ada.close();
    const next = await start();
    await next.states.open<Cart>('cart');
    await testUniverse.settle();
    expect(next.client.work.list()).toMatchObject([rejected]);
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('whose base is not known here are not shown on a guess, and overwrite nobody when they lost', async () => {
    const name = 'state/["cart","main"]';
    await visit();
    const first = await start();
    const older = (await first.client.localCopies?.get(name)) ?? '';
    const store = await first.states.open<Cart>('cart');
    await owners.commit((draft) => (draft.title = 'theirs'));
    await testUniverse.settle();
    store.close();
    const newer = (await first.client.localCopies?.get(name)) ?? '';
    expect(newer).not.toBe(older);
    first.client.localCopies?.set(name, older);
    await first.close();
    const dying = await start(true);
    const behind = await dying.states.open<Cart>('cart');
    void watch(behind.commit((draft) => (draft.title = 'mine')));
    void watch(behind.commit((draft) => draft.items.push('mine')));
    await dying.client.work.secured();
    outbox.kill();
    await dying.close();
    dying.client.localCopies?.set(name, newer);
    testUniverse.takeErrors();
    const ada = await start(true);
    const ahead = await ada.states.open<Cart>('cart');
    expect(ahead.state).toEqual({ count: 0, title: 'theirs', items: [] });
    expect(ada.client.work.list('pending')).toHaveLength(2);
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(owners.state).toEqual({ count: 0, title: 'theirs', items: ['mine'] });
    expect(ahead.state).toEqual(owners.state);
    expect(ada.client.work.list()).toMatchObject([
      { state: 'rejected', reason: { code: 'state/version-conflict', details: { paths: ['/title'] } } },
    ]);
    expect(testUniverse.takeErrors()).toMatchObject([{ code: 'state/version-conflict' }]);
  });

  test('that others came before survive a kill, with those made on them, though they were not kept until then', async () => {
    const ada = await start();
    const store = await ada.states.open<Cart>('cart');
    const { network, refused } = { network: testUniverse.networkOf(ada), refused: makeSignal() };
    let runs = 0;
    const theirs = owners.commit((draft) => (draft.title = 'theirs'));
    const first = store.commit(
      (draft) => {
        draft.count += 1;
        runs += 1;
        if (runs < 2) return;
        network.cut();
        refused.resolve();
      },
      { description: 'first', onConflict: 'rerun' },
    );
    void watch(first);
    void watch(store.commit((draft) => draft.items.push('second'), { description: 'second' }));
    await theirs;
    await refused.promise;
    void watch(store.commit((draft) => draft.items.push('third'), { description: 'third' }));
    await ada.client.work.secured();
    expect(ada.client.work.list('rejected')).toEqual([]);
    outbox.kill();
    await ada.close();
    testUniverse.takeErrors();
    const next = await start();
    const resumed = await next.states.open<Cart>('cart');
    await testUniverse.settle();
    expect(resumed.state).toEqual({ count: 1, title: 'theirs', items: ['second', 'third'] });
    expect(resumed.pending).toEqual([]);
    expect(next.client.work.list()).toEqual([]);
    expect((await owners.log()).map(({ description }) => description).slice(0, 3)).toEqual([
      'third',
      'second',
      'first',
    ]);
    expect(await owners.verify()).toEqual({ ok: true, versions: 5 });
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('with large changes are shown too', async () => {
    const large = 'x'.repeat(600_000);
    await commitAndDie([large]);
    const ada = await start(true);
    const store = await ada.states.open<Cart>('cart');
    expect(store.state.items[0]?.length).toBe(large.length);
    testUniverse.networkOf(ada).restore();
    await testUniverse.settle();
    expect(owners.state.items[0]?.length).toBe(large.length);
  });
});
