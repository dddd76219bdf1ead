import { metrics } from '@opentelemetry/api';
import { systemClock } from '@inner-universe/nerv';
import { DataPointType, MeterProvider, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, test } from 'vitest';
import { openUniverse } from '../open-universe.ts';
import { createTestUniverse } from '../testing/index.ts';
import type { Universe } from '../universe.ts';
import { METRICS, type MetricName } from './metric-catalogue.ts';
import type { MetricFamily } from './metric-family.ts';
import { boundsOf, prometheusNameOf } from './metric-registry.ts';
import { makeTelemetry } from './universe-telemetry.ts';

class Reader extends MetricReader {
  protected onShutdown = async (): Promise<void> => undefined;
  protected onForceFlush = async (): Promise<void> => undefined;
}

afterEach(() => metrics.disable());

function family(universe: Universe, name: MetricName): MetricFamily | undefined {
  return universe.metrics.snapshot().find((candidate) => candidate.name === prometheusNameOf(name));
}

/** The sum over all series of a counter or gauge that have these labels. */
function valueOf(universe: Universe, name: MetricName, labels: Record<string, string> = {}): number {
  const found = family(universe, name);
  if (found === undefined) return 0;
  if (found.type === 'histogram') throw new Error(`${name} is a histogram`);
  const matching = found.samples.filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return matching.reduce((sum, { value }) => sum + value, 0);
}

function countOf(universe: Universe, name: MetricName): number {
  const found = family(universe, name);
  return found?.type === 'histogram' ? found.samples.reduce((sum, { count }) => sum + count, 0) : 0;
}

describe('a universe measures', () => {
  test('requests by their outcome, how many ops they carry, and how long they take', async () => {
    const universe = await openUniverse({ memory: true });
    try {
      await Promise.all([1, 2, 3].map((n) => universe.events.publish('a.b', n)));
      await expect(
        universe.client.apply([{ tag: 'deleteEntity', value: { id: 'x', cascade: false } }]),
      ).rejects.toThrow();
      expect(valueOf(universe, 'client.requests', { outcome: 'applied' })).toBe(1);
      expect(valueOf(universe, 'client.requests', { outcome: 'refused' })).toBe(1);
      expect(countOf(universe, 'client.request_latency_ms')).toBe(2);
      const ops = family(universe, 'client.request_ops');
      expect(ops?.type === 'histogram' && ops.samples[0]?.sum).toBe(4);
    } finally {
      await universe.close();
    }
  });

  test('errors by code, each once, whether a caller gets them or nobody waits for them', async () => {
    const testUniverse = await createTestUniverse();
    try {
      const { universe } = testUniverse;
      universe.events.subscribe('a.b', () => Promise.reject(new Error('mine')));
      await universe.events.publish('a.b', {});
      await expect(universe.graph.deleteEntity('nobody')).rejects.toMatchObject({ code: 'entity/not-found' });
      await testUniverse.settle();
      expect(valueOf(universe, 'errors', { code: 'entity/not-found' })).toBe(1);
      expect(valueOf(universe, 'errors', { code: 'other' })).toBe(1);
      expect(valueOf(universe, 'errors')).toBe(2);
      testUniverse.takeErrors();
    } finally {
      await testUniverse.close();
    }
  });

  test('an error that a handler passes on once, not for each who sees it', async () => {
    const testUniverse = await createTestUniverse();
    try {
      const { universe } = testUniverse;
      universe.events.subscribe('a.b', () => universe.graph.deleteEntity('nobody'));
      await universe.events.publish('a.b', {});
      await testUniverse.settle();
      expect(testUniverse.takeErrors()).toMatchObject([{ code: 'entity/not-found' }]);
      expect(valueOf(universe, 'errors')).toBe(1);
    } finally {
      await testUniverse.close();
    }
  });

  test('requests whose outcome is unknown, each attempt', async () => {
    const testUniverse = await createTestUniverse();
    try {
      testUniverse.network.dropAt('to-client');
      await testUniverse.universe.events.publish('a.b', {});
      expect(valueOf(testUniverse.universe, 'client.requests', { outcome: 'unknown' })).toBe(1);
      expect(valueOf(testUniverse.universe, 'client.requests', { outcome: 'applied' })).toBe(1);
    } finally {
      await testUniverse.close();
    }
  });

  test('events that were published, by durability, once each, and how long that took; and those that were refused', async () => {
    const testUniverse = await createTestUniverse();
    try {
      const sensor = await testUniverse.as('sensor', [{ action: 'publish', resource: 'event:sensor.**' }]);
      await sensor.events.publish('sensor.heat', 1);
      await sensor.events.publish('sensor.heat', 2);
      await sensor.events.publish('sensor.heat', 3, { durability: 'ephemeral' });
      await expect(sensor.events.publish('order.placed', {})).rejects.toThrow();
      expect(valueOf(sensor, 'events.published', { durability: 'durable' })).toBe(2);
      expect(valueOf(sensor, 'events.published', { durability: 'ephemeral' })).toBe(1);
      expect(countOf(sensor, 'events.publication_latency_ms')).toBe(3);
      expect(valueOf(sensor, 'events.publication_failures', { code: 'permission/denied' })).toBe(1);
    } finally {
      await testUniverse.close();
    }
  });

  test('versions that were recorded', async () => {
    const testUniverse = await createTestUniverse();
    try {
      const { universe } = testUniverse;
      const store = await universe.states.open('cart', { items: 0 });
      const before = valueOf(universe, 'state.commits', { store: 'cart' });
      await store.commit((draft) => void (draft.items = 1));
      expect(valueOf(universe, 'state.commits', { store: 'cart' }) - before).toBe(1);
    } finally {
      await testUniverse.close();
    }
  });

  test('whether it is connected', async () => {
    const testUniverse = await createTestUniverse();
    try {
      expect(valueOf(testUniverse.universe, 'connection.status')).toBe(1);
      testUniverse.network.cut();
      await testUniverse.advance(1);
      expect(valueOf(testUniverse.universe, 'connection.status')).toBe(0);
      testUniverse.network.restore();
    } finally {
      await testUniverse.close();
    }
  });

  test('nothing, where it is told not to', async () => {
    const universe = await openUniverse({ memory: true, metrics: false });
    try {
      await universe.events.publish('a.b', {});
      expect(universe.metrics.snapshot()).toEqual([]);
      expect(universe.metrics.toPrometheus()).toBe('');
    } finally {
      await universe.close();
    }
  });

  test('under the labels it is given', async () => {
    const universe = await openUniverse({ memory: true, database: 'shop', metrics: { labels: { service: 'till' } } });
    try {
      await universe.events.publish('a.b', {});
      expect(universe.metrics.toPrometheus()).toMatch(
        /^inner_universe_client_requests_total\{service="till",database="shop",outcome="applied"\} 1$/m,
      );
    } finally {
      await universe.close();
    }
  });

  test.each<Record<string, string>>([{ le: 'x' }, { 'Not-A-Name': 'x' }, { service: 1 as unknown as string }])(
    'refuses labels that Prometheus cannot have: %j',
    async (labels) => {
      await expect(openUniverse({ memory: true, metrics: { labels } })).rejects.toMatchObject({
        code: 'config/invalid',
      });
    },
  );
});

