import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { METRICS, type MetricName } from './metric-catalogue.ts';
import { MetricRegistry, prometheusNameOf, SERIES_MAX } from './metric-registry.ts';
import { formatPrometheus } from './prometheus-text.ts';

const makeRegistry = (): MetricRegistry => new MetricRegistry({ database: 'test' });

describe('a registry', () => {
  test('adds counters up by their labels', () => {
    const registry = makeRegistry();
    registry.count('errors', 1, { code: 'a/b' });
    registry.count('errors', 2, { code: 'a/b' });
    registry.count('errors', 1, { code: 'c/d' });
    expect(registry.families()).toEqual([
      {
        type: 'counter',
        name: 'inner_universe_errors_total',
        help: METRICS.errors.description,
        samples: [
          { labels: { database: 'test', code: 'a/b' }, value: 3 },
          { labels: { database: 'test', code: 'c/d' }, value: 1 },
        ],
      },
    ]);
  });

  test('reads gauges when it is asked, adds up those of the same labels, and leaves out what cannot be read', () => {
    const registry = makeRegistry();
    let connected = 1;
    const stop = registry.observe('connection.status', () => connected, undefined);
    registry.observe('events.consumer_lag', () => 3, { consumer: 'a' });
    registry.observe('events.consumer_lag', () => 4, { consumer: 'a' });
    registry.observe('state.sync_lag_versions', () => Number.NaN, { store: 'a' });
    registry.observe(
      'state.sync_lag_versions',
      () => {
        throw new Error('closed');
      },
      { store: 'b' },
    );
    const values = (): unknown =>
      registry
        .families()
        .map(({ name, samples }) => [name, ...samples.map((sample) => 'value' in sample && sample.value)]);
    expect(values()).toEqual([
      ['inner_universe_events_consumer_lag', 7],
      ['inner_universe_connection_status', 1],
    ]);
    connected = 0;
    expect(values()).toContainEqual(['inner_universe_connection_status', 0]);
    stop();
    expect(values()).toEqual([['inner_universe_events_consumer_lag', 7]]);
  });

  test('counts every value of a histogram in all buckets that are not smaller', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 100_000, noNaN: true })), (values) => {
        const registry = makeRegistry();
        for (const value of values) registry.record('events.publication_latency_ms', value, undefined);
        const [family] = registry.families();
        if (values.length === 0) return family === undefined;
        const [sample] = family?.type === 'histogram' ? family.samples : [];
        expect(sample?.count).toBe(values.length);
        expect(sample?.sum).toBeCloseTo(
          values.reduce((sum, value) => sum + value, 0),
          3,
        );
        for (const { le, count } of sample?.buckets ?? [])
          expect(count).toBe(values.filter((value) => value <= le).length);
        return true;
      }),
    );
  });

  test('holds no more series than it may, and loses no measurement', () => {
    const registry = makeRegistry();
    for (let code = 0; code < SERIES_MAX + 100; code += 1) registry.count('errors', 1, { code: `made/up-${code}` });
    const [family] = registry.families();
    const samples = family?.type === 'counter' ? family.samples : [];
    expect(samples).toHaveLength(SERIES_MAX + 1);
    expect(samples.at(-1)).toEqual({ labels: { database: 'test', code: '(other)' }, value: 100 });
    expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(SERIES_MAX + 100);
  });
});

describe('the text of Prometheus', () => {
  test('has help and type, and for a histogram its buckets, sum and count', () => {
    const registry = makeRegistry();
    registry.record('client.request_ops', 3, undefined);
    const lines = formatPrometheus(registry.families()).split('\n');
    expect(lines.slice(0, 2)).toEqual([
      `# HELP inner_universe_client_request_ops ${METRICS['client.request_ops'].description}`,
      '# TYPE inner_universe_client_request_ops histogram',
    ]);
    expect(lines).toContain('inner_universe_client_request_ops_bucket{database="test",le="2"} 0');
    expect(lines).toContain('inner_universe_client_request_ops_bucket{database="test",le="4"} 1');
    expect(lines.slice(-4)).toEqual([
      'inner_universe_client_request_ops_bucket{database="test",le="+Inf"} 1',
      'inner_universe_client_request_ops_sum{database="test"} 3',
      'inner_universe_client_request_ops_count{database="test"} 1',
      '',
    ]);
  });

  test('keeps every label within its quotes, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (code) => {
        const registry = makeRegistry();
        registry.count('errors', 1, { code });
        const text = formatPrometheus(registry.families());
        const sample = text.split('\n')[2] ?? '';
        const quoted = /^inner_universe_errors_total\{database="test",code="((?:[^"\\\n]|\\[\\"n])*)"\} 1$/s.exec(
          sample,
        )?.[1];
        const read = quoted?.replaceAll(/\\([\\"n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
        expect(read).toBe(code);
      }),
    );
  });

  test('every metric has a name that Prometheus takes, and no other metric has', () => {
    const names = (Object.keys(METRICS) as MetricName[]).map(prometheusNameOf);
    for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(new Set(names).size).toBe(names.length);
  });
});
