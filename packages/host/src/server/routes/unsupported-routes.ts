import type { Hono } from 'hono';

/** What SpacetimeDB has under these paths and this host has not. */
const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ['/v1/energy/*', 'energy'],
  ['/v1/mcp', 'the Model Context Protocol'],
  ['/v1/database/:name/mcp', 'the Model Context Protocol'],
  ['/v1/prometheus/sd_config', 'service discovery of Prometheus'],
]);

/** Routes that say they are missing on purpose, unlike a path that nobody has: 404 with what it is. */
export function addUnsupportedRoutes(app: Hono): void {
  for (const [path, what] of UNSUPPORTED) {
    app.all(path, (context) => context.text(`${what} is not supported by the embedded host`, 404));
  }
}
