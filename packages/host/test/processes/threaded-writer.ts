// Writes into a database in a thread as fast as it can, several calls in flight, and prints the number of each when it
// is durable. Runs until it is killed. Arguments: data directory, bundle file.
import { readFileSync, writeSync } from 'node:fs';
import { BsatnWriter } from '../../src/bsatn/writer.ts';
import { openHost } from '../../src/open-host.ts';

const [data, bundleFile] = process.argv.slice(2);
const host = await openHost({ data: data!, isolation: 'thread' });
const hosted = await host.createDatabase({ name: 'test', module: readFileSync(bundleFile!, 'utf8') });

for (let number = 0; ; number++) {
  const args = new BsatnWriter();
  args.string(String(number));
  const call = Promise.resolve(hosted.database.callReducer({ identity: 3n, connectionId: 0n }, 'add', args.toBytes()));
  const durable = call.then(async ({ outcome, offset }) => {
    if (outcome.type !== 'committed' || offset === undefined) throw new Error(JSON.stringify(outcome));
    await hosted.database.whenDurable(offset);
    writeSync(1, `${number}\n`);
  });
  if (number % 20 === 0) await durable;
}
