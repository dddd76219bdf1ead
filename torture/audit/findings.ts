/** One thing that is not as it was promised. */
export interface Finding {
  /** What was promised. */
  readonly promise: string;
  readonly what: string;
  /** What it is about: a name that journals mention. */
  readonly about: string;
}

/** What was looked at, and what was found wrong. */
export class Findings {
  readonly list: Finding[] = [];
  readonly counts: Record<string, number> = {};

  /** Notes that something is not as promised. */
  add(promise: string, about: string, what: string): void {
    this.list.push({ promise, about, what });
  }

  /** Notes that one thing more was looked at. */
  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  /** Notes it unless it holds. */
  require(holds: boolean, promise: string, about: string, what: string): void {
    if (!holds) this.add(promise, about, what);
  }
}
