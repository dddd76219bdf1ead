/*
 * What a process did, on disk. Invariants:
 * - a line is handed to the system before the call returns, so that it outlives a kill of its process;
 * - a line that a kill cut short is the last one of its run, and is left out when the journal is read.
 */
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

/** A file of JSON lines that only grows. */
export class Journal {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
    // What was cut short is ended here.
    if (readFileSync(path, 'latin1').slice(-1) !== '\n') writeSync(this.#file, '\n');
  }

  write(entry: object): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** The entries of a journal, in order; none for a file that is not there. */
export function readJournal(path: string): readonly object[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').split('\n').flatMap(parseLine);
}

function parseLine(line: string): object[] {
  if (line === '') return [];
  try {
    return [JSON.parse(line) as object]; // every line was written as an object
  } catch {
    return [];
  }
}
