import { createInterface } from 'node:readline';

/** What the process that started this one asks for: one word a line. */
export type Command = 'stop' | 'look';

const waiting: ((command: Command) => void)[] = [];
const told: Command[] = [];

createInterface({ input: process.stdin }).on('line', (line) => {
  const command = line as Command; // written by `Child.tell` alone
  const next = waiting.shift();
  if (next === undefined) told.push(command);
  else next(command);
});

/** The next command; waits for it. */
export function nextCommand(): Promise<Command> {
  const command = told.shift();
  if (command !== undefined) return Promise.resolve(command);
  return new Promise((resolve) => waiting.push(resolve));
}

/** Tells the process that started this one. */
export function say(fact: object): void {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}

/** An error in one line. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, details } = error as { code?: unknown; details?: unknown };
  const told = `${typeof code === 'string' ? code : error.name}: ${error.message}`;
  return details === undefined ? told : `${told} ${JSON.stringify(details, showBig)}`.slice(0, DESCRIPTION_LENGTH_MAX);
}

const DESCRIPTION_LENGTH_MAX = 2_000;

function showBig(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
