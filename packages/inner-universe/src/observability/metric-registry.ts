/*
 * What was measured, in this process. Invariants:
 * - counters never fall, and every bucket of a histogram counts the values up to its bound;
 * - a metric has at most `SERIES_MAX` combinations of labels: further ones go into one that has `(other)` for each
 *   value, so that what is measured cannot outgrow the process;
 * - a gauge that cannot be read is left out, and tells nobody a wrong number.
 */
import {
  METRICS,
  type CounterName,
  type DistributionName,
  type GaugeName,
  type MetricName,
} from './metric-catalogue.ts';
import type { MetricDistribution, MetricFamily, MetricLabels, MetricValue } from './metric-family.ts';
import type { Labels } from './telemetry.ts';

/** Most combinations of labels of one metric. */
export const SERIES_MAX = 500;
/** Stands for the values of labels that come when there are enough. */
const OTHER = '(other)';

/** Bounds for durations, in milliseconds. */
const DURATION_BOUNDS_MS: readonly number[] = [
  0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000,
];
/** Bounds for sizes, in bytes. */
const SIZE_BOUNDS_BYTES: readonly number[] = [256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 16_777_216];
/** Bounds for numbers of things that are done together. */
const COUNT_BOUNDS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000];

/** The upper bounds of a metric's histogram, ascending, without infinity: they follow from its unit. */
export function boundsOf(name: DistributionName): readonly number[] {
  const unit: string = METRICS[name].unit;
  if (unit === 'ms') return DURATION_BOUNDS_MS;
  return unit === 'By' ? SIZE_BOUNDS_BYTES : COUNT_BOUNDS;
}

/** The name of a metric as Prometheus has it. */
export function prometheusNameOf(name: MetricName): string {
  const plain = `inner_universe_${name.replaceAll('.', '_')}`;
  return METRICS[name].type === 'counter' ? `${plain}_total` : plain;
}

interface Counted {
  readonly labels: MetricLabels;
  value: number;
}

interface Distributed {
  readonly labels: MetricLabels;
  /** One for each bound and a last one for all that is larger, each counted once. */
  readonly counts: number[];
  count: number;
  sum: number;
}

/** What was measured of one metric. */
interface Series<S> {
  readonly byLabels: Map<string, S>;
  /** The labels that were given last, by their object, and what was measured under them. */
  lastLabels: Labels | undefined;
  last: S | undefined;
}

interface Observed {
  readonly labels: MetricLabels;
  readonly read: () => number;
}

/** The numbers of one universe. Adding to one costs a look-up, and memory only for labels that are new. */
export class MetricRegistry {
  readonly #common: MetricLabels;
  readonly #counters = new Map<CounterName, Series<Counted>>();
  readonly #distributions = new Map<DistributionName, Series<Distributed>>();
  readonly #gauges = new Map<GaugeName, Set<Observed>>();

  /** `common` are labels that every sample has. */
  constructor(common: MetricLabels) {
    this.#common = common;
  }

