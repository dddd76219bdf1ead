import { formatCount, type Output } from './output.ts';

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 2_000;

/** Tells how far something is: one line that changes on a terminal, a plain line now and then elsewhere. */
export class Progress {
  readonly #output: Output;
  readonly #noun: string;
  readonly #nowMs: () => number;
  readonly #startMs: number;
  #shownMs = Number.NEGATIVE_INFINITY;
  #isLineOpen = false;

  constructor(output: Output, noun: string, nowMs: () => number) {
    this.#output = output;
    this.#noun = noun;
    this.#nowMs = nowMs;
    this.#startMs = nowMs();
  }

  update(done: number, total: number): void {
    const now = this.#nowMs();
    const interval = this.#output.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (done < total && now - this.#shownMs < interval) return;
    this.#shownMs = now;
    const text = describe({ done, total, elapsedMs: now - this.#startMs, noun: this.#noun });
    if (this.#output.isTerminal) {
      this.#output.err(`\r\u001b[2K${text}`);
      this.#isLineOpen = true;
    } else {
      this.#output.err(`${text}\n`);
    }
  }

  /** Ends the line, so that what is printed next starts on its own. */
  end(): void {
    if (this.#isLineOpen) this.#output.err('\n');
    this.#isLineOpen = false;
  }
}

function describe(at: { done: number; total: number; elapsedMs: number; noun: string }): string {
  const { done, total, elapsedMs, noun } = at;
  const counted = `${formatCount(done)} of ${formatCount(total)} ${noun}`;
  if (done === 0 || elapsedMs < 1) return counted;
  const perSecond = (done / elapsedMs) * 1000;
  const rate = `${formatCount(Math.round(perSecond))}/s`;
  const leftSeconds = Math.ceil((total - done) / perSecond);
  return done < total ? `${counted}  ${rate}  ${formatDuration(leftSeconds)} left` : `${counted}  ${rate}`;
}

function formatDuration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
