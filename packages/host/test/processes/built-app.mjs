// Uses the built package as an application does: a database in a thread, on disk, with a call that never ends.
// Arguments: data directory, bundle file. Prints what came out as JSON.
import { readFileSync } from 'node:fs';
import { openHost } from '@inner-universe/host';

const [data, bundleFile] = process.argv.slice(2);
const logger = { log: () => undefined };
const caller = { identity: 1n, connectionId: 0n };
const none = new Uint8Array(0);
const host = await openHost({ data, isolation: 'thread', callTimeLimitMs: 300, logger });
const { database } = await host.createDatabase({ name: 'test', module: readFileSync(bundleFile, 'utf8') });
const noted = await database.callReducer(caller, 'note_calls', none);
const ended = await database.callReducer(caller, 'loop', none);
const { tables } = await database.status();
await host.close();
const rows = tables.find(({ name }) => name === 'item')?.rows;
process.stdout.write(JSON.stringify({ noted: noted.outcome, ended: ended.outcome, rows }));