  count(name: CounterName, by: number, labels: Labels | undefined): void {
    const counted = tryLast(this.#counters, name, labels) ?? seriesOf(this.#counters, name, labels, makeCounted);
    counted.value += by;
  }

  record(name: DistributionName, value: number, labels: Labels | undefined): void {
    const bounds = boundsOf(name);
    const series = tryLast(this.#distributions, name, labels) ?? this.#distributedOf(name, labels);
    let place = 0;
    while (place < bounds.length && value > (bounds[place] ?? 0)) place += 1;
    series.counts[place] = (series.counts[place] ?? 0) + 1;
    series.count += 1;
    series.sum += value;
  }

  observe(name: GaugeName, read: () => number, labels: Labels | undefined): () => void {
    const gauges = this.#gauges.get(name) ?? new Set();
    this.#gauges.set(name, gauges);
    const observed: Observed = { labels: textOf(labels), read };
    if (gauges.size < SERIES_MAX) gauges.add(observed);
    return () => void gauges.delete(observed);
  }

  #distributedOf(name: DistributionName, labels: Labels | undefined): Distributed {
    const { length } = boundsOf(name);
    const make = (own: MetricLabels): Distributed => ({
      labels: own,
      counts: Array.from({ length: length + 1 }, () => 0),
      count: 0,
      sum: 0,
    });
    return seriesOf(this.#distributions, name, labels, make);
  }

  /** Everything measured so far, in the order of the catalogue; what was never measured is left out. */
  families(): readonly MetricFamily[] {
    const names = Object.keys(METRICS) as MetricName[]; // an object of ours has no other keys
    return names.flatMap((name) => {
      const family = this.#familyOf(name);
      return family.samples.length === 0 ? [] : [family];
    });
  }

  #familyOf(metric: MetricName): MetricFamily {
    const { type, description: help } = METRICS[metric];
    const name = prometheusNameOf(metric);
    // The type says in which of the three a name can be.
    if (type === 'counter')
      return { type, name, help, samples: this.#valuesOf(this.#counters.get(metric as CounterName)?.byLabels) };
    if (type === 'gauge') return { type, name, help, samples: this.#readGauges(metric as GaugeName) };
    return { type: 'histogram', name, help, samples: this.#distributionsOf(metric as DistributionName) };
  }

  #valuesOf(series: Series<Counted>['byLabels'] | undefined): readonly MetricValue[] {
    return [...(series?.values() ?? [])].map(({ labels, value }) => ({
      labels: { ...this.#common, ...labels },
      value,
    }));
  }

  /** Gauges of the same labels are parts of one number. */
  #readGauges(name: GaugeName): readonly MetricValue[] {
    const byLabels = new Map<string, Counted>();
    for (const { labels, read } of this.#gauges.get(name) ?? []) {
      const value = tryRead(read);
      if (value === undefined) continue;
      const known = byLabels.get(keyOf(labels));
      if (known === undefined) byLabels.set(keyOf(labels), { labels, value });
      else known.value += value;
    }
    return this.#valuesOf(byLabels);
  }

  #distributionsOf(name: DistributionName): readonly MetricDistribution[] {
    const bounds = boundsOf(name);
    return [...(this.#distributions.get(name)?.byLabels.values() ?? [])].map(({ labels, counts, count, sum }) => {
      let total = 0;
      const buckets = bounds.map((le, place) => ({ le, count: (total += counts[place] ?? 0) }));
      return { labels: { ...this.#common, ...labels }, count, sum, buckets };
    });
  }
}

/** What a gauge shows now; undefined where it cannot be told. */
export function tryRead(read: () => number): number | undefined {
  try {
    const value = read();
    return Number.isNaN(value) ? undefined : value;
  } catch {
    // Whoever collects must get all the others.
    return undefined;
  }
}

function makeCounted(labels: MetricLabels): Counted {
  return { labels, value: 0 };
}

/** Who measures often gives the same object, which nobody changes. */
function tryLast<N, S>(all: Map<N, Series<S>>, name: N, labels: Labels | undefined): S | undefined {
  const series = all.get(name);
  return series?.lastLabels === labels ? series?.last : undefined;
}

function seriesOf<N, S>(
  all: Map<N, Series<S>>,
  name: N,
  labels: Labels | undefined,
  make: (labels: MetricLabels) => S,
): S {
  let series = all.get(name);
  if (series === undefined) all.set(name, (series = { byLabels: new Map(), lastLabels: undefined, last: undefined }));
  const found = findSeries(series.byLabels, labels, make);
  series.lastLabels = labels;
  series.last = found;
  return found;
}

function findSeries<S>(series: Map<string, S>, labels: Labels | undefined, make: (labels: MetricLabels) => S): S {
  const key = keyOf(labels);
  const known = series.get(key);
  if (known !== undefined) return known;
  const isFull = series.size >= SERIES_MAX;
  const own = isFull ? mapLabels(labels, () => OTHER) : textOf(labels);
  const other = isFull ? series.get(keyOf(own)) : undefined;
  if (other !== undefined) return other;
  const created = make(own);
  series.set(isFull ? keyOf(own) : key, created);
  return created;
}

/** Tells combinations of labels apart; who measures gives them in one order. */
function keyOf(labels: Labels | undefined): string {
  if (labels === undefined) return '';
  let key = '';
  for (const name in labels) key += `${name}\u0000${String(labels[name])}\u0000`;
  return key;
}

function textOf(labels: Labels | undefined): MetricLabels {
  return mapLabels(labels, String);
}

function mapLabels(labels: Labels = {}, map: (value: string | number | boolean) => string): MetricLabels {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, map(value)]));
}
