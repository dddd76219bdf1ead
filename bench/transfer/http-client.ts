/*
 * The client of the SQLite server in a process of its own: as many connections, each with as many requests on their
 * way (HTTP/1.1 pipelining), as the WebSocket client has. Prints what it measured as one line of JSON.
 *
 *     node http-client.ts URL LOAD-AS-JSON
 */
import { Client } from 'undici';
import { drive, makePairs, type Load } from './load.ts';

const [url, loadText] = process.argv.slice(2);
if (url === undefined || loadText === undefined) throw new Error('usage: http-client URL LOAD');
// What this process was started with by the benchmark itself.
const load = JSON.parse(loadText) as Load;

const clients = Array.from(
  { length: load.connections },
  () => new Client(url, { pipelining: load.callsPerConnection }),
);
const choose = makePairs(load);
const measured = await drive(load, async (connection) => {
  const [from, to] = choose();
  const client = clients[connection];
  if (client === undefined) throw new Error(`there is no connection ${connection}`);
  // Only idempotent requests are pipelined by the client.
  const { statusCode, body } = await client.request({
    method: 'PUT',
    path: `/transfer/${from}/${to}/1`,
    idempotent: true,
  });
  await body.dump();
  if (statusCode !== 204) throw new Error(`the server answered ${statusCode}`);
});
process.stdout.write(`${JSON.stringify(measured)}\n`);
process.exit(0);
