import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { MODULE_RELEASE } from '@inner-universe/module/wire';
import { archive } from './commands/archive.ts';
import type { CommandContext } from './commands/context.ts';
import {
  CONSUMER_KINDS,
  consumersDeadLetters,
  consumersDiscard,
  consumersList,
  consumersRetry,
  consumersSeek,
  consumersShow,
} from './commands/consumers.ts';
import { eventsList, eventsPublish, eventsTail } from './commands/events.ts';
import { graphNeighbors, graphPrune, graphShow } from './commands/graph.ts';
import { importGitCommand } from './commands/import-git.ts';
import { migrateApply, migratePlan, migrateStatus } from './commands/migrate.ts';
import { serve } from './commands/serve.ts';
import { start } from './commands/start.ts';
import { stateShow } from './commands/state.ts';
import { salvage } from './commands/salvage.ts';
import { status } from './commands/status.ts';
import { versionsDiff, versionsLog, versionsShow } from './commands/versions.ts';
import { addGrantCommands } from './grant-commands.ts';
import { addCaFile, addStorageKey, addTls } from './key-options.ts';
import { addModuleCommands } from './module-commands.ts';
import { DEFAULT_DATA_DIRECTORY, TOKEN_VARIABLE } from './target.ts';

/** The command line: what there is, with which options. Throws `CommanderError` for wrong usage. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('inner-universe')
    .description('Reactive, versioned state: durable, shared, and open to look at.')
    .version(MODULE_RELEASE)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.output.out(text.trimEnd()),
      writeErr: (text) => context.output.err(text),
    });
  addServing(program, context);
  addImport(program, context);
  addEvents(program, context);
  addVersions(program, context);
  addGraph(program, context);
  addConsumers(program, context);
  addGrantCommands(program, context, target);
  target(program.command('status').description('what is there: counts, stores, branches')).action((options) =>
    status(options, context),
  );
  addMigrate(program, context);
  addArchive(program, context);
  addSalvage(program, context);
  addModuleCommands(program, context, parsePort);
  return inherit(program);
}

function addMigrate(program: Command, context: CommandContext): void {
  const migrate = program.command('migrate').description('bring data to the schema of the code');
  const migrations = (command: Command): Command =>
    target(command).option('--file <path>', 'migrations of the application\u2019s data too: what this file exports');
  const ordered = (command: Command): Command =>
    command.option('--out-of-order', 'take those too that stand before one that is done');
  const check = (command: Command): Command =>
    migrations(command).option('--check', 'fail when something is still to be applied');
  ordered(check(migrate.command('plan').description('what would be done, with samples; changes nothing')))
    .option('--samples <n>', 'how many changes are shown of each part', parseCount, 3)
    .action((options) => migratePlan(options, context));
  ordered(migrations(migrate.command('apply').description('do it; may be interrupted, and run again'))).action(
    (options) => migrateApply(options, context),
  );
  check(migrate.command('status').description('what is done, and what is not')).action((options) =>
    migrateStatus(options, context),
  );
}

function addArchive(program: Command, context: CommandContext): void {
  limits(target(program.command('archive').description('move the oldest events into files, and trim them off the log')))
    .requiredOption('--to <dir>', 'the archive; made when it is not there')
    .option('--verify', 'read and check what is there, and archive nothing')
    .action((options) => archive(options, context));
}

function addSalvage(program: Command, context: CommandContext): void {
  const command = program
    .command('salvage')
    .description('read out what is sound of a database whose files are damaged; changes nothing there')
    .option('--data <dir>', 'data directory, on which nothing may be running', DEFAULT_DATA_DIRECTORY)
    .option('--database <name>', 'the damaged database', 'universe')
    .requiredOption('--out <dir>', 'a new folder: a file of JSON lines for each table, the bundle, and report.json')
    .option('--module <path>', 'the module that was published first, where the stored one is lost')
    .option('--json', 'print JSON')
    .action((options) => salvage(options, context));
  addStorageKey(command);
}

/** Subcommands throw and print as the program itself does. */
function inherit(program: Command): Command {
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    inherit(command);
  }
  return program;
}

function addServing(program: Command, context: CommandContext): void {
  serving(
    program.command('serve').description('serve a universe to other processes and browsers, until Ctrl-C'),
  ).action((options) => serve(options, context));
  serving(
    program.command('start').description('serve a universe and import the git history of this folder into it'),
  ).action((options) => start(options, context));
}

