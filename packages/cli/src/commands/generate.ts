import { join, relative, resolve } from 'node:path';
import { describeModule, type ModuleDef } from '@inner-universe/host';
import { generateBindings } from '@inner-universe/host/codegen';
import { DatabaseApi, HttpClient } from 'inner-universe';
import { areBindingsCurrent, BINDINGS_FILE, writeBindings } from '../bindings/write-bindings.ts';
import { CliError } from '../errors.ts';
import { readCertificates, type CaFile } from '../key-files.ts';
import { readModuleOption } from '../module-option.ts';
import { toJson } from '../output.ts';
import { parseServerUrl } from '../server-api/server-url.ts';
import type { CommandContext } from './context.ts';

/** Of what bindings are made, and where they go. */
export interface GenerateOptions extends CaFile {
  readonly out: string;
  readonly module?: string | undefined;
  readonly server?: string | undefined;
  readonly database?: string | undefined;
  readonly includePrivate?: boolean | undefined;
  /** Write nothing, and fail where something would be written. */
  readonly check?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** `inner-universe generate`: client bindings for the official SDK, of a module or of what a database runs. */
export async function generate(options: GenerateOptions, context: CommandContext): Promise<void> {
  const folder = resolve(options.out);
  const text = generateBindings(await findDefinition(options, context), { includePrivate: options.includePrivate });
  const file = relative(process.cwd(), join(folder, BINDINGS_FILE));
  if (options.check === true && !(await areBindingsCurrent(folder, text))) {
    throw new CliError(
      'bindings/outdated',
      `${file} is not what the module gives now. Generate it again without --check.`,
      {
        details: { file },
      },
    );
  }
  const outcome = options.check === true ? 'unchanged' : await writeBindings(folder, text);
  context.output.out(options.json === true ? toJson({ file, outcome }) : `${file}: ${outcome}`);
}

async function findDefinition(options: GenerateOptions, { signal }: CommandContext): Promise<ModuleDef> {
  const { module, server, database } = options;
  if (server === undefined) {
    if (module === undefined)
      throw new CliError('cli/usage', 'Say of what: --module PATH, or --server URL --database NAME.');
    return describeModule(await readModuleOption(module));
  }
  if (module !== undefined) throw new CliError('cli/usage', 'Give either --module or --server, not both.');
  if (database === undefined) throw new CliError('cli/usage', 'Say which database of the server: --database NAME.');
  // Anybody may read a schema: no token is shown.
  const http = new HttpClient(parseServerUrl(server), {
    token: undefined,
    signal,
    tls: await readCertificates(options),
  });
  return new DatabaseApi(http, database).schema();
}
