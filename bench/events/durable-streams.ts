import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DurableStream } from '@durable-streams/client';
import { makeData, oneByOne, withoutAwaiting, type EventFigures, type EventLoad } from './figures.ts';
import { startTalking, type TalkingProcess } from './talking-process.ts';

/** Appends to the Durable Streams server for Node, kept in files, in a process of its own, over HTTP. */
export async function measureDurableStreams(
  load: EventLoad,
): Promise<{ readonly pipelined: EventFigures; readonly oneByOne: EventFigures }> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-events-streams-'));
  const server = startTalking('durable-streams-server.ts', [directory]);
  try {
    const address = await readAddress(server);
    const stream = await DurableStream.create({ url: `${address}/v1/stream/bench`, contentType: 'application/json' });
    const append = (n: number): Promise<void> => stream.append(JSON.stringify(makeData(n)));
    const pipelined = await withoutAwaiting(load.pipelined, append);
    return { pipelined, oneByOne: await oneByOne(load.oneByOne, append) };
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The server tells of its start before it gives its address. */
async function readAddress(server: TalkingProcess): Promise<string> {
  for (;;) {
    const line = await server.line();
    if (line.startsWith('http')) return line;
  }
}
