/** Tries to lock a directory, says how that went in one line, and stays until it is killed. */
import { lockDirectory } from '../lock.ts';
import { StorageError } from '../storage-error.ts';

const [directory = '', command = ''] = process.argv.slice(2);
try {
  await lockDirectory(directory, { command });
  process.stdout.write('locked\n');
} catch (error) {
  if (!(error instanceof StorageError)) throw error;
  process.stdout.write(`${JSON.stringify({ code: error.code, ...error.details })}\n`);
}
process.stdin.resume();
