/** What a page does with NERV; the title tells the outcome. Run by scripts/test-browser.mjs. */
import { EntityGraph, EventBus, TemporalStore } from '../../src/index.ts';

declare const document: { title: string };

function expect(what: string, found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
  }
}

function run(): void {
  const bus = new EventBus<{ 'order.placed': { total: number } }>();
  const totals: number[] = [];
  bus.subscribe('order.*', (event) => totals.push(event.data.total));
  bus.emit('order.placed', { total: 12.5 });
  expect('events', totals, [12.5]);

  const cart = new TemporalStore<{ items: string[] }>({ items: [] });
  const first = cart.commit((draft) => draft.items.push('apple'), 'add an apple');
  cart.commit((draft) => draft.items.push('pear'));
  expect('a version', cart.at(first).items, ['apple']);
  expect('the head', cart.state.items, ['apple', 'pear']);
  expect('the history', cart.log().length, 3);

  const graph = new EntityGraph();
  const ada = graph.createEntity('person', { name: 'Ada' });
  const engine = graph.createEntity('machine', { name: 'Analytical Engine' });
  graph.createRelation('programmed', { from: ada, to: engine });
  expect(
    'neighbours',
    graph.neighbors(ada).map((entity) => entity.name),
    ['Analytical Engine'],
  );
}

try {
  run();
  document.title = 'passed';
} catch (error) {
  document.title = `failed: ${String(error)}`;
}