function addImport(program: Command, context: CommandContext): void {
  const command = program.command('import').description('bring data in');
  target(
    command
      .command('git')
      .description('import the history of a git repository')
      .argument('<path>', 'a folder of the repository'),
  )
    .option('--ref <ref>', 'branch, tag or commit to import (default: HEAD)')
    .option('--limit <n>', 'import at most so many commits, oldest first', parseCount)
    .option('--name <name>', "the repository's name in ids (default: its folder's)")
    .option('--outbox <dir>', 'keep there what is on its way while the server is away, and wait for it')
    .action((path: string, options) => importGitCommand(path, options, context));
}

function addEvents(program: Command, context: CommandContext): void {
  const events = program.command('events').description('the event log');
  target(events.command('list').description('past events, newest first'))
    .option('--type <pattern>', 'only types that match: order.placed, order.*, order.**')
    .option('--kind <kind>', 'application, system or all', 'application')
    .option('--limit <n>', 'how many', parseCount, 20)
    .option('--oldest-first', 'in the order of the log')
    .action((options) => eventsList(options, context));
  target(events.command('tail').description('events as they come, until Ctrl-C'))
    .option('--type <pattern>', 'only types that match', '**')
    .option('--kind <kind>', 'application, system or all', 'application')
    .action((options) => eventsTail(options, context));
  target(events.command('publish').description('publish an event').argument('<type>').argument('[data]', 'JSON', '{}'))
    .option('--source <label>', 'who says so')
    .action((type: string, data: string, options) => eventsPublish({ type, data }, options, context));
}

function addVersions(program: Command, context: CommandContext): void {
  const versions = program.command('versions').description('the history of a state store');
  store(target(versions.command('log').description('versions, newest first')))
    .option('--branch <name>', 'only the first-parent line of a branch')
    .option('--limit <n>', 'how many', parseCount, 20)
    .action((options) => versionsLog(options, context));
  target(versions.command('show').description('one version').argument('<version>', 'id, or a commit')).action(
    (version: string, options) => versionsShow(version, options, context),
  );
  target(
    versions.command('diff').description('what changed between two versions').argument('<from>').argument('<to>'),
  ).action((from: string, to: string, options) => versionsDiff({ from, to }, options, context));
  const state = program.command('state').description('the contents of a state store');
  store(target(state.command('show').description('the state at a version, a commit or a time')))
    .option('--at <version|commit|time>', 'default: the newest')
    .option('--branch <name>', 'the branch a time is looked up on')
    .action((options) => stateShow(options, context));
}

function addGraph(program: Command, context: CommandContext): void {
  const graph = program.command('graph').description('entities and relations');
  target(graph.command('show').description('one entity and its relations').argument('<entity>')).action(
    (entity: string, options) => graphShow(entity, options, context),
  );
  target(graph.command('neighbors').description('entities around one').argument('<entity>'))
    .option('--depth <n>', 'how many steps', parseCount, 1)
    .option('--limit <n>', 'how many entities', parseCount, 50)
    .option('--type <relation type>', 'only along relations of this type')
    .action((entity: string, options) => graphNeighbors(entity, options, context));
  target(graph.command('prune').description('remove the past of the graph, for the owner; what it is now stays'))
    .requiredOption('--before <time>', 'what it was until then, such as 2026-01-31 or 2026-01-31T12:00:00Z', parseTime)
    .action((options) => graphPrune(options, context));
}

function addConsumers(program: Command, context: CommandContext): void {
  const consumers = program.command('consumers').description('durable consumers of the event log');
  const kind = (command: Command): Command =>
    command.addOption(
      new Option('--kind <kind>', 'which events the lag counts (default: those that its pattern is for)').choices(
        CONSUMER_KINDS,
      ),
    );
  kind(target(consumers.command('list').description('all there are, with their lag'))).action((options) =>
    consumersList(options, context),
  );
  kind(target(consumers.command('show').description('one, with its partitions and workers').argument('<name>'))).action(
    (name: string, options) => consumersShow(name, options, context),
  );
  target(consumers.command('dead-letters').description('events it could not handle').argument('<name>'))
    .option('--limit <n>', 'how many', parseCount, 50)
    .action((name: string, options) => consumersDeadLetters(name, options, context));
  const letters = (command: Command): Command =>
    target(command.argument('<name>').argument('[event]', 'its id')).option('--all', 'all there are');
  letters(consumers.command('retry').description('have its workers handle an event again')).action(
    (name: string, event: string | undefined, options) => consumersRetry({ name, event }, options, context),
  );
  letters(consumers.command('discard').description('give up an event')).action(
    (name: string, event: string | undefined, options) => consumersDiscard({ name, event }, options, context),
  );
  target(consumers.command('seek').description('have events handled again, or leave some out').argument('<name>'))
    .argument('<position>', 'beginning, now, a seq, or a time: what is there or comes after it is next')
    .option('--partition <n>', 'only this partition, from 0', parsePartition)
    .action((name: string, position: string, options) => consumersSeek({ name, position }, options, context));
}

