/** The labels of one sample, by name. Every value is text. */
export type MetricLabels = Readonly<Record<string, string>>;

/** One number of a counter, which only grows while the universe is open, or of a gauge. */
export interface MetricValue {
  readonly labels: MetricLabels;
  readonly value: number;
}

/** How one histogram stands. */
export interface MetricDistribution {
  readonly labels: MetricLabels;
  /** Number and sum of all values. */
  readonly count: number;
  readonly sum: number;
  /** How many values were not larger than `le`, ascending. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
}

/** All samples of one metric: plain data, as JSON has it, in the form that hosts report theirs in. */
export type MetricFamily =
  | {
      readonly type: 'counter' | 'gauge';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly MetricValue[];
    }
  | {
      readonly type: 'histogram';
      readonly name: string;
      readonly help: string;
      readonly samples: readonly MetricDistribution[];
    };
