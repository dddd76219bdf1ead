import type { Context, MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { Stopwatch } from '../clock/stopwatch.ts';
import { NO_ROUTE, type ServerMetrics } from '../metrics/server-metrics.ts';

/** Counts every answered request by the route that answered it. To be the first middleware. */
export function countRequests(metrics: ServerMetrics, nowMs: Stopwatch): MiddlewareHandler {
  return async (context, next) => {
    const startMs = nowMs();
    await next();
    const { method } = context.req;
    metrics.answered({ method, route: routeOf(context), status: context.res.status, elapsedMs: nowMs() - startMs });
  };
}

/** The pattern of what answered; a middleware that covers many paths is no route. */
function routeOf(context: Context): string {
  const pattern = routePath(context);
  return pattern === '' || pattern === '*' || pattern === '/*' || pattern === '/v1/*' ? NO_ROUTE : pattern;
}
