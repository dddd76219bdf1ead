/**
 * A worker of the consumer `copy` on a server, until it is killed: ADDRESS TOKEN NAME PARTITIONS HANDLING-MS. Publishes
 * a `copied` event for each `number`, and prints `handling`, and then `handled` or `lost`, with the number.
 */
import { openUniverse } from '../../src/index.ts';

const [server = '', token = '', name = '', partitions = '1', handlingMs = '0'] = process.argv.slice(2);
const universe = await openUniverse({ server, token, onError: () => undefined });
const consumer = await universe.consumers.open('copy', {
  pattern: 'number',
  partitions: Number(partitions),
  startAt: 'beginning',
  leaseMs: 1_000,
  holder: name,
  retry: { delayMsMin: 50 },
});
const say = (...words: readonly unknown[]): void => void process.stdout.write(`${words.join(' ')}\n`);
say('ready');
await consumer.run(async (event, transaction) => {
  const { number } = event.data as { number: number };
  say('handling', number);
  if (Number(handlingMs) > 0) await new Promise((resolve) => setTimeout(resolve, Number(handlingMs)));
  transaction.publish('copied', { number, by: name }, { source: event.source });
  transaction.graph.upsertEntity('copy', { id: `copy-${number}`, properties: { by: name } });
  say(transaction.signal.aborted ? 'lost' : 'handled', number);
});
