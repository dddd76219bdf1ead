import { type Command, Option } from 'commander';
import { addCaFile, addStorageKey, addTls } from './key-options.ts';
import type { CommandContext } from './commands/context.ts';
import { dev } from './commands/dev.ts';
import { generate } from './commands/generate.ts';
import { publish } from './commands/publish.ts';
import { DEFAULT_DATA_DIRECTORY, TOKEN_VARIABLE } from './target.ts';

/** The commands about modules of one's own: publish, generate, dev. `parsePort` is that of the program. */
export function addModuleCommands(
  program: Command,
  context: CommandContext,
  parsePort: (text: string) => number,
): void {
  addPublish(program, context);
  const generating = program
    .command('generate')
    .description('write TypeScript client bindings for the official SDK')
    .requiredOption('--out <dir>', 'folder for the bindings')
    .option('--module <path>', 'a module: its entry file, its folder, or its bundle')
    .option('--server <url>', 'take what a database of this server runs, instead')
    .option('--database <name>', 'the database of that server')
    .option('--include-private', "private tables and functions too, for clients of the database's owner")
    .option('--check', 'write nothing; fail if the bindings there are not current')
    .option('--json', 'print JSON')
    .action((options) => generate(options, context));
  addCaFile(generating);
  const developing = program
    .command('dev')
    .description('serve a module and publish it again after each change, until Ctrl-C')
    .option('--module <path>', 'its entry file or folder', '.')
    .option('--database <name>', 'name of the database', 'dev')
    .option('--data <dir>', 'data directory', DEFAULT_DATA_DIRECTORY)
    .option('--out <dir>', 'keep client bindings in this folder current, too')
    .option('--include-private', 'private tables and functions too, in the bindings')
    .addOption(
      new Option(
        '--delete-data <when>',
        'on-conflict: delete the data where they cannot be taken over, instead of refusing the change',
      ).choices(['on-conflict']),
    )
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(new Option('--port <port>', 'port to listen on; 0 picks a free one').argParser(parsePort).default(3000))
    .option('--thread', 'run module and data in a worker thread; a call that never ends is ended there')
    .action((options) => dev(options, context));
  addTls(addStorageKey(developing));
}

function addPublish(program: Command, context: CommandContext): void {
  const publishing = program
    .command('publish')
    .description('publish a module to a host of ours or to SpacetimeDB, with the plan shown first')
    .requiredOption('--database <name>', 'the database to create or update')
    .option('--server <url>', 'address of the server (default: that of --data)')
    .option('--data <dir>', `a data directory that is served on this machine (default: ${DEFAULT_DATA_DIRECTORY})`)
    .option('--module <path>', 'entry file, folder or bundle (default: the module of Inner Universe)')
    .option(
      '--token-file <file>',
      `a file with the token (default: $${TOKEN_VARIABLE}, or the owner\u2019s beside the data)`,
    )
    .option('--token <token>', 'the token itself; others on this machine may see it')
    .option('--break-clients', 'may disconnect clients')
    .addOption(
      new Option('--delete-data [when]', 'delete all data: always, or on-conflict, where they cannot be taken over')
        .choices(['always', 'on-conflict', 'never'])
        .preset('always'),
    )
    .option('--yes', 'do not ask')
    .option('--json', 'print JSON')
    .action((options) => publish(options, context));
  addCaFile(publishing);
}
