import type { Hono } from 'hono';
import { identityToHex, tryParseIdentity } from '../../identity/identity.ts';
import { authenticate, requestToken } from '../authorization.ts';
import type { RouteContext } from './route-context.ts';

/** Identities and their tokens. An identity is given to anybody who asks, and allows nothing by itself. */
export function addIdentityRoutes(app: Hono, { host }: RouteContext): void {
  app.use('/v1/identity/*', async (context, next) => {
    await next();
    // Tokens must not stay in caches on the way.
    context.header('cache-control', 'no-store');
  });
  app.post('/v1/identity', async (context) => {
    const { identity, token } = await host.tokens.issue();
    return context.json({ identity: identityToHex(identity), token });
  });
  app.post('/v1/identity/websocket-token', async (context) => {
    const credentials = await authenticate(context, host);
    const token = requestToken(context) ?? '';
    return context.json({ token: await host.tokens.exchange({ credentials, token }) });
  });
  app.get('/v1/identity/public-key', (context) =>
    context.body(host.tokens.publicPem, 200, { 'content-type': 'application/pem-certificate-chain' }),
  );
  app.get('/v1/identity/:identity/verify', async (context) => {
    const credentials = await authenticate(context, host);
    const claimed = tryParseIdentity(context.req.param('identity'));
    return claimed === credentials.identity ? context.body(null, 204) : context.text('another identity', 400);
  });
}
