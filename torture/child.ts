import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const STDERR_KEPT = 8_000;

/** A process of the torture, which talks in lines of JSON. */
export class Child {
  readonly pid: number;
  /** What it wrote to standard error, the end of it. */
  errors = '';
  /** Whether its end was asked for. */
  isEnding = false;
  isFrozen = false;
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #facts: object[] = [];
  #waiting: ((fact: object | undefined) => void) | undefined;
  #isOver = false;

  /** Starts a file of `processes/` with the running Node and its options. */
  constructor(name: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(`processes/${name}.ts`, import.meta.url));
    const child = spawn(process.execPath, [...process.execArgv, path, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    this.pid = child.pid ?? 0;
    child.stdin.on('error', () => undefined); // it was killed: `ended` tells
    child.stderr.on('data', (chunk: Buffer) => (this.errors = `${this.errors}${chunk.toString()}`.slice(-STDERR_KEPT)));
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(JSON.parse(line) as object));
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.#isOver = true;
      this.#waiting?.(undefined);
      return String(code ?? signal);
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The next thing it says; undefined when it has ended. */
  next(): Promise<object | undefined> {
    const fact = this.#facts.shift();
    if (fact !== undefined || this.#isOver) return Promise.resolve(fact);
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  tell(command: 'stop' | 'look'): void {
    if (command === 'stop') this.isEnding = true;
    this.#child.stdin?.write(`${command}\n`);
  }

  signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.isEnding = true;
    if (signal === 'SIGSTOP') this.isFrozen = true;
    if (signal === 'SIGCONT') this.isFrozen = false;
    if (!this.#isOver) this.#child.kill(signal);
  }

  /** Bytes of memory that it holds now; undefined when it has ended, or where the system does not tell. */
  residentBytes(): number | undefined {
    try {
      const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? [];
      return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
    } catch {
      return undefined;
    }
  }

  #take(fact: object): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#facts.push(fact);
    else waiting(fact);
  }
}
