/** Serves the universe of a directory on a port until it is killed: DIRECTORY PORT. Prints its address and token. */
import { openUniverse } from '../../src/index.ts';

const [data = '', port = '0'] = process.argv.slice(2);
const universe = await openUniverse({ data });
const address = await universe.controller.serve({ host: '127.0.0.1', port: Number(port) });
process.stdout.write(`${JSON.stringify({ address, token: universe.controller.host?.ownerToken })}\n`);
