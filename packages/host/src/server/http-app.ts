import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { makeStopwatch } from '../clock/stopwatch.ts';
import { countRequests } from './count-requests.ts';
import type { HostPolicy } from './host-header.ts';
import { describeFailure } from './http-error.ts';
import { addCallRoutes } from './routes/call-routes.ts';
import { addDatabaseRoutes } from './routes/database-routes.ts';
import { addGeneralRoutes } from './routes/general-routes.ts';
import { addHealthRoutes } from './routes/health-routes.ts';
import { addIdentityRoutes } from './routes/identity-routes.ts';
import { addLogRoutes } from './routes/log-routes.ts';
import { addMetricsRoutes } from './routes/metrics-routes.ts';
import { addModuleRoutes } from './routes/module-routes.ts';
import { addNameRoutes } from './routes/name-routes.ts';
import { addPublishRoutes } from './routes/publish-routes.ts';
import type { RouteContext } from './routes/route-context.ts';
import { addSchemaRoutes } from './routes/schema-routes.ts';
import { addSqlRoutes } from './routes/sql-routes.ts';
import { addUnsupportedRoutes } from './routes/unsupported-routes.ts';

/** What the HTTP interface is answered from. */
export interface HttpAppOptions extends RouteContext {
  readonly policy: HostPolicy;
}

/**
 * The HTTP interface: SpacetimeDB's under `/v1`, and what watches a server. Nothing is allowed because of where a request comes from: what changes a host asks
 * for a token of the owner, and a token that the host gives to anybody is not one.
 */
export function makeHttpApp(options: HttpAppOptions): Hono {
  const app = new Hono();
  app.onError((error, context) => fail(context, error, options));
  app.notFound((context) => context.text('not found', 404));
  app.use(countRequests(options.host.serverMetrics, makeStopwatch(options.clock)));
  addHealthRoutes(app, options);
  app.use(checkHostHeader(options.policy));
  // Before what answers for pages of other origins: a module may say itself what these may do.
  addModuleRoutes(app, options);
  app.use(
    '/v1/*',
    cors({
      origin: '*',
      allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH'],
      allowHeaders: ['authorization', 'accept', 'content-type'],
    }),
  );
  addGeneralRoutes(app, options);
  addIdentityRoutes(app, options);
  addDatabaseRoutes(app, options);
  addPublishRoutes(app, options);
  addNameRoutes(app, options);
  addLogRoutes(app, options);
  addMetricsRoutes(app, options);
  addCallRoutes(app, options);
  addSqlRoutes(app, options);
  addSchemaRoutes(app, options);
  addUnsupportedRoutes(app);
  return app;
}

function checkHostHeader(policy: HostPolicy): MiddlewareHandler {
  return async (context, next) => {
    policy.check(context.req.header('host'));
    await next();
  };
}

function fail(context: Context, error: Error, { host, clock }: HttpAppOptions): Response {
  const { status, text } = describeFailure(error);
  if (status === 500) {
    host.logger.log({
      level: 'error',
      message: `a request failed: ${error.message}`,
      timestampMicros: clock.nowMicros(),
      source: 'host',
      details: { path: context.req.path, error },
    });
  }
  // The table of statuses holds such that carry a text.
  return context.text(text, status as ContentfulStatusCode);
}
