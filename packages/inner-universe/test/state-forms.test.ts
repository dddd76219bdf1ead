import { afterAll, expect, test } from 'vitest';
import type { Universe } from '../src/index.ts';
import { describeForms } from './forms.ts';

interface Board {
  title: string;
  votes: number;
  own: Record<string, number>;
}

const EMPTY: Board = { title: '', votes: 0, own: {} };

describeForms((form) => {
  let opened: Promise<Universe> | undefined;
  afterAll(async () => (await opened)?.close());
  const open = (): Promise<Universe> => (opened ??= form.open());

  test('two who commit at the same time both get through where they change different places', async () => {
    const universe = await open();
    const stores = [await universe.states.open('both', EMPTY), await universe.states.open('both', EMPTY)];
    const work = stores.map(async (store, writer) => {
      for (let n = 1; n <= 10; n += 1) {
        await store.commit((draft) => (draft.own[`${writer}`] = n), { optimistic: writer === 0 });
      }
    });
    await Promise.all(work);
    await expect
      .poll(() => stores.map(({ state }) => state.own))
      .toEqual([
        { 0: 10, 1: 10 },
        { 0: 10, 1: 10 },
      ]);
    expect(await stores[0]?.verify()).toEqual({ ok: true, versions: 21 });
  });

  test('two who change the same place: one is told of both sides, or both run', async () => {
    const universe = await open();
    const one = await universe.states.open('same', EMPTY);
    const two = await universe.states.open('same', EMPTY);
    const results = await Promise.allSettled(
      [one, two].map((store, writer) => store.commit((draft) => (draft.title = `${writer}`))),
    );
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'state/version-conflict', details: { paths: ['/title'] } },
    });
    await Promise.all(
      [one, two, one, two].map((store) => store.commit((draft) => (draft.votes += 1), { onConflict: 'rerun' })),
    );
    await expect.poll(() => [one.state.votes, two.state.votes]).toEqual([4, 4]);
  });

  test('a history that was compacted reads and verifies', async () => {
    const universe = await open();
    const store = await universe.states.open('compacted', EMPTY);
    const ids: string[] = [];
    for (let n = 1; n <= 20; n += 1) ids.push(await store.commit((draft) => (draft.votes = n)));
    expect(await store.compact({ last: 3 })).toEqual({ kept: 4, leftOut: 17 });
    const again = await universe.states.open<Board>('compacted');
    expect((await again.log()).map(({ id }) => id).slice(0, 3)).toEqual(ids.slice(-3).reverse());
    expect((await again.at(ids[17] ?? '')).votes).toBe(18);
    expect(await again.verify()).toEqual({ ok: true, versions: 4 });
    await expect(again.at(ids[16] ?? '')).rejects.toMatchObject({ code: 'state/version-compacted' });
  });
});
