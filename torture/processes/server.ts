/**
 * Serves the universe in a directory until it is killed, or closes it at SIGTERM: DIRECTORY. Prints its address, the
 * owner's token, and a token of the identity that reads.
 */
import { openUniverse } from 'inner-universe';

const [data = ''] = process.argv.slice(2);
const universe = await openUniverse({ data });
const { host } = universe.controller;
if (host === undefined) throw new Error('An embedded universe has a host.');
const address = await universe.controller.serve({ host: '127.0.0.1', port: 0 });
process.once('SIGTERM', () => {
  universe.close().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
const reader = await host.tokens.issue('reader');
const subject = reader.identity.toString(16).padStart(64, '0');
// Once more at each start: granting what is granted changes nothing.
await universe.client.write([
  { tag: 'grant', value: { subject, action: 'read', resource: 'scope:main', scope: '', expiresAt: undefined } },
]);
process.stdout.write(`${JSON.stringify({ address, ownerToken: host.ownerToken, readerToken: reader.token })}\n`);
