import type { Hono } from 'hono';
import { tryAuthenticate } from '../authorization.ts';
import type { RouteContext } from './route-context.ts';

/** Whether the host is there, and which it is. */
export function addGeneralRoutes(app: Hono, { host, packageVersion }: RouteContext): void {
  app.get('/v1/ping', async (context) => {
    await tryAuthenticate(context, host);
    return context.body(null, 200);
  });
  app.get('/v1/health', (context) =>
    context.json({
      package_name: '@inner-universe/host',
      version: packageVersion,
      nodes: ['local'],
      schedulable: true,
    }),
  );
}
