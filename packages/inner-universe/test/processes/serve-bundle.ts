/** Serves a data directory on a port until it is killed, with a bundle published to it: DIRECTORY PORT BUNDLE. Prints its address and token. */
import { openHost, silentLogger } from '@inner-universe/host';

const [data = '', port = '0', bundle = ''] = process.argv.slice(2);
const host = await openHost({ data, logger: silentLogger });
await host.publish({ name: 'universe', module: { path: bundle } });
const { address } = await host.serve({ host: '127.0.0.1', port: Number(port) });
process.stdout.write(`${JSON.stringify({ address, token: host.ownerToken })}\n`);
