/**
 * Counts values by size. Taking one costs a few comparisons and no memory.
 *
 * Invariant: `counts` has one place for each bound, for values up to it and above the bound before, and a last one for
 * all that is larger.
 */
export class Histogram {
  /** Upper bounds, ascending; infinity is not among them. */
  readonly bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** Sum of all values. */
  get sum(): number {
    return this.#sum;
  }

  /** Number of values. */
  get count(): number {
    return this.#count;
  }

  /** For each bound, how many values were not larger. */
  get cumulativeCounts(): readonly number[] {
    let total = 0;
    return this.bounds.map((_, index) => (total += this.#counts[index] ?? 0));
  }

  observe(value: number): void {
    const { bounds } = this;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] ?? 0)) index += 1;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += value;
    this.#count += 1;
  }
}

/** Bounds for durations from ten microseconds to ten seconds, in seconds. */
export const DURATION_BOUNDS: readonly number[] = [
  0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10,
];

/** Bounds for sizes from 64 bytes to 64 MiB, in bytes. */
export const BYTES_BOUNDS: readonly number[] = [
  64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
];

/** Bounds for numbers of things that are done together. */
export const COUNT_BOUNDS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096];
