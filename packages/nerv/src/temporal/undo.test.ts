import { describe, expect, test } from 'vitest';
import { TemporalStore } from './temporal-store.ts';
import type { TemporalStore as AnyStore } from './temporal-store.ts';
import { redo, undo } from './undo.ts';

const makeStore = (): InstanceType<typeof TemporalStore<{ n: number; other?: number; text?: string }>> =>
  new TemporalStore({ n: 0 });

describe('undo', () => {
  test('never takes back the first version, nor anything of others', () => {
    const store = makeStore();
    store.commit((draft) => (draft.n = 1), { author: 'Bo' });
    expect(undo(store, '')).toBeUndefined();
    expect(undo(store, 'Ada')).toBeUndefined();
    expect(store.log()).toHaveLength(2);
  });

  test('is itself a version, which says what it took back', () => {
    const store = makeStore();
    const id = store.commit((draft) => (draft.n = 1), { author: 'Ada', description: 'one' });
    const undone = undo(store, 'Ada');
    expect(store.version(0)).toMatchObject({
      id: undone,
      author: 'Ada',
      description: `Undo ${id}\n\none`,
    });
    redo(store, 'Ada');
    expect(store.version(0)).toMatchObject({ author: 'Ada', description: `Redo ${id}\n\none` });
  });

  test('is refused where somebody else changed the same place, and done as the options decide', () => {
    const store = makeStore();
    store.commit((draft) => (draft.n = 1), { author: 'Ada' });
    store.commit((draft) => (draft.n = 2), { author: 'Bo' });
    expect(() => undo(store, 'Ada')).toThrow(expect.objectContaining({ code: 'state/merge-conflict' }));
    undo(store, 'Ada', { strategy: 'theirs' });
    expect(store.state.n).toBe(0);
  });

  test('a new commit ends what can be redone', () => {
    const store = makeStore();
    store.commit((draft) => (draft.n = 1), { author: 'Ada' });
    undo(store, 'Ada');
    store.commit((draft) => (draft.other = 1), { author: 'Ada' });
    expect(redo(store, 'Ada')).toBeUndefined();
    undo(store, 'Ada');
    expect(undo(store, 'Ada')).toBeUndefined();
    expect(store.state).toEqual({ n: 0 });
  });

  test('goes as far back as asked, over long histories, on any branch', () => {
    const store = makeStore();
    store.createBranch('side');
    for (let n = 1; n <= 100; n += 1) {
      store.commit((draft) => (draft.n = n), { author: 'Ada', branch: 'side' });
      store.commit((draft) => (draft.other = n), { author: 'Bo', branch: 'side' });
    }
    for (let n = 1; n <= 100; n += 1) undo(store, 'Ada', { branch: 'side' });
    expect(undo(store, 'Ada', { branch: 'side' })).toBeUndefined();
    expect(store.at('side')).toEqual({ n: 0, other: 100 });
    for (let n = 1; n <= 99; n += 1) redo(store, 'Ada', { branch: 'side' });
    undo(store, 'Ada', { branch: 'side' });
    redo(store, 'Ada', { branch: 'side' });
    redo(store, 'Ada', { branch: 'side' });
    expect(redo(store, 'Ada', { branch: 'side' })).toBeUndefined();
    expect(store.at('side').n).toBe(100);
    expect(store.state.n).toBe(0);
  });

  test('of a store that answers later is a promise, and so is its refusal', async () => {
    const store = makeStore();
    store.commit((draft) => (draft.n = 1), { author: 'Ada' });
    const later = {
      log: (filter: object) => Promise.resolve(store.log(filter)),
      version: (id: string) => Promise.resolve(store.version(id)),
      revert: (id: string, options: object) => Promise.resolve().then(() => store.revert(id, options)),
    } as unknown as AnyStore<{ n: number }>;
    expect(await undo(later, 'Ada')).toBe(store.versionId);
    expect(store.state.n).toBe(0);
    expect(await redo(later, 'Ada')).toBe(store.versionId);
    store.commit((draft) => (draft.n = 5), { author: 'Bo' });
    await expect(undo(later, 'Ada')).rejects.toMatchObject({ code: 'state/merge-conflict' });
  });
});
