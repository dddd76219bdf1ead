/** Publishes to the universe of a directory without awaiting, closes it, and exits by itself: DIRECTORY COUNT. */
import { openUniverse } from '../../src/index.ts';

const [data = '', count = '0'] = process.argv.slice(2);
const universe = await openUniverse({ data });
universe.graph.liveQuery({ type: 'person' });
await universe.states.open('state', {});
for (let number = 0; number < Number(count); number += 1) void universe.events.publish('number', { number });
await universe.close();
