/*
 * A process that serves a universe:
 *
 *     server.ts DIRECTORY        prints its address and the owner's token
 */
import { openUniverse } from 'inner-universe';

const [data = ''] = process.argv.slice(2);
const universe = await openUniverse({ data });
const address = await universe.controller.serve({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${address} ${universe.controller.host?.ownerToken ?? ''}\n`);
