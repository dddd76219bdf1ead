import type { ServeOptions } from '@inner-universe/host';
import { NervPersistenceError } from '../errors.ts';
import { CALL_OPTION_FORMS, checkOptions, type OptionForm } from './check-options.ts';
import type { DeploymentOptions, DeploymentPermission } from './deployment/deployment.ts';

const SERVE_FORMS: { readonly [Name in keyof Required<ServeOptions>]: OptionForm } = {
  host: 'text',
  port: 'count',
  tls: 'object',
  allowedHosts: 'texts',
  trustedProxies: 'texts',
  publishers: 'list',
  bundleBytesMax: 'count',
  connectionsMax: 'count',
  metrics: ['owner', 'public', 'off'],
  moreMetrics: 'function',
  drainMs: 'duration',
  headTimeoutMs: 'duration',
  expiredTokens: ['end', 'keep'],
};
const PORT_MAX = 65_535;

const DEPLOYMENT_FORMS: { readonly [Name in keyof Required<DeploymentOptions>]: OptionForm } = {
  ...CALL_OPTION_FORMS,
  target: 'text',
  database: 'text',
  token: 'any', // a text or a function
  module: 'any', // a path, or where else it comes from
  allow: 'object',
  migrate: 'any', // a function or 'manual'
  onProgress: 'function',
  planOnly: 'boolean',
};
const PERMISSION_FORMS: { readonly [Name in keyof Required<DeploymentPermission>]: OptionForm } = {
  breakClients: 'boolean',
  deleteData: ['never', 'on-conflict', 'always'],
};

/** Refuses to serve at no address, or by options that are none. @throws {NervPersistenceError} `config/invalid` */
export function checkServeOptions(options: ServeOptions): void {
  checkOptions('serve', options, SERVE_FORMS);
  const { host, port } = { ...(options as Partial<ServeOptions> | undefined) };
  if (host !== undefined && host !== '' && port !== undefined && port <= PORT_MAX) return;
  throw new NervPersistenceError(
    'config/invalid',
    `A universe is served at a host and a port from 0 to ${PORT_MAX}, such as { host: '127.0.0.1', port: 3000 }, not at '${host ?? ''}' and ${String(port)}. Nothing was done.`,
    { details: { field: host === undefined || host === '' ? 'host' : 'port' } },
  );
}

/** Refuses options that are none: a deployment would do more than was meant. @throws `config/invalid` */
export function checkDeploymentOptions(options: DeploymentOptions): void {
  checkOptions('startDeploymentMode', options, DEPLOYMENT_FORMS);
  checkOptions('what a deployment may do', options.allow, PERMISSION_FORMS);
  const { migrate, token } = options;
  if (migrate !== undefined && migrate !== 'manual' && typeof migrate !== 'function')
    throw makeWrong('migrate', `'manual' or a function`);
  if (token !== undefined && typeof token !== 'string' && typeof token !== 'function')
    throw makeWrong('token', 'a text or a function');
}

function makeWrong(field: string, wanted: string): NervPersistenceError {
  return new NervPersistenceError(
    'config/invalid',
    `The option '${field}' of startDeploymentMode takes ${wanted}. Nothing was done.`,
    {
      details: { field },
    },
  );
}
