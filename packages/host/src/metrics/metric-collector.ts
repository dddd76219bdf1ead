import { assert } from '../assert.ts';
import { METRICS, type MetricDefinition } from './catalogue.ts';
import type { Histogram } from './histogram.ts';
import type { MetricDistribution, MetricFamily, MetricLabels, MetricValue } from './metric-family.ts';

interface Collected {
  readonly definition: MetricDefinition;
  readonly values: MetricValue[];
  readonly distributions: MetricDistribution[];
}

const definitions: ReadonlyMap<string, MetricDefinition> = new Map(METRICS.map((metric) => [metric.name, metric]));

/** Puts samples together as the catalogue has their metrics. What it does not have cannot be reported. */
export class MetricCollector {
  readonly #collected = new Map<string, Collected>();

  /** Adds a number of a counter or gauge; the labels in the order of the catalogue. */
  add(name: string, value: number, ...labels: readonly string[]): void {
    const { definition, values } = this.#of(name);
    assert(definition.type !== 'histogram', `${name} is no histogram`);
    values.push({ labels: labelled(definition, labels), value });
  }

  /** Adds how a histogram stands; the labels in the order of the catalogue. */
  addHistogram(name: string, histogram: Histogram, ...labels: readonly string[]): void {
    const { definition, distributions } = this.#of(name);
    assert(definition.type === 'histogram', `${name} is a histogram`);
    const { count, sum, bounds, cumulativeCounts } = histogram;
    const buckets = bounds.map((le, index) => ({ le, count: cumulativeCounts[index] ?? 0 }));
    distributions.push({ labels: labelled(definition, labels), count, sum, buckets });
  }

  /** Takes over what another collector gave, in this thread or another. */
  addFamilies(families: readonly MetricFamily[]): void {
    for (const family of families) {
      const { values, distributions } = this.#of(family.name);
      if (family.type === 'histogram') for (const sample of family.samples) distributions.push(sample);
      else for (const sample of family.samples) values.push(sample);
    }
  }

  /** Everything that was added, in the order of the catalogue. */
  families(): readonly MetricFamily[] {
    return METRICS.flatMap(({ name }) => {
      const collected = this.#collected.get(name);
      return collected === undefined ? [] : [toFamily(collected)];
    });
  }

  #of(name: string): Collected {
    const known = this.#collected.get(name);
    if (known !== undefined) return known;
    const definition = definitions.get(name);
    assert(definition !== undefined, `${name} stands in the catalogue`);
    const created: Collected = { definition, values: [], distributions: [] };
    this.#collected.set(name, created);
    return created;
  }
}

function toFamily({ definition, values, distributions }: Collected): MetricFamily {
  const { name, help, type } = definition;
  if (type === 'histogram') return { type, name, help, samples: distributions };
  return { type, name, help, samples: values };
}

function labelled({ name, labels }: MetricDefinition, values: readonly string[]): MetricLabels {
  assert(labels.length === values.length, `${name} has the labels ${labels.join(', ')}`);
  return Object.fromEntries(labels.map((label, index) => [label, values[index] ?? '']));
}
