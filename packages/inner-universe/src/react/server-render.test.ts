import { EntityGraph } from '@inner-universe/nerv/graph';
import { TemporalStore } from '@inner-universe/nerv/temporal';
import { createElement as h, type ReactNode } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, expect, test, vi } from 'vitest';
import { createTestUniverse } from '../testing/index.ts';
import {
  UniverseProvider,
  useEntity,
  useEvent,
  useEvents,
  useGraphQuery,
  useLiveQuery,
  useRelationQuery,
  useStateSelection,
  useStore,
  useStoreSelection,
  useUniverse,
  useUniverseStatus,
  useVersionedState,
  type UniverseParts,
} from './index.ts';

/** Every hook that needs a universe. */
function Everything(): ReactNode {
  useEvent('a', () => undefined);
  const { state, status, history } = useVersionedState('board', { count: 1 }, { history: 5 });
  const { selected } = useStateSelection('board', ({ count }: { count: number }) => count);
  return h(
    'p',
    null,
    JSON.stringify({
      state,
      status,
      history,
      selected,
      universe: useUniverse() === undefined ? 'none' : 'here',
      connection: useUniverseStatus().state,
      events: useEvents('a', { from: 'start' }),
      rows: useGraphQuery({ type: 'person' }),
      relations: useRelationQuery(),
      entity: useEntity('a'),
    }),
  );
}

const LOADING = {
  status: 'loading',
  history: [],
  connection: 'opening',
  events: { events: [], status: 'loading' },
  rows: { rows: [], status: 'loading' },
  relations: { rows: [], status: 'loading' },
  entity: { status: 'loading' },
};

function render(node: ReactNode): unknown {
  return JSON.parse(
    renderToString(node)
      .replace(/<[^>]*>/g, '')
      .replaceAll('&quot;', '"'),
  );
}

const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined);

afterEach(() => {
  expect(complaints).not.toHaveBeenCalled();
});

test('on a server without a universe everything is loading', () => {
  const provided = h(UniverseProvider, { universe: undefined }, h(Everything));
  expect(render(provided)).toEqual({ ...LOADING, universe: 'none' });
  expect(render(h(Everything))).toEqual({ ...LOADING, universe: 'none' });
  const never = new Promise<UniverseParts>(() => undefined);
  expect(render(h(UniverseProvider, { universe: never }, h(Everything)))).toEqual({ ...LOADING, universe: 'none' });
});

test('on a server with a universe nothing is opened or subscribed, and everything is loading', async () => {
  await using test = await createTestUniverse();
  const { universe } = test;
  const spies = [vi.spyOn(universe.states, 'open'), vi.spyOn(universe.events, 'subscribe')];
  const loads = vi.spyOn(universe.graph, 'liveQuery');
  expect(render(h(UniverseProvider, { universe }, h(Everything)))).toEqual({ ...LOADING, universe: 'here' });
  for (const spy of [...spies, loads]) expect(spy).not.toHaveBeenCalled();
});

test('what the application has itself is rendered on a server as it is', () => {
  const store = new TemporalStore({ title: 'one', count: 2 });
  const graph = new EntityGraph();
  graph.createEntity('person', { id: 'a' });
  function Own(): ReactNode {
    const { state, status } = useStore(store);
    const count = useStoreSelection(store, (board) => board.count);
    const { rows } = useLiveQuery(graph, { type: 'person' });
    return h('p', null, JSON.stringify({ state, status, count, ids: rows.map(({ id }) => id) }));
  }
  expect(render(h(Own))).toEqual({ state: { title: 'one', count: 2 }, status: 'confirmed', count: 2, ids: ['a'] });
});

test('an error is a value, and thrown while rendering where a component asks for that', () => {
  function Wrong({ throwErrors }: { throwErrors: boolean }): ReactNode {
    const { status, error } = useEvents('a', { limit: 0, throwErrors });
    return h('p', null, JSON.stringify([status, (error as { code?: string } | undefined)?.code]));
  }
  expect(render(h(Wrong, { throwErrors: false }))).toEqual(['failed', 'config/invalid']);
  expect(() => renderToString(h(Wrong, { throwErrors: true }))).toThrow('limit');
});
