// The text format of Prometheus, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).

import type { MetricDistribution, MetricFamily, MetricLabels } from './metric-family.ts';

/** Samples in the text format of Prometheus, version 0.0.4. */
export function formatPrometheus(families: readonly MetricFamily[]): string {
  const lines: string[] = [];
  for (const family of families) {
    const { name, help, type } = family;
    lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`);
    if (family.type === 'histogram') for (const sample of family.samples) pushDistribution(lines, name, sample);
    else
      for (const { labels, value } of family.samples)
        lines.push(`${name}${formatLabels(labels)} ${formatNumber(value)}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

function pushDistribution(lines: string[], name: string, { labels, count, sum, buckets }: MetricDistribution): void {
  for (const bucket of buckets)
    lines.push(`${name}_bucket${formatLabels({ ...labels, le: formatNumber(bucket.le) })} ${bucket.count}`);
  lines.push(
    `${name}_bucket${formatLabels({ ...labels, le: '+Inf' })} ${count}`,
    `${name}_sum${formatLabels(labels)} ${formatNumber(sum)}`,
    `${name}_count${formatLabels(labels)} ${count}`,
  );
}

function formatLabels(labels: MetricLabels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
