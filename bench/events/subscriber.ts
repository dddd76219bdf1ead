/*
 * A process that follows a universe on a server, and says how long events took to it:
 *
 *     subscriber.ts ADDRESS TOKEN COUNT        prints "ready", then, after COUNT events, the latencies in ms as JSON
 */
import { openUniverse } from 'inner-universe';
import { nowMs } from './figures.ts';

const [server = '', token = '', count = ''] = process.argv.slice(2);
const universe = await openUniverse({ server, token });
const latencies: number[] = [];
const done = new Promise<void>((resolve) => {
  universe.events.subscribe<string>('bench.tick', ({ data }) => {
    // What `makeData` made.
    latencies.push(nowMs() - (data as { sentAtMs: number }).sentAtMs);
    if (latencies.length === Number(count)) resolve();
  });
});
process.stdout.write('ready\n');
await done;
process.stdout.write(`${JSON.stringify(latencies)}\n`);
await universe.close();
