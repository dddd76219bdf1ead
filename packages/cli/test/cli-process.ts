import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { runCommandLine } from '../src/run.ts';

/** The repository this file is in. */
export const WORKSPACE: string = fileURLToPath(new URL('../../..', import.meta.url));
const MAIN = join(WORKSPACE, 'packages/cli/dist/main.js');
const TIMEOUT_MS = 60_000;

/** How a command ended and what it said. */
export interface CliOutcome {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Starts node under these words of a shell, which end in `exec "$@"`. */
  readonly shell?: string | undefined;
}

/** A running command of the built command line. */
export class CliProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #exited: Promise<CliOutcome>;
  #wake: () => void = () => undefined;

  constructor(args: readonly string[], options: CliOptions = {}) {
    const { INNER_UNIVERSE_TOKEN: _, ...inherited } = process.env;
    const words = [process.execPath, MAIN, ...args];
    const [command = '', ...rest] =
      options.shell === undefined ? words : ['bash', '-c', options.shell, 'bash', ...words];
    this.child = spawn(command, rest, {
      cwd: options.cwd ?? tmpdir(),
      env: { ...inherited, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => this.child.kill('SIGKILL'), TIMEOUT_MS);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.#exited = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        this.#wake();
      });
    });
  }

  /** How it ended. */
  exited(): Promise<CliOutcome> {
    return this.#exited;
  }

  /** Waits for something on standard output or standard error, and gives what matched. */
  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match !== null) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended without ${pattern}:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends a signal and waits for the end. */
  stop(signal: NodeJS.Signals = 'SIGINT'): Promise<CliOutcome> {
    this.child.kill(signal);
    return this.#exited;
  }
}

/** Runs a command to its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliOutcome> {
  return new CliProcess(args, options).exited();
}

/** Runs a command to its end inside this process: the same code but for the process's own streams and signals. */
export async function runHere(args: readonly string[]): Promise<CliOutcome> {
  let [stdout, stderr] = ['', ''];
  const output = {
    isTerminal: false,
    out: (text: string) => void (stdout += `${text}\n`),
    err: (text: string) => void (stderr += text),
  };
  const code = await runCommandLine(args, { output, signal: new AbortController().signal });
  return { code, signal: null, stdout: stripVTControlCharacters(stdout), stderr: stripVTControlCharacters(stderr) };
}

/** Starts `serve --port 0` and waits until it listens. */
export async function startServer(
  data: string,
  command: 'serve' | 'start' = 'serve',
  options: CliOptions = {},
): Promise<{ process: CliProcess; address: string }> {
  const process = new CliProcess([command, '--data', data, '--port', '0'], options);
  const [, address = ''] = await process.waitFor(/ at (http:\S+)/);
  return { process, address };
}

/** An empty scratch directory, removed by `cleanUp`. */
export function makeScratch(name = 'cli'): string {
  const path = mkdtempSync(join(tmpdir(), `inner-universe-${name}-`));
  scratch.push(path);
  return path;
}

const scratch: string[] = [];

/** Removes what `makeScratch` made. */
export function cleanUp(): void {
  for (const path of scratch.splice(0)) rmSync(path, { recursive: true, force: true });
}
