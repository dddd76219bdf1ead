import { expectTypeOf, test } from 'vitest';
import { adoptWhatIf, byIdentity, restoreHistory, toPlain, undo, whatIf } from './index.ts';
import type { HistoryExport, LocalTemporalStore } from './index.ts';
import { TemporalStore, type DeepReadonly, type TemporalStore as AnyStore } from './temporal-store.ts';

interface Board {
  readonly title: string;
  readonly cards: readonly { readonly id: string; readonly tags: ReadonlySet<string> }[];
  readonly byName: ReadonlyMap<string, number>;
  readonly when?: Date;
}

declare const board: Board;

test('a state is read-only all the way down, and a draft is not', () => {
  const store = new TemporalStore(board);
  expectTypeOf(store).toEqualTypeOf<LocalTemporalStore<Board>>();
  expectTypeOf(store.state.cards[0]?.id).toEqualTypeOf<string | undefined>();
  expectTypeOf(store.state.when).toEqualTypeOf<Date | undefined>();
  // @ts-expect-error a state is read-only
  store.state.title = 'x';
  // @ts-expect-error so is all that is in it
  store.state.cards.push({ id: 'x', tags: new Set() });
  store.commit((draft) => {
    draft.title = 'x';
    draft.cards.push({ id: 'x', tags: new Set(['y']) });
    draft.byName.set('x', 1);
    draft.cards[0]?.tags.add('z');
    // @ts-expect-error what a place holds is known
    draft.title = 1;
    // @ts-expect-error what there is not, is not there
    draft.other = 1;
  });
  store.commit(board);
  store.commit(store.state);
  // @ts-expect-error a state has all its parts
  store.commit({ title: 'x' });
});

test('selectors and subscribers know what they are given', () => {
  const store = new TemporalStore(board);
  store.select(
    (state) => state.cards.length,
    (selected, previous, change) => {
      expectTypeOf(selected).toEqualTypeOf<number>();
      expectTypeOf(previous).toEqualTypeOf<number>();
      expectTypeOf(change.state).toEqualTypeOf<DeepReadonly<Board>>();
    },
  );
});

test('what a store of this process answers at once, others may promise', () => {
  const store = new TemporalStore(board);
  const any: AnyStore<Board> = store;
  expectTypeOf(store.commit(board)).toEqualTypeOf<string>();
  expectTypeOf(any.commit(board)).toEqualTypeOf<string | Promise<string>>();
  expectTypeOf(undo(store, 'Ada')).toEqualTypeOf<string | undefined>();
  expectTypeOf(undo(any, 'Ada')).toEqualTypeOf<string | undefined | Promise<string | undefined>>();
  expectTypeOf(adoptWhatIf(store, whatIf(store))).toEqualTypeOf<string>();
  expectTypeOf(restoreHistory<Board>({} as HistoryExport)).toEqualTypeOf<LocalTemporalStore<Board>>();
  store.merge('side', { lists: byIdentity({ '/cards': 'id' }) });
});

test('a plain copy belongs to the caller', () => {
  const copy = toPlain(new TemporalStore(board).state);
  copy.title = 'x';
  copy.cards.push({ id: 'x', tags: new Set() });
  expectTypeOf(copy.byName).toEqualTypeOf<Map<string, number>>();
});
