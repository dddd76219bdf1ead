import { describe, expect, test } from 'vitest';
import { createTestUniverse } from '../src/testing/index.ts';

describe('somebody with a grant for one store alone', () => {
  test('sees every version of it live, each once, in order, and nothing of another store', async () => {
    await using testUniverse = await createTestUniverse();
    const { universe } = testUniverse;
    const cart = await universe.states.open('cart', { count: 0 });
    const secret = await universe.states.open('secret', { pin: 0 });
    const ada = await testUniverse.as('ada', [{ action: 'read', resource: 'store:cart' }]);
    const followed = await ada.states.open<{ count: number }>('cart');
    const seen: [number, string][] = [];
    followed.subscribe(({ state, type }) => seen.push([state.count, type]));
    for (let n = 1; n <= 5; n += 1) {
      await cart.commit((draft) => (draft.count = n));
      await secret.commit((draft) => (draft.pin = n));
      await testUniverse.settle();
      expect(followed.state.count).toBe(n);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5].map((n) => [n, 'commit']));
    // Also those that come faster than they can be read.
    await Promise.all(
      [6, 7, 8].map(async (n) => {
        await cart.commit((draft) => (draft.count = n), { onConflict: 'rerun' });
      }),
    );
    await testUniverse.settle();
    expect(followed.state.count).toBe(8);
    expect(seen.at(-1)?.[0]).toBe(8);
    await expect(ada.states.open('secret')).rejects.toMatchObject({ code: expect.any(String) as string });
    await expect(ada.states.load(secret.versionId)).rejects.toMatchObject({ code: 'state/unknown-version' });
    expect(testUniverse.takeErrors()).toEqual([]);
  });

  test('is told after a lost connection what happened meanwhile, by the net change', async () => {
    await using testUniverse = await createTestUniverse();
    const cart = await testUniverse.universe.states.open('cart', { count: 0, title: '' });
    const ada = await testUniverse.as('ada', [{ action: 'read', resource: 'store:cart' }]);
    const followed = await ada.states.open<{ count: number; title: string }>('cart');
    const seen: number[] = [];
    followed.subscribe(({ state }) => seen.push(state.count));
    const network = testUniverse.networkOf(ada);
    network.cut();
    for (let n = 1; n <= 3; n += 1) await cart.commit((draft) => (draft.count = n));
    await testUniverse.advance(10);
    expect(followed.isStale).toBe(true);
    expect(followed.state.count).toBe(0);
    network.restore();
    await testUniverse.advance(60_000);
    await testUniverse.settle();
    expect(followed.isStale).toBe(false);
    expect(followed.state.count).toBe(3);
    expect(seen.at(-1)).toBe(3);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    testUniverse.takeErrors();
  });

  test('hears of it when the right is given later', async () => {
    await using testUniverse = await createTestUniverse();
    const cart = await testUniverse.universe.states.open('cart', { count: 0 });
    const ada = await testUniverse.as('ada', [{ action: 'publish', resource: 'event:ping' }]);
    await expect(ada.states.open('cart')).rejects.toMatchObject({ code: expect.any(String) as string });
    await testUniverse.grant('ada', [{ action: 'read', resource: 'store:cart' }]);
    const followed = await ada.states.open<{ count: number }>('cart');
    await cart.commit((draft) => (draft.count = 1));
    await testUniverse.settle();
    expect(followed.state.count).toBe(1);
  });
});
