/*
 * The client of the benchmark in a process of its own: opens WebSockets with the official client, drives the load
 * through them, and prints what it measured as one line of JSON.
 *
 *     node socket-client.ts URI LOAD-AS-JSON
 */
import { DbConnection, quietSdk } from '../fixtures/sdk.ts';
import { transferThrough } from './bank.ts';
import type { Load } from './load.ts';

const [uri, loadText] = process.argv.slice(2);
if (uri === undefined || loadText === undefined) throw new Error('usage: socket-client URI LOAD');
quietSdk();
// What this process was started with by the benchmark itself.
const load = JSON.parse(loadText) as Load;

const connections = await Promise.all(Array.from({ length: load.connections }, () => connect(uri)));
const measured = await transferThrough(connections, load);
process.stdout.write(`${JSON.stringify(measured)}\n`);
process.exit(0);

function connect(at: string): Promise<DbConnection> {
  return new Promise((resolve, reject) => {
    DbConnection.builder()
      .withUri(at)
      .withDatabaseName('bank')
      .withCompression('none')
      .onConnect((connection) => resolve(connection))
      .onConnectError((_context, error) => reject(error))
      .build();
  });
}