/** Options that name the universe. */
function target(command: Command): Command {
  command
    .option('--data <dir>', `data directory (default: ${DEFAULT_DATA_DIRECTORY})`)
    .option('--server <url>', 'address of a server, instead of a directory')
    .option('--database <name>', 'database (default: universe)')
    .option(
      '--token <token>',
      `token of an identity (default: $${TOKEN_VARIABLE}, or the owner\u2019s beside the data)`,
    )
    .option('--json', 'print JSON');
  return addCaFile(addStorageKey(command));
}

function serving(command: Command): Command {
  limits(command)
    .option('--archive <dir>', 'archive events there while serving')
    .option('--archive-every <duration>', 'from one run of archiving to the next (default: 1h)', parseDuration)
    .option('--data <dir>', 'data directory', DEFAULT_DATA_DIRECTORY)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(new Option('--port <port>', 'port to listen on; 0 picks a free one').argParser(parsePort).default(3000))
    .addOption(
      new Option('--metrics <who>', 'who may read /metrics').choices(['owner', 'public', 'off']).default('owner'),
    )
    .option('--slow-call-ms <ms>', 'log calls that take longer (default: 1000)', parseMilliseconds)
    .option('--drain-ms <ms>', 'say at /ready that it stops so long before it does', parseMilliseconds, 0)
    .addOption(
      new Option('--expired-tokens <what>', 'a connection whose token expires while it is open: end it, or keep it')
        .choices(['end', 'keep'])
        .default('end'),
    )
    .addOption(
      new Option('--migrate <when>', 'data of an older release: before serving, or left to `migrate apply`')
        .choices(['auto', 'manual'])
        .default('auto'),
    )
    .option('--thread', 'run module and data in a worker thread; a call that never ends is ended there')
    .option(
      '--publisher <identity>',
      'who may create databases here, beside the owner; can be given several times. Whoever publishes owns this machine',
      addIdentity,
    );
  return addTls(addStorageKey(command));
}

/** Options that say what the log keeps. */
function limits(command: Command): Command {
  return command
    .option(
      '--older-than <duration>',
      'archive and trim what is older: 30d, 12h, 90m (default: the setting retention)',
      parseDuration,
    )
    .option('--keep <n>', 'archive and trim all but the newest n rows of the log', parseCount);
}

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

function parseDuration(text: string): number {
  const [, count = '', unit = ''] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  const milliseconds = Number(count) * (DURATION_UNITS_MS[unit] ?? 0);
  if (milliseconds > 0 && Number.isSafeInteger(milliseconds)) return milliseconds;
  throw new InvalidArgumentError('Give a duration: a whole number and s, m, h, d or w, as in 30d.');
}

function addIdentity(text: string, others: readonly bigint[] = []): readonly bigint[] {
  const hex = /^(?:0x)?([0-9a-f]{64})$/i.exec(text)?.[1];
  if (hex === undefined) throw new InvalidArgumentError('Give an identity: 64 hexadecimal digits.');
  return [...others, BigInt(`0x${hex}`)];
}

function store(command: Command): Command {
  return command.option('--store <name>', 'state store');
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError('Give a whole number from 1.');
  return count;
}

function parseTime(text: string): Date {
  const time = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}(T.+)?$/.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError('Give a time, as in 2026-01-31 or 2026-01-31T12:00:00Z.');
}

function parseMilliseconds(text: string): number {
  const delayMs = Number(text);
  if (!/^\d+$/.test(text) || delayMs > 86_400_000) throw new InvalidArgumentError('Give milliseconds, up to a day.');
  return delayMs;
}

function parsePartition(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('Give the number of a partition, from 0.');
  return Number(text);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('Give a port from 0 to 65535.');
  return port;
}

/** Whether an error only says that help or the version was printed. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}
