import { expect, test } from 'vitest';
import { Histogram } from './histogram.ts';
import type { MetricFamily } from './metric-family.ts';
import { formatPrometheus } from './prometheus-text.ts';

test('a counter and a gauge are a line for each sample, behind their help and type', () => {
  const families: readonly MetricFamily[] = [
    {
      type: 'counter',
      name: 'calls_total',
      help: 'Calls',
      samples: [
        { labels: { db: 'a', kind: 'b' }, value: 3 },
        { labels: { db: 'c', kind: '' }, value: 0.5 },
      ],
    },
    { type: 'gauge', name: 'rows', help: 'Rows', samples: [{ labels: {}, value: 12_345_678_901 }] },
  ];
  expect(formatPrometheus(families)).toBe(
    [
      '# HELP calls_total Calls',
      '# TYPE calls_total counter',
      'calls_total{db="a",kind="b"} 3',
      'calls_total{db="c",kind=""} 0.5',
      '# HELP rows Rows',
      '# TYPE rows gauge',
      'rows 12345678901',
      '',
    ].join('\n'),
  );
});

test('a histogram has cumulative buckets, the last of which is without a bound, and sum and count', () => {
  const samples = [
    {
      labels: { db: 'a' },
      count: 5,
      sum: 7.25,
      buckets: [
        { le: 0.00001, count: 1 },
        { le: 2, count: 4 },
      ],
    },
  ];
  expect(formatPrometheus([{ type: 'histogram', name: 'sizes', help: 'Sizes', samples }])).toBe(
    [
      '# HELP sizes Sizes',
      '# TYPE sizes histogram',
      'sizes_bucket{db="a",le="0.00001"} 1',
      'sizes_bucket{db="a",le="2"} 4',
      'sizes_bucket{db="a",le="+Inf"} 5',
      'sizes_sum{db="a"} 7.25',
      'sizes_count{db="a"} 5',
      '',
    ].join('\n'),
  );
});

test('names of any kind cannot leave their label or line', () => {
  const text = formatPrometheus([
    { type: 'gauge', name: 'g', help: 'a\nb\\', samples: [{ labels: { name: 'x"} 1\n# \\' }, value: Infinity }] },
  ]);
  expect(text).toBe('# HELP g a\\nb\\\\\n# TYPE g gauge\ng{name="x\\"} 1\\n# \\\\"} +Inf\n');
});

test('nothing is an empty text', () => {
  expect(formatPrometheus([])).toBe('');
});

test('a histogram counts a value in the first bucket that is not smaller, and larger ones in none', () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0, 1, 1.5, 10, 11]) histogram.observe(value);
  expect(histogram.cumulativeCounts).toEqual([2, 4]);
  expect([histogram.count, histogram.sum]).toEqual([5, 23.5]);
});
