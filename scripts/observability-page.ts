import { METRICS as HOST_METRICS } from '../packages/host/src/metrics/catalogue.ts';
import { CHANNELS } from '../packages/inner-universe/src/observability/diagnostics-channels.ts';
import { METRICS, type MetricName } from '../packages/inner-universe/src/observability/metric-catalogue.ts';
import { prometheusNameOf } from '../packages/inner-universe/src/observability/metric-registry.ts';
import { escapeCell, makeTable } from './markdown-table.ts';

/** The tables of docs/observability.md that are made from the code, by the name of their place in the page. */
const TABLES: Readonly<Record<string, () => string>> = {
  metrics: () =>
    makeTable(
      ['OpenTelemetry', 'Prometheus', 'type', 'unit', 'what'],
      (Object.keys(METRICS) as MetricName[]).map((name) => {
        const { type, unit, description } = METRICS[name];
        const shown = type === 'distribution' ? 'histogram' : type;
        return [`\`${name}\``, `\`${prometheusNameOf(name)}\``, shown, `\`${unit}\``, description].map(escapeCell);
      }),
    ),
  channels: () =>
    makeTable(
      ['channel', 'when', 'message'],
      Object.entries(CHANNELS).map(([name, { when, fields }]) =>
        [`\`${name}\``, when, fields.map((field) => `\`${field}\``).join(', ')].map(escapeCell),
      ),
    ),
  host: () =>
    makeTable(
      ['Prometheus', 'type', 'labels', 'what'],
      HOST_METRICS.map(({ name, type, labels, help }) =>
        [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help].map(escapeCell),
      ),
    ),
};

/** The page with its tables made anew; each stands between `<!-- table: name -->` and `<!-- end -->`. */
export function fillTables(page: string): string {
  let filled = page;
  for (const [name, make] of Object.entries(TABLES)) {
    const begin = `<!-- table: ${name} -->\n`;
    const start = filled.indexOf(begin);
    const end = filled.indexOf('<!-- end -->', start);
    if (start === -1 || end === -1) throw new Error(`The page has no place for the table '${name}'.`);
    filled = `${filled.slice(0, start + begin.length)}\n${make()}\n${filled.slice(end)}`;
  }
  return filled;
}
