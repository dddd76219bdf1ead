/** Opens a universe that cannot be opened: OPTIONS as JSON. Prints the error's code, and exits when nothing is left open. */
import { NervPersistenceError, openUniverse, type UniverseOptions } from '../../src/index.ts';

try {
  await openUniverse(JSON.parse(process.argv[2] ?? '') as UniverseOptions); // the test's own text
  process.stdout.write('opened\n');
} catch (error) {
  process.stdout.write(`${error instanceof NervPersistenceError ? error.code : String(error)}\n`);
}
