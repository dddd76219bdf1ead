import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A program that was started, and what it printed first. */
export interface Started {
  readonly line: string;
  /** Ends it, and resolves when it has ended. */
  stop(): Promise<void>;
}

/** Starts a TypeScript file beside this one with the running Node. Resolves with its first line of output. */
export function startScript(name: string, args: readonly string[]): Promise<Started> {
  return start(process.execPath, ['--import', 'tsx', path(name), ...args]);
}

/** Starts a JavaScript file beside this one with a Node that has `node:sqlite`: the running one, or Node 24 by npx. */
export function startWithSqlite(name: string, args: readonly string[]): Promise<Started> {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major >= 24) return start(process.execPath, [path(name), ...args]);
  return start('npx', ['--yes', '--package', 'node@24', '--', 'node', path(name), ...args]);
}

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function start(command: string, args: readonly string[]): Promise<Started> {
  // A group of its own: npx starts the program as its child, and both must end.
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`${command} ${args.join(' ')} ended with ${code} before it answered`)),
    );
    createInterface({ input: child.stdout }).once('line', (line) => resolve({ line, stop: () => stop(child) }));
  });
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      resolve();
      return;
    }
    child.once('exit', () => resolve());
    process.kill(-child.pid, 'SIGKILL');
  });
}
