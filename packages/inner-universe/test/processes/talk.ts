/**
 * Takes part in a conversation over a server: ADDRESS TOKEN NAME. For each `ask` event that comes it publishes an
 * `answer`, commits to the store `talk` and creates an entity; at `stop` it closes, and exits by itself.
 */
import { VersionConflictError } from '@inner-universe/nerv';
import { openUniverse } from '../../src/index.ts';

const [server = '', token = '', name = ''] = process.argv.slice(2);
const universe = await openUniverse({ server, token });
const store = await universe.states.open('talk', { said: [] as string[] });
let work: Promise<unknown> = Promise.resolve();
universe.events.subscribe('ask', ({ data }) => {
  const { number } = data as { number: number };
  work = work.then(async () => {
    await universe.events.publish('answer', { number, by: name });
    await say(`${name} ${number}`);
    await universe.graph.createEntity('answer', { id: `${name}-${number}` });
  });
});
universe.events.subscribe('stop', () => {
  work = work.then(() => universe.close());
});
/** Somebody else may have said something at the same moment. */
async function say(text: string): Promise<void> {
  for (;;) {
    try {
      await store.commit((draft) => draft.said.push(text));
      return;
    } catch (error) {
      if (!(error instanceof VersionConflictError)) throw error;
    }
  }
}

process.stdout.write('ready\n');
