import { DatabaseApi, HttpClient, type PublishPreview } from 'inner-universe';
import pc from 'picocolors';
import { CliError } from '../errors.ts';
import { readCertificates, type CaFile } from '../key-files.ts';
import { readModuleOption } from '../module-option.ts';
import { formatCount, toJson } from '../output.ts';
import { type DeleteData, publishWithConsent } from '../publish/publisher.ts';
import { resolveAccess, type ServerOptions } from '../publish/token.ts';
import { TOKEN_VARIABLE } from '../target.ts';
import type { CommandContext } from './context.ts';

/** What to publish, where to, and what may be done for it. */
export interface PublishOptions extends ServerOptions, CaFile {
  readonly database: string;
  readonly module?: string | undefined;
  readonly yes?: boolean | undefined;
  readonly breakClients?: boolean | undefined;
  /** True where it was given without a value: always. */
  readonly deleteData?: boolean | DeleteData | undefined;
  readonly json?: boolean | undefined;
}

/** `inner-universe publish`: to a host of ours and to a SpacetimeDB server alike. */
export async function publish(options: PublishOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  const { server, token } = await resolveAccess(options);
  if (token === undefined) throw noToken(server);
  const tls = await readCertificates(options);
  const bundle = await readModuleOption(options.module);
  output.err(pc.dim(`Publishing ${formatCount(Buffer.byteLength(bundle))} bytes to ${server.origin}\n`));
  const api = new DatabaseApi(new HttpClient(server, { token, signal, tls }), options.database);
  let plan: PublishPreview | undefined;
  let deletedData = false;
  const published = await publishWithConsent(api, bundle, {
    consent: {
      deleteData: readDeleteData(options.deleteData),
      breakClients: options.breakClients ?? false,
      yes: options.yes ?? false,
    },
    dialogue: {
      ask: context.ask,
      showPlan: (preview, deletesData) => {
        plan = preview;
        deletedData = deletesData;
        output.err(`${formatPreview(preview, options.database)}\n`);
        if (deletesData) output.err(`${DELETION}\n`);
      },
    },
  });
  const report = { server: server.origin, database: options.database, ...published, deletedData, plan };
  output.out(options.json === true ? toJson(report) : formatPublished(report));
}

function noToken(server: URL): CliError {
  return new CliError(
    'publish/no-token',
    `Publishing to ${server.origin} needs a token: --token-file FILE, or ${TOKEN_VARIABLE}. A host of ours writes its owner's to DATA/credentials/owner.token (for one on this machine, --data DATA finds it); for SpacetimeDB, 'spacetime login show --token' prints yours.`,
    { details: { server: server.origin } },
  );
}

function readDeleteData(given: PublishOptions['deleteData']): DeleteData {
  if (given === true) return 'always';
  return given === undefined || given === false ? 'never' : given;
}

/** The plan for people; what disconnects clients or cannot be done stands out. */
function formatPreview(preview: PublishPreview | undefined, database: string): string {
  if (preview === undefined) return `${pc.green('+')} a new database ${pc.bold(database)}`;
  if (preview.type === 'manual') return pc.red(preview.reason.trimEnd());
  const lines = preview.plan.trimEnd().split('\n');
  if (preview.isMajorUpgrade) lines.push('The module is for a new major version of SpacetimeDB.');
  return [
    ...lines.map((line) => (BREAKING.test(line) ? pc.yellow(line) : line)),
    ...(preview.breaksClients && !lines.some((line) => BREAKING.test(line))
      ? [pc.yellow('! all clients are disconnected')]
      : []),
  ].join('\n');
}

/** What the plan does not say: it is how the data would be taken over, which they are not. */
const DELETION: string = pc.red('! all data of the database are deleted instead, and init runs anew');

/** How both kinds of server name what clients feel. */
const BREAKING = /disconnect|breaking|^\s*!/i;

function formatPublished(report: {
  readonly server: string;
  readonly database: string;
  readonly identity: string;
  readonly outcome: string;
}): string {
  return `${pc.bold(report.database)} ${report.outcome} at ${report.server}\n${pc.dim(`identity ${report.identity}`)}`;
}