test('OpenTelemetry gets the same numbers, under the names of the catalogue, from a provider that is set late too', async () => {
  const universe = await openUniverse({ memory: true });
  const reader = new Reader();
  const provider = new MeterProvider({ readers: [reader] });
  try {
    await universe.events.publish('a.b', 1);
    metrics.setGlobalMeterProvider(provider);
    await universe.events.publish('a.b', 2);
    const { resourceMetrics } = await reader.collect();
    const found = dataOf(resourceMetrics);
    expect(found.get('client.requests')).toEqual([{ database: 'universe', outcome: 'applied', value: 1 }]);
    expect(found.get('connection.status')).toEqual([{ database: 'universe', value: 1 }]);
    const latency = resourceMetrics.scopeMetrics[0]?.metrics.find(
      ({ descriptor }) => descriptor.name === 'client.request_latency_ms',
    );
    expect(latency?.descriptor).toMatchObject({
      unit: 'ms',
      description: METRICS['client.request_latency_ms'].description,
    });
    expect(latency?.dataPointType === DataPointType.HISTOGRAM && latency.dataPoints[0]?.value).toMatchObject({
      count: 1,
      buckets: { boundaries: boundsOf('client.request_latency_ms') },
    });
    for (const name of found.keys()) expect(METRICS).toHaveProperty([name]);
  } finally {
    await universe.close();
  }
  await provider.shutdown();
});

test('a gauge whose observation has ended is not read any more', async () => {
  const reader = new Reader();
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  const telemetry = makeTelemetry({ labels: { database: 'test' }, clock: systemClock, nowMs: () => 0 });
  let reads = 0;
  const stop = telemetry.observe('connection.status', () => (reads += 1));
  await reader.collect();
  stop();
  await reader.collect();
  telemetry.metrics.snapshot();
  expect(reads).toBe(1);
  await provider.shutdown();
});

function dataOf({ scopeMetrics }: ResourceMetrics): Map<string, unknown[]> {
  const all = scopeMetrics.flatMap((scope) => scope.metrics);
  return new Map(
    all.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      dataPoints.map(({ attributes, value }) => ({ ...attributes, value })),
    ]),
  );
}
