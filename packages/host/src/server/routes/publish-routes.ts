import type { Context, Hono } from 'hono';
import { HostError } from '../../errors.ts';
import type { Credentials } from '../../identity/claims.ts';
import { identityToHex, tryParseIdentity } from '../../identity/identity.ts';
import { findDatabase } from '../../session/admission.ts';
import type { ServedDatabase } from '../../session/served-host.ts';
import { assertOwner, authenticate, authorizeOwner } from '../authorization.ts';
import type { BreakPolicy, PublishPreview } from '../managed-host.ts';
import { refuseCreation } from '../publishers.ts';
import type { RouteContext } from './route-context.ts';

/**
 * Making, replacing and deleting databases. A bundle is read after the right to publish it was checked, and evaluated
 * after that. A database that exists is addressed by its identity from then on: whoever takes its name while the
 * bundle comes in is not published to.
 */
export function addPublishRoutes(app: Hono, routes: RouteContext): void {
  const { host } = routes;
  app.post('/v1/database', async (context) => {
    const credentials = await authenticate(context, host);
    return create(context, routes, { name: undefined, credentials });
  });
  app.put('/v1/database/:name', (context) => publish(context, routes));
  app.post('/v1/database/:name/pre_publish', (context) => previewPublish(context, routes));
  app.put('/v1/database/:name/reset', (context) => reset(context, routes));
  app.delete('/v1/database/:name', (context) => deleteDatabase(context, routes));
  for (const [path, isLocked] of [
    ['lock', true],
    ['unlock', false],
  ] as const) {
    app.post(`/v1/database/:name/${path}`, async (context) => {
      const { target } = await authorizeOwner(context, host, path);
      await host.lockDatabase(identityOf(target), isLocked);
      return context.body(null, 200);
    });
  }
}

async function publish(context: Context, routes: RouteContext): Promise<Response> {
  const { host, uploads } = routes;
  const credentials = await authenticate(context, host);
  const nameOrIdentity = context.req.param('name') ?? '';
  const existing = host.findDatabase(nameOrIdentity);
  const name = tryParseIdentity(nameOrIdentity) === undefined ? nameOrIdentity : undefined;
  // A database without a name is made by POST; an identity that belongs to none is not given to a new one.
  if (existing === undefined && name === undefined) findDatabase(host, nameOrIdentity);
  if (existing === undefined) return create(context, routes, { name, credentials });
  assertOwner(existing, credentials, 'publish');
  const options = readPublishOptions(context);
  return uploads.withBundle(context, async (module) => {
    await attempt(() => host.publish({ name: identityOf(existing), module, ...options }));
    return context.json(success(name, identityOf(existing), 'updated'));
  });
}

async function create(
  context: Context,
  { host, publishers, uploads }: RouteContext,
  request: { readonly name: string | undefined; readonly credentials: Credentials },
): Promise<Response> {
  const { name, credentials } = request;
  if (!publishers.mayCreate(credentials)) return refuseCreation(context, name, credentials);
  readPublishOptions(context);
  return uploads.withBundle(context, async (module) => {
    const made = await attempt(() => host.createDatabase({ name, module, owner: credentials.identity }));
    return context.json(success(name, identityOf(made), 'created'));
  });
}

async function previewPublish(context: Context, { host, uploads }: RouteContext): Promise<Response> {
  const { target } = await authorizeOwner(context, host, 'publish');
  checkHostType(context);
  const isColored = readChoice(context, 'style', { NoColor: false, AnsiColor: true }) ?? false;
  return uploads.withBundle(context, async (module) => {
    const preview = await attempt(() => host.previewPublish({ name: identityOf(target), module, isColored }));
    return context.json(formatPreview(preview));
  });
}

async function reset(context: Context, { host, uploads }: RouteContext): Promise<Response> {
  const { target } = await authorizeOwner(context, host, 'reset');
  checkHostType(context);
  const nameOrIdentity = context.req.param('name') ?? '';
  const name = tryParseIdentity(nameOrIdentity) === undefined ? nameOrIdentity : undefined;
  return uploads.withBundle(context, async (bundle) => {
    const module = bundle === '' ? target.database.program : bundle;
    await attempt(() => host.publish({ name: identityOf(target), module, clear: true }));
    return context.json(success(name, identityOf(target), 'updated'));
  });
}

