/** Publishes and commits to the universe of a directory until it is killed: DIRECTORY. Prints what was acknowledged. */
import { openUniverse } from '../../src/index.ts';

const [data = ''] = process.argv.slice(2);
const universe = await openUniverse({ data });
const store = await universe.states.open('numbers', { last: -1 });
const [newest] = await universe.events.query({ pattern: 'number', order: 'descending', limit: 1 });
// Of what was on its way when the last run was killed, some was written.
const published = (newest?.data as { number: number } | undefined)?.number ?? -1;
for (let number = Math.max(store.state.last, published) + 1; ; number += 1) {
  const event = universe.events.publish('number', { number }, { id: `number-${number}` });
  const committed = store.commit((draft) => (draft.last = number));
  const entity = universe.graph.upsertEntity('number', { id: 'last', properties: { number } });
  await Promise.all([event, committed, entity]);
  process.stdout.write(`${number}\n`);
}
