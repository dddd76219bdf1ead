/**
 * The application that the test in a real browser runs: components that share state, in strict mode. What they subscribe
 * to and open is counted on its way into the universe, so that the test sees what is left when they are gone.
 */
import { IndexedDbOutbox, openUniverse, type Universe } from 'inner-universe';
import {
  makeTypedHooks,
  UniverseProvider,
  useUniverse,
  useUniverseStatus,
  type UniverseParts,
  type UniverseProviderProps,
} from 'inner-universe/react';
import { createElement as h, StrictMode, useRef, useState, type ReactNode } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server.browser';

interface Board {
  readonly title: string;
  readonly notes: readonly string[];
}

const hooks = makeTypedHooks<{
  events: { 'chat.said': { readonly text: string } };
  states: { board: Board };
  graph: { entities: { person: { readonly age: number } } };
}>();

/** The page, as far as it is used: tests are compiled without the types of browsers. */
const page = globalThis as unknown as {
  readonly location: { readonly href: string };
  readonly document: { querySelector(selector: string): Parameters<typeof createRoot>[0] | null };
};
const { searchParams } = new URL(page.location.href);
const name = searchParams.get('name') ?? 'nobody';

function Notes(): ReactNode {
  const { state, status, error, history, commit, undo } = hooks.useVersionedState(
    'board',
    { title: 'empty', notes: [] },
    { author: name, history: 3 },
  );
  const [count, setCount] = useState(0);
  const add = async (): Promise<void> => {
    setCount(count + 1);
    await commit((board) => board.notes.push(`${name} ${count + 1}`), `note of ${name} ${count + 1}`);
  };
  return h(
    'section',
    null,
    h('h2', null, 'Board: ', h('span', { id: 'title' }, state?.title)),
    h('p', null, h('b', { id: 'board-status' }, status), ' ', h('i', { id: 'board-error' }, error?.message)),
    h(
      'ul',
      { id: 'notes' },
      state?.notes.map((note) => h('li', { key: note }, note)),
    ),
    h(
      'ol',
      { id: 'history' },
      history.map(({ id, description }) => h('li', { key: id }, description)),
    ),
    h('button', { id: 'add', onClick: () => void add() }, 'Add'),
    h('button', { id: 'undo', onClick: () => void undo() }, 'Undo'),
  );
}

/** Shows the title alone: notes are nothing to it. */
function Title(): ReactNode {
  const renders = useRef(0);
  renders.current += 1;
  const { selected, commit } = hooks.useStateSelection('board', ({ title }) => title, {
    initial: { title: 'empty', notes: [] },
  });
  return h(
    'section',
    null,
    h(
      'h2',
      null,
      h('span', { id: 'selected' }, selected),
      ' rendered ',
      h('span', { id: 'renders', suppressHydrationWarning: true }, renders.current),
    ),
    h('button', { id: 'rename', onClick: () => void commit((board) => (board.title = `board of ${name}`)) }, 'Rename'),
  );
}

function Chat(): ReactNode {
  const { events, status } = hooks.useEvents('chat.*', { from: 'start', limit: 4 });
  const [heard, setHeard] = useState(0);
  hooks.useEvent('chat.said', () => setHeard((count) => count + 1));
  const universe = useUniverse();
  const say = (): unknown => universe?.events.publish('chat.said', { text: `hello of ${name}` });
  return h(
    'section',
    null,
    h('h2', null, 'Chat ', h('b', { id: 'chat-status' }, status), ' heard ', h('span', { id: 'heard' }, heard)),
    h(
      'ul',
      { id: 'chat' },
      events.map(({ id, data }) => h('li', { key: id }, data.text)),
    ),
    h('button', { id: 'say', onClick: () => void say() }, 'Say'),
  );
}

function People(): ReactNode {
  const { rows, status } = hooks.useGraphQuery({
    type: 'person',
    where: { properties: { age: { gte: 18 } } },
    orderBy: { field: 'name' },
  });
  const { entity } = hooks.useEntity('person-1', { type: 'person' });
  return h(
    'section',
    null,
    h('h2', null, 'People ', h('b', { id: 'people-status' }, status)),
    h(
      'ul',
      { id: 'people' },
      rows.map((row) => h('li', { key: row.id }, `${row.name} ${row.properties.age}`)),
    ),
    h('p', { id: 'person' }, entity === undefined ? 'nobody' : `${entity.name} ${entity.properties.age}`),
  );
}

function Status(): ReactNode {
  const { state } = useUniverseStatus();
  return h('p', null, `${name}: `, h('b', { id: 'status' }, state));
}

function App(): ReactNode {
  const [isShown, setShown] = useState(true);
  return h(
    'main',
    null,
    h(Status),
    h('button', { id: 'toggle', onClick: () => setShown(!isShown) }, 'Show or hide'),
    isShown
      ? [Notes, Title, Chat, People].map((part, index) => h(part, { key: index }))
      : h('p', { id: 'gone' }, 'gone'),
  );
}

/** What is open or subscribed to now, and what ever was. */
const counts = { stores: 0, storesEver: 0, events: 0, queries: 0 };

function counting({ events, states, graph, status }: Universe): UniverseParts {
  const countedEvents = intercept(events, 'subscribe', (subscription: { unsubscribe(): void }) => {
    counts.events += 1;
    return intercept(subscription, 'unsubscribe', () => (counts.events -= 1));
  });
  const countedStates = intercept(states, 'open', async (opening: Promise<{ close(): void }>) => {
    const store = await opening;
    counts.stores += 1;
    counts.storesEver += 1;
    return intercept(store, 'close', () => (counts.stores -= 1));
  });
  const countedGraph = intercept(graph, 'liveQuery', (query: { close(): void }) => {
    counts.queries += 1;
    return intercept(query, 'close', () => (counts.queries -= 1));
  });
  return { events: countedEvents, states: countedStates, graph: countedGraph, status };
}

/** The object, but that what one of its methods gives goes through a function. */
function intercept<T extends object, R>(target: T, method: string, change: (result: R) => unknown): T {
  return new Proxy(target, {
    get: (_, key) => {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function') return member;
      // Called on the object itself: it has private members.
      return (...args: unknown[]): unknown => {
        const result: unknown = member.apply(target, args);
        return key === method ? change(result as R) : result;
      };
    },
  });
}

const opening = openUniverse({
  server: searchParams.get('server') ?? '',
  token: searchParams.get('token') ?? '',
  source: name,
  offline: 'allow',
  outbox: new IndexedDbOutbox(),
});
Object.assign(globalThis, { counts, closeUniverse: async () => (await opening).close() });
const root = page.document.querySelector('#root');
if (root === null) throw new Error('The page has no root.');
if (searchParams.has('hydrate')) {
  // As a server rendered it, without a universe; here there is one from the first render on.
  const universe = counting(await opening);
  (root as { innerHTML?: string }).innerHTML = renderToString(appWith(undefined));
  hydrateRoot(root, appWith(universe));
} else {
  createRoot(root).render(appWith(opening.then(counting)));
}

function appWith(universe: UniverseProviderProps['universe']): ReactNode {
  return h(StrictMode, null, h(UniverseProvider, { universe }, h(App)));
}
