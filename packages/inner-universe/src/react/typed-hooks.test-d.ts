import type { EntityGraph } from '@inner-universe/nerv/graph';
import type { TemporalStore } from '@inner-universe/nerv/temporal';
import { expectTypeOf } from 'vitest';
import { openUniverse, type Universe } from '../index.ts';
import {
  makeTypedHooks,
  UniverseProvider,
  useGraphQuery,
  useLiveQuery,
  useStore,
  useUniverse,
  useVersionedState,
  type UniverseParts,
} from './index.ts';

interface Board {
  title: string;
  notes: string[];
}
type Graph = {
  entities: { person: { age: number }; place: { city: string } };
  relations: { lives: { since: number } };
};

const hooks = makeTypedHooks<{
  events: { 'chat.said': { text: string }; 'chat.left': { why: string }; 'order.placed': number };
  states: { board: Board; counter: number };
  graph: Graph;
}>();

// Any universe can be given, opened or not.
expectTypeOf<Universe>().toExtend<UniverseParts>();
UniverseProvider({ universe: openUniverse({ memory: true }) });
expectTypeOf(useUniverse()).toEqualTypeOf<Universe | undefined>();

// Events are told apart by their types.
hooks.useEvent('chat.said', ({ data }) => expectTypeOf(data.text).toBeString());
const [latest] = hooks.useEvents('chat.*').events;
expectTypeOf(latest).toExtend<{ type: 'chat.said' | 'chat.left' } | undefined>();
if (latest?.type === 'chat.left') expectTypeOf(latest.data).toEqualTypeOf<{ why: string }>();

// A store's name says what its state is; what is shown cannot be changed, what is committed can.
const { state, commit, versionId } = hooks.useVersionedState('board');
expectTypeOf(versionId).toEqualTypeOf<string | undefined>();
expectTypeOf(state?.notes).toEqualTypeOf<readonly string[] | undefined>();
void commit((board) => board.notes.push('one'));
// @ts-expect-error There is no such field.
void commit((board) => board.others);
// @ts-expect-error There is no such store.
hooks.useVersionedState('boards');
// @ts-expect-error It starts as what it is.
hooks.useVersionedState('counter', 'one');
expectTypeOf(hooks.useStateSelection('board', ({ notes }) => notes.length).selected).toEqualTypeOf<
  number | undefined
>();
expectTypeOf(useVersionedState('counter', 1).state).toEqualTypeOf<number | undefined>();

// Rows have the properties of their types.
expectTypeOf(hooks.useGraphQuery({ type: 'person' }).rows[0]?.properties).toEqualTypeOf<
  Readonly<{ age: number }> | undefined
>();
// @ts-expect-error There is no such type.
hooks.useGraphQuery({ type: 'persons' });
expectTypeOf(hooks.useEntity('a', { type: 'place' }).entity?.properties.city).toEqualTypeOf<string | undefined>();
expectTypeOf(hooks.useRelationQuery({ type: 'lives' }).rows[0]?.properties.since).toEqualTypeOf<number | undefined>();
expectTypeOf(useGraphQuery<Graph, 'place'>().rows[0]?.type).toEqualTypeOf<'place' | undefined>();

// NERV's own parts have hooks as well.
declare const store: TemporalStore<Board>;
declare const graph: EntityGraph<Graph>;
expectTypeOf(useStore(store).state.title).toBeString();
expectTypeOf(useLiveQuery(graph, { type: 'person' }).rows[0]?.properties.age).toEqualTypeOf<number | undefined>();
