/** Applies the module's migrations over a server: ADDRESS TOKEN. Prints after each step where it stands, as one number that grows, and `done`. */
import { applyMigrations, openUniverse } from '../../src/index.ts';

const [server = '', token = ''] = process.argv.slice(2);
const logger = { log: () => undefined };
const universe = await openUniverse({ server, token, logger, reconnectForMs: Infinity });
await applyMigrations(universe.client, {
  onProgress: ({ to, processed }) => void process.stdout.write(`${to * 1_000_000 + Number(processed)}\n`),
});
process.stdout.write('done\n');
await universe.close();
