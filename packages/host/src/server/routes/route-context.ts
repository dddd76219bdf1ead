import type { Clock } from '../../clock/clock.ts';
import type { ExternalAddress } from '../external-address.ts';
import type { MetricFamily } from '../../metrics/metric-family.ts';
import type { ManagedHost } from '../managed-host.ts';
import type { Publishers } from '../publishers.ts';
import type { Readiness } from '../readiness.ts';
import type { MetricsAccess } from './metrics-routes.ts';
import type { UploadGate } from '../upload-gate.ts';

/** What the routes are answered from. */
export interface RouteContext {
  readonly host: ManagedHost;
  readonly clock: Clock;
  /** Version of the host's package, for `GET /v1/health`. */
  readonly packageVersion: string;
  readonly publishers: Publishers;
  readonly metricsAccess: MetricsAccess;
  /** What the application has measured itself. */
  readonly moreMetrics: () => readonly MetricFamily[];
  readonly readiness: Readiness;
  readonly externalAddress: ExternalAddress;
  /** Through it every bundle comes in. */
  readonly uploads: UploadGate;
}
