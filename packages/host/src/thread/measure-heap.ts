import { getHeapStatistics } from 'node:v8';
import { identityToHex } from '../identity/identity.ts';
import { MetricCollector } from '../metrics/metric-collector.ts';
import type { MetricFamily } from '../metrics/metric-family.ts';

/** The used JavaScript heap of this thread, which runs one database. */
export function measureHeap(database: bigint): readonly MetricFamily[] {
  const into = new MetricCollector();
  into.add('inner_universe_host_heap_used_bytes', getHeapStatistics().used_heap_size, identityToHex(database));
  return into.families();
}
