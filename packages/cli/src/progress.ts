import { formatCount, type Output } from './output.ts';

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 2_000;

/** How far something is. */
export interface ProgressState {
  readonly done: number;
  readonly total: number;
  /** Where the next one stands, when it takes long by itself. */
  readonly part?: { readonly done: number; readonly total: number } | undefined;
}

/** Tells how far something is: one line that changes on a terminal, a plain line now and then elsewhere. */
export class Progress {
  readonly #output: Output;
  readonly #noun: string;
  readonly #nowMs: () => number;
  #startMs: number;
  #shownMs = Number.NEGATIVE_INFINITY;
  #shown = '';
  #isLineOpen = false;

  constructor(output: Output, noun: string, nowMs: () => number) {
    this.#output = output;
    this.#noun = noun;
    this.#nowMs = nowMs;
    this.#startMs = nowMs();
  }

  /** Says what is being done before anything can be counted: on a terminal only. The rate is counted from here. */
  begin(text: string): void {
    if (this.#output.isTerminal) this.#show(`${text}…`);
    this.#startMs = this.#nowMs();
  }

  update(state: ProgressState): void {
    const now = this.#nowMs();
    const interval = this.#output.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
    const isFirst = this.#shownMs === Number.NEGATIVE_INFINITY;
    if (isFirst) this.#startMs = now;
    if (state.done < state.total && now - this.#shownMs < interval) return;
    this.#shownMs = now;
    this.#show(describe(state, now - this.#startMs, this.#noun));
  }

  /** Says how far it is where nobody knows how much there is; `isLast` is said at once. */
  tell(text: string, isLast = false): void {
    const now = this.#nowMs();
    const interval = this.#output.isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
    if (!isLast && now - this.#shownMs < interval) return;
    this.#shownMs = now;
    this.#show(text);
  }

  /** Ends the line, so that what is printed next starts on its own. */
  end(): void {
    if (this.#isLineOpen) this.#output.err('\n');
    this.#isLineOpen = false;
  }

  #show(text: string): void {
    if (text === this.#shown) return;
    this.#shown = text;
    if (this.#output.isTerminal) {
      this.#output.err(`\r\u001b[2K${text}`);
      this.#isLineOpen = true;
    } else {
      this.#output.err(`${text}\n`);
    }
  }
}

function describe({ done, total, part }: ProgressState, elapsedMs: number, noun: string): string {
  const counted = `${formatCount(done)} of ${formatCount(total)} ${noun}`;
  const inside =
    part === undefined ? '' : `  the next is large: ${Math.floor((part.done / part.total) * 100)}% of it written`;
  if (done === 0 || elapsedMs < 1) return `${counted}${inside}`;
  const perSecond = (done / elapsedMs) * 1000;
  const rate = perSecond < 10 ? perSecond.toFixed(1) : formatCount(Math.round(perSecond));
  const leftSeconds = Math.ceil((total - done) / perSecond);
  return `${counted}  ${rate}/s${done < total ? `  ${formatDuration(leftSeconds)} left` : ''}${inside}`;
}

function formatDuration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
