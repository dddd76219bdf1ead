import { assert } from '../assert.ts';

/**
 * The last lines of a log in memory, numbered from 0 on as they came. The oldest go when there are more than
 * `linesMax`, or when they are together longer than `lengthMax` UTF-16 code units; the newest always stays.
 */
export class LogRing {
  readonly #linesMax: number;
  readonly #lengthMax: number;
  /** Lines by their number modulo `linesMax`. */
  readonly #lines: (string | undefined)[] = [];
  #length = 0;
  #first = 0;
  #next = 0;

  constructor(linesMax: number, lengthMax: number) {
    assert(linesMax > 0, 'a ring has room for a line');
    this.#linesMax = linesMax;
    this.#lengthMax = lengthMax;
  }

  /** Number of the oldest line that is there; `next` when there is none. */
  get first(): number {
    return this.#first;
  }

  /** Number that the next line gets. */
  get next(): number {
    return this.#next;
  }

  push(line: string): void {
    if (this.#next - this.#first === this.#linesMax) this.#dropFirst();
    this.#lines[this.#next % this.#linesMax] = line;
    this.#next += 1;
    this.#length += line.length;
    while (this.#length > this.#lengthMax && this.#next - this.#first > 1) this.#dropFirst();
  }

  /** The line with a number from `first` to `next - 1`. */
  at(number: number): string {
    assert(number >= this.#first && number < this.#next, 'the line is there');
    return this.#lines[number % this.#linesMax] ?? '';
  }

  #dropFirst(): void {
    const slot = this.#first % this.#linesMax;
    this.#length -= this.#lines[slot]?.length ?? 0;
    this.#lines[slot] = undefined;
    this.#first += 1;
  }
}
