import type { Context, Hono } from 'hono';
import { findDatabase } from '../../session/admission.ts';
import type { RouteContext } from './route-context.ts';

/** What SpacetimeDB answers and this host does not: added last, so that a route that exists goes first. */
export function addUnsupportedRoutes(app: Hono, { host }: RouteContext): void {
  // The paths that a module's own HTTP handlers would answer: no credential is looked at, the handlers would do that.
  for (const path of ['/v1/database/:name/route', '/v1/database/:name/route/*']) {
    app.all(path, (context) => {
      findDatabase(host, context.req.param('name') ?? '');
      return unsupported(context);
    });
  }
}

function unsupported(context: Context): Response {
  return context.text('not supported by the embedded host', 501);
}