async function deleteDatabase(context: Context, { host }: RouteContext): Promise<Response> {
  const credentials = await authenticate(context, host);
  const nameOrIdentity = context.req.param('name') ?? '';
  // As on SpacetimeDB, deleting what an identity does not have is no error; a name that is unknown is.
  if (tryParseIdentity(nameOrIdentity) !== undefined && host.findDatabase(nameOrIdentity) === undefined) {
    return context.body(null, 200);
  }
  const target = findDatabase(host, nameOrIdentity);
  assertOwner(target, credentials, 'delete');
  await host.deleteDatabase(identityOf(target));
  return context.body(null, 200);
}

interface PublishQuery {
  readonly policy: BreakPolicy | undefined;
  readonly token: string | undefined;
  readonly clear: boolean | undefined;
}

/** The query parameters of a publication. Those of replicas and time limits have no meaning on one machine. */
function readPublishOptions(context: Context): PublishQuery {
  checkHostType(context);
  for (const name of ['parent', 'org', 'organization']) {
    if (context.req.query(name) === undefined) continue;
    throw badRequest(`${name} is not supported by the embedded host: leave it out`);
  }
  return {
    policy: readChoice(context, 'policy', { Compatible: 'compatible', BreakClients: 'break-clients' }),
    clear: readChoice(context, 'clear', { true: true, false: false }),
    // Beside an Authorization header it is that of the plan; without one it was the credential.
    token: context.req.header('authorization') === undefined ? undefined : context.req.query('token'),
  };
}

function checkHostType(context: Context): void {
  const hostType = context.req.query('host_type');
  if (hostType === undefined || hostType === 'Js') return;
  throw badRequest(`host_type must be Js: modules of type ${hostType} are not supported by the embedded host`);
}

function readChoice<Value>(
  context: Context,
  name: string,
  choices: Readonly<Record<string, Value>>,
): Value | undefined {
  const given = context.req.query(name);
  if (given === undefined) return undefined;
  if (Object.hasOwn(choices, given)) return choices[given];
  throw badRequest(`${name} must be one of ${Object.keys(choices).join(', ')}`);
}

/** Does what the module's own mistakes may make fail, which are the publisher's to read. */
async function attempt<Result>(action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    const isRejection = MIGRATION_ERRORS.includes(error.code);
    if (!isRejection && !BUNDLE_ERRORS.some((area) => error.code.startsWith(area))) throw error;
    const prefix = isRejection ? 'Database update rejected' : 'Failed to create or update the database';
    throw new HostError({
      code: 'server/bad-request',
      message: `${prefix}: ${error.message}`,
      details: { code: error.code },
      cause: error,
    });
  }
}

/** Errors that a bundle brings about, by the beginning of their codes. */
const BUNDLE_ERRORS: readonly string[] = [
  'module/',
  'schema/',
  'query/',
  'datastore/',
  'bsatn/',
  'view/',
  'database/init-failed',
];

/** Errors that say why the data or the clients of a database stand in the way of a program. */
const MIGRATION_ERRORS: readonly string[] = [
  'database/migration-refused',
  'database/breaks-clients',
  'database/plan-outdated',
];

function formatPreview(preview: PublishPreview): unknown {
  if (preview.type === 'manual') return { ManualMigrate: { reason: preview.reason, major_version_upgrade: false } };
  const { text, breaksClients, token } = preview;
  return {
    AutoMigrate: { migrate_plan: text, break_clients: breaksClients, token, major_version_upgrade: false },
  };
}

function success(name: string | undefined, identityHex: string, op: 'created' | 'updated'): unknown {
  return { Success: { domain: name ?? null, database_identity: identityHex, op } };
}

function identityOf({ database }: ServedDatabase): string {
  return identityToHex(database.identity);
}

function badRequest(message: string): HostError {
  return new HostError({ code: 'server/bad-request', message });
}
