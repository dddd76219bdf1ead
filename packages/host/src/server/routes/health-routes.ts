import type { Context, Hono } from 'hono';
import { tryAuthenticate } from '../authorization.ts';
import type { RouteContext } from './route-context.ts';

/**
 * `GET /health`: the server is alive. `GET /ready`: it takes work (200), or does not (503). Both are for whoever watches
 * processes: they need no token, answer to any host name, and say nothing but that. Why it is not ready is told to the
 * host's owner alone.
 */
export function addHealthRoutes(app: Hono, { host, readiness }: RouteContext): void {
  app.get('/health', (context) => context.json({ status: 'ok' }, 200, NO_STORE));
  app.get('/ready', async (context) => {
    const isOwner = await asksAsOwner(context, host);
    const { isReady, isDraining, databases } = await readiness.report();
    const status = isReady ? 'ready' : 'not-ready';
    const body = isOwner ? { status, isDraining, databases } : { status };
    return context.json(body, isReady ? 200 : 503, NO_STORE);
  });
}

const NO_STORE = { 'cache-control': 'no-store' };

async function asksAsOwner(context: Context, host: RouteContext['host']): Promise<boolean> {
  const credentials = await tryAuthenticate(context, host);
  return credentials !== undefined && credentials.identity === host.owner;
}
