import {
  createNoopMeter,
  metrics,
  type Attributes,
  type Counter,
  type Histogram,
  type Meter,
  type MeterProvider,
  type ObservableCallback,
} from '@opentelemetry/api';
import {
  METRICS,
  type CounterName,
  type DistributionName,
  type GaugeName,
  type MetricName,
} from './metric-catalogue.ts';
import { boundsOf, tryRead } from './metric-registry.ts';
import type { Labels } from './telemetry.ts';

/** Under this name OpenTelemetry knows the meter and the tracer. */
export const INSTRUMENTATION_NAME = 'inner-universe';

interface Observed {
  readonly name: GaugeName;
  readonly read: () => number;
  readonly attributes: Attributes;
  stop: () => void;
}

/** What is given where no provider is set. */
const NOOP_METER: Meter = createNoopMeter();

/**
 * Hands measurements on to OpenTelemetry, whose names and units these are. Without a meter provider it does nothing;
 * one that is set later is found by the next measurement.
 */
export class OpenTelemetryMeter {
  readonly #common: Attributes;
  readonly #counters = new Map<CounterName, Counter>();
  readonly #histograms = new Map<DistributionName, Histogram>();
  readonly #observed = new Set<Observed>();
  /** The provider that was looked at last, and its meter, unless that does nothing. */
  #provider: MeterProvider | undefined;
  #meter: Meter | undefined;

  /** `common` are attributes that every measurement has. */
  constructor(common: Labels) {
    this.#common = common;
  }

  count(name: CounterName, by: number, labels: Labels | undefined): void {
    const meter = this.#current();
    if (meter === undefined) return;
    let counter = this.#counters.get(name);
    if (counter === undefined) this.#counters.set(name, (counter = meter.createCounter(name, optionsOf(name))));
    counter.add(by, this.#attributesOf(labels));
  }

  record(name: DistributionName, value: number, labels: Labels | undefined): void {
    const meter = this.#current();
    if (meter === undefined) return;
    let histogram = this.#histograms.get(name);
    if (histogram === undefined) {
      const advice = { explicitBucketBoundaries: [...boundsOf(name)] };
      histogram = meter.createHistogram(name, { ...optionsOf(name), advice });
      this.#histograms.set(name, histogram);
    }
    histogram.record(value, this.#attributesOf(labels));
  }

  observe(name: GaugeName, read: () => number, labels: Labels | undefined): () => void {
    const observed: Observed = { name, read, attributes: this.#attributesOf(labels), stop: () => undefined };
    const meter = this.#current();
    this.#observed.add(observed);
    if (meter !== undefined) start(observed, meter);
    return () => {
      this.#observed.delete(observed);
      observed.stop();
    };
  }

  /** The meter of the provider that is set now; instruments of one that was there before are given up. */
  #current(): Meter | undefined {
    const provider = metrics.getMeterProvider();
    if (provider === this.#provider) return this.#meter;
    this.#provider = provider;
    const meter = provider.getMeter(INSTRUMENTATION_NAME);
    this.#meter = meter === NOOP_METER ? undefined : meter;
    this.#counters.clear();
    this.#histograms.clear();
    for (const observed of this.#observed) {
      observed.stop();
      if (this.#meter !== undefined) start(observed, this.#meter);
    }
    return this.#meter;
  }

  #attributesOf(labels: Labels | undefined): Attributes {
    return labels === undefined ? this.#common : { ...this.#common, ...labels };
  }
}

function start(observed: Observed, meter: Meter): void {
  const { name, read, attributes } = observed;
  const gauge = meter.createObservableGauge(name, optionsOf(name));
  const callback: ObservableCallback = (result) => {
    const value = tryRead(read);
    if (value !== undefined) result.observe(value, attributes);
  };
  gauge.addCallback(callback);
  observed.stop = () => gauge.removeCallback(callback);
}

function optionsOf(name: MetricName): { readonly unit: string; readonly description: string } {
  const { unit, description } = METRICS[name];
  return { unit, description };
}
