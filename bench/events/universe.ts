import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openUniverse, type Universe } from 'inner-universe';
import { makeData, oneByOne, summariseEvents, withoutAwaiting, type EventFigures, type EventLoad } from './figures.ts';
import { startTalking } from './talking-process.ts';

/** Where the host of a universe runs, as seen from who publishes. */
export type Placement = 'same thread' | 'own thread' | 'server';

const TYPE = 'bench.tick';

/** Publishes durable events in a fresh universe on disk: many at a time, then one by one. */
export async function measurePublishing(
  placement: Placement,
  load: EventLoad,
): Promise<{ readonly pipelined: EventFigures; readonly oneByOne: EventFigures }> {
  return withUniverse(placement, async (universe) => {
    const publish = (n: number): Promise<string> => universe.events.publish(TYPE, makeData(n));
    await withoutAwaiting(load.batch, publish);
    const pipelined = await withoutAwaiting(load.pipelined, publish);
    return { pipelined, oneByOne: await oneByOne(load.oneByOne, publish) };
  });
}

/** From `publish` to a handler in another process, one event on its way at a time, and many. */
export async function measureDelivery(
  load: EventLoad,
): Promise<{ readonly pipelined: EventFigures; readonly oneByOne: EventFigures }> {
  return withUniverse('same thread', async (universe) => {
    const address = await universe.controller.serve({ host: '127.0.0.1', port: 0 });
    const token = universe.controller.host?.ownerToken ?? '';
    const follow = async (count: number, publish: () => Promise<unknown>): Promise<EventFigures> => {
      const subscriber = startTalking('subscriber.ts', [address, token, String(count)]);
      try {
        await subscriber.line();
        const start = performance.now();
        await publish();
        // What our own process printed.
        const latencies = JSON.parse(await subscriber.line()) as readonly number[];
        return summariseEvents(count, performance.now() - start, latencies);
      } finally {
        await subscriber.stop();
      }
    };
    const publish = (n: number): Promise<string> => universe.events.publish(TYPE, makeData(n));
    return {
      oneByOne: await follow(load.oneByOne, () => oneByOne(load.oneByOne, publish)),
      pipelined: await follow(load.pipelined, () => withoutAwaiting(load.pipelined, publish)),
    };
  });
}

async function withUniverse<Result>(
  placement: Placement,
  work: (universe: Universe) => Promise<Result>,
): Promise<Result> {
  const data = mkdtempSync(join(tmpdir(), 'bench-events-'));
  try {
    if (placement === 'server') return await withServer(data, work);
    await using universe = await openUniverse({
      data,
      isolation: placement === 'own thread' ? 'thread' : 'none',
    });
    return await work(universe);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

/** The server is a process of its own, as it is in use. */
async function withServer<Result>(data: string, work: (universe: Universe) => Promise<Result>): Promise<Result> {
  const server = startTalking('server.ts', [data]);
  try {
    const [address = '', token = ''] = (await server.line()).split(' ');
    await using universe = await openUniverse({ server: address, token });
    return await work(universe);
  } finally {
    await server.stop();
  }
}
