import type { MetricFamily } from './metric-family.ts';
import type { MetricRegistry } from './metric-registry.ts';
import { formatPrometheus } from './prometheus-text.ts';

/** What one universe has measured since it was opened. */
export class UniverseMetrics {
  readonly #registry: MetricRegistry | undefined;

  /** Without a registry nothing is measured. */
  constructor(registry?: MetricRegistry) {
    this.#registry = registry;
  }

  /** Everything measured so far, as plain data; what was never measured is left out. */
  snapshot(): readonly MetricFamily[] {
    return this.#registry?.families() ?? [];
  }

  /** The same in the text format of Prometheus, version 0.0.4. */
  toPrometheus(): string {
    return formatPrometheus(this.snapshot());
  }
}
