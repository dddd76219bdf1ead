import type { Context, Hono } from 'hono';
import { HostError } from '../../errors.ts';
import { identityToHex } from '../../identity/identity.ts';
import { formatPrometheus, PROMETHEUS_CONTENT_TYPE } from '../../metrics/prometheus-text.ts';
import { authenticate } from '../authorization.ts';
import type { RouteContext } from './route-context.ts';

/** Who may read the metrics of a host: they name every database, table and function, and tell how much goes on. */
export type MetricsAccess = 'owner' | 'public';

/** `GET /v1/metrics`: the metrics of the host and all its databases, in the text format of Prometheus. */
export function addMetricsRoutes(app: Hono, options: RouteContext): void {
  app.get('/v1/metrics', async (context) => {
    if (options.metricsAccess === 'owner') await assertHostOwner(context, options);
    const families = await options.host.metrics();
    return context.body(formatPrometheus(families), 200, {
      'content-type': PROMETHEUS_CONTENT_TYPE,
      'cache-control': 'no-store',
    });
  });
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
