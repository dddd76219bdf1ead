import type { Context, Hono } from 'hono';
import { HostError } from '../../errors.ts';
import { identityToHex } from '../../identity/identity.ts';
import { formatPrometheus, PROMETHEUS_CONTENT_TYPE } from '../../metrics/prometheus-text.ts';
import { authenticate } from '../authorization.ts';
import type { RouteContext } from './route-context.ts';

/** Who may read the metrics of a host: they name every database, table and function, and tell how much goes on. */
export type MetricsAccess = 'owner' | 'public' | 'off';

/**
 * `GET /metrics`, and under `/v1` as on SpacetimeDB: the metrics of the host and all its databases, and what the
 * application adds, in the text format of Prometheus.
 */
export function addMetricsRoutes(app: Hono, options: RouteContext): void {
  if (options.metricsAccess === 'off') return;
  const answer = async (context: Context): Promise<Response> => {
    if (options.metricsAccess === 'owner') await assertHostOwner(context, options);
    const families = [...(await options.host.metrics()), ...options.moreMetrics()];
    return context.body(formatPrometheus(families), 200, {
      'content-type': PROMETHEUS_CONTENT_TYPE,
      'cache-control': 'no-store',
    });
  };
  app.get('/metrics', answer);
  app.get('/v1/metrics', answer);
}

/** @throws {HostError} `identity/token-required`, `identity/invalid-token`, `identity/forbidden` */
async function assertHostOwner(context: Context, { host }: RouteContext): Promise<void> {
  const { identity } = await authenticate(context, host);
  if (identity === host.owner) return;
  throw new HostError({
    code: 'identity/forbidden',
    message: `${identityToHex(identity)} is not authorized to read the metrics of this host: its owner's token is needed, or metrics: 'public' in its configuration`,
    details: { identity: identityToHex(identity) },
  });
}
