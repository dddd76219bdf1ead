import { cpus, totalmem } from 'node:os';

/** One measured figure. Ratios are of the medians of the same run. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly runs: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** This row's median over that of the row named by `against`. */
  readonly ratio?: number | undefined;
  readonly against?: string | undefined;
}

/** What a benchmark gives: printed as a table, or as it is with `--json`. */
export interface Report {
  readonly name: string;
  readonly environment: Readonly<Record<string, string | number>>;
  readonly rows: readonly Row[];
}

/** How a benchmark is run. */
export interface BenchOptions {
  /** Counted runs of each variant. */
  readonly runs: number;
  /** The smallest run that still does everything, to see that it works; its figures mean nothing. */
  readonly smoke: boolean;
}

/** A benchmark: what it is called, what it measures, and how. */
export interface Benchmark {
  readonly name: string;
  readonly about: string;
  run(options: BenchOptions): Promise<Report>;
}

/** What every report says about where it was measured. */
export function describeMachine(): Record<string, string | number> {
  const [cpu] = cpus();
  return {
    node: process.version,
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
  };
}

/** A row of the samples of one variant. */
export function makeRow(name: string, unit: string, samples: readonly number[]): Row {
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    name,
    unit,
    runs: sorted.length,
    median: medianOf(sorted),
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** A row together with its ratio to another. */
export function against(row: Row, other: Row): Row {
  return { ...row, ratio: row.median / other.median, against: other.name };
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** The report as a person reads it. */
export function formatReport(report: Report): string {
  const head = ['', 'median', 'min', 'max', 'unit', 'runs', 'ratio'];
  const rows = report.rows.map((row) => [
    row.name,
    formatNumber(row.median),
    formatNumber(row.min),
    formatNumber(row.max),
    row.unit,
    String(row.runs),
    row.ratio === undefined ? '' : `${row.ratio.toFixed(2)} of ${row.against ?? ''}`,
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((cells) => (cells[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column >= 1 && column <= 3 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const environment = Object.entries(report.environment).map(([key, value]) => `${key} ${value}`);
  return [`${report.name}: ${environment.join(' · ')}`, '', line(head), ...rows.map(line)].join('\n');
}

function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 1 : 3;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
