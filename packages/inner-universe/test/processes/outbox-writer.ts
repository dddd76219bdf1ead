/**
 * An application with an outbox, until it is killed: ADDRESS TOKEN OUTBOX MODE. Publishes numbers, going on where the
 * directory's last start was; prints `ready`, then each number up to which all are answered or kept.
 */
import { openUniverse } from '../../src/index.ts';

const [server = '', token = '', outbox = '', first = '0'] = process.argv.slice(2);
try {
  const universe = await openUniverse({ server, token, outbox, offline: 'allow', onError: () => undefined });
  process.stdout.write('ready\n');
  for (let number = Number(first); ; number += 1) {
    // Nobody waits for the answer: what is kept here gets there.
    universe.events.publish('number', { number }).catch(() => undefined);
    if (number % 3 === 0) universe.graph.createEntity('number', { id: `n${number}` }).catch(() => undefined);
    await universe.client.work.secured();
    process.stdout.write(`${number}\n`);
  }
} catch (error) {
  process.stdout.write(`${String((error as { code?: unknown }).code ?? error)}\n`);
}
