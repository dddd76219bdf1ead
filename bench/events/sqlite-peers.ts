import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { summariseEvents, type EventFigures } from './figures.ts';
import { startTalkingWithSqlite } from './talking-process.ts';

/** Which peer to run, and how much of it. */
export interface SqliteRun {
  readonly peer: 'sqlite' | 'emmett';
  readonly events: number;
  readonly batch: number;
}

/** Appends events to SQLite, or to Emmett's store over it, in a process of its own. */
export async function measureSqlitePeer({ peer, events, batch }: SqliteRun): Promise<EventFigures> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-events-sqlite-'));
  try {
    const program = join(directory, 'peers.mjs');
    await bundlePeers(program);
    const file = join(directory, 'events.sqlite');
    const child = startTalkingWithSqlite(program, [peer, file, String(events), String(batch)]);
    try {
      // What our own process printed.
      const answer = JSON.parse(await child.line()) as { elapsedMs: number; latencies: number[] };
      return summariseEvents(events, answer.elapsedMs, answer.latencies);
    } finally {
      await child.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function bundlePeers(outfile: string): Promise<void> {
  const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  await build({
    entryPoints: [path('sqlite-peers.mjs')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    alias: { sqlite3: path('sqlite3-shim.mjs') },
    // CommonJS inside asks for `require`.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
}
