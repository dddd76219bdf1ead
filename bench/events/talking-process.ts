import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A process that prints lines, one after the other. */
export interface TalkingProcess {
  /** The next line. @throws when it ends without one */
  line(): Promise<string>;
  /** Ends it if it has not ended; resolves when it has. */
  stop(): Promise<void>;
}

/** Starts a TypeScript file of this folder with the Node that runs this. */
export function startTalking(name: string, args: readonly string[]): TalkingProcess {
  const file = fileURLToPath(new URL(name, import.meta.url));
  return talk(process.execPath, ['--import', 'tsx', file, ...args]);
}

/** Starts a JavaScript file with a Node that has `node:sqlite`: the running one, or Node 24 by npx. */
export function startTalkingWithSqlite(file: string, args: readonly string[]): TalkingProcess {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major >= 24) return talk(process.execPath, [file, ...args]);
  return talk('npx', ['--yes', '--package', 'node@24', '--', 'node', file, ...args]);
}

function talk(command: string, args: readonly string[]): TalkingProcess {
  // A group of its own: npx starts the program as its child, and both must end.
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
  ended.catch(() => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    line: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${command} ${args.join(' ')} ended before it answered`);
      return value;
    },
    stop: () => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        process.kill(-child.pid, 'SIGKILL');
      return ended;
    },
  };
}
