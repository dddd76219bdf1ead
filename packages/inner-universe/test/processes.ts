import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

/** A process of this test, and what it prints. */
export interface TestProcess {
  readonly child: ChildProcess;
  /** The next line of its output; rejects with its errors when it ends before. */
  nextLine(): Promise<string>;
  /** Resolves with its exit code, or the name of the signal that ended it, when it has ended by itself. */
  ended(): Promise<number | string>;
  /** As a user's kill -9. */
  kill(): Promise<void>;
}

/** Starts one of the programs in `test/processes`. */
export function startProcess(name: string, args: readonly string[]): TestProcess {
  const path = fileURLToPath(new URL(`processes/${name}`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=source', path, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ending = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  return {
    child,
    nextLine: async () => {
      const line = await lines.next();
      if (line.done === true) throw new Error(`${name} ended: ${errors}`);
      return line.value;
    },
    ended: () => ending,
    kill: async () => {
      child.kill('SIGKILL');
      await ending;
    },
  };
}
