/*
 * A process that opens a universe and prints how long things took, in milliseconds from before it was opened:
 *
 *     opening.ts DIRECTORY
 */
import { openUniverse } from 'inner-universe';
import { STORE } from './built-universe.ts';
import type { OpeningTimes } from './open.ts';
import { processorMsSince } from './processor-time.ts';

const [data = ''] = process.argv.slice(2);
const start = performance.now();
const processorStart = process.cpuUsage();
const universe = await openUniverse({ data });
const openedMs = performance.now() - start;
const store = await universe.states.open<Record<string, number>>(STORE);
const keys = Object.keys(store.state).length;
const headMs = performance.now() - start;
await universe.events.publish('account.opened', { keys });
const publishedMs = performance.now() - start;
const publishedProcessorMs = processorMsSince(processorStart);
const { rss: residentBytes } = process.memoryUsage();
await universe.close();
const times: OpeningTimes = { openedMs, headMs, publishedMs, publishedProcessorMs, residentBytes };
process.stdout.write(`${JSON.stringify(times)}\n`);
