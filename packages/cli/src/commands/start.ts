import { join, relative } from 'node:path';
import pc from 'picocolors';
import { CliError } from '../errors.ts';
import { GIT_STORE } from '../git/commit-ops.ts';
import type { ImportResult } from '../git/importer.ts';
import { GitRepository } from '../git/repository.ts';
import { whileArchiving } from './archive.ts';
import type { CommandContext } from './context.ts';
import { DEFAULT_DATA_DIRECTORY } from '../target.ts';
import { countImported, formatResult, runImport } from './import-git.ts';
import { interrupted } from './interrupted.ts';
import { closeServed, formatServed, openServed, type ServedUniverse, type ServeOptions } from './serve.ts';
import { formatStatus, readStatus } from './status.ts';

/** `inner-universe start`: serves, imports the repository one stands in, tells what is there, and keeps serving. */
export async function start(options: ServeOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  const served = await openServed(options, signal);
  try {
    output.out(formatServed(served));
    const imported = await importHere(served, context);
    // It goes on as long as the universe is served: others may import into it, too.
    const statistics = await countImported(served.universe, signal);
    statistics?.ended.catch((error: unknown) =>
      output.err(`${pc.red('not counted any more')} ${error instanceof Error ? error.message : String(error)}\n`),
    );
    output.out(`\n${formatStatus(await readStatus(served.universe, served.data))}`);
    output.out(formatHints(served, imported));
    await whileArchiving(served.universe, options, context, () => interrupted(signal));
  } catch (error) {
    // Ctrl-C during the import is a clean stop: what is acknowledged is there, the next start goes on.
    if (!signal.aborted || !isInterruption(error)) throw error;
    output.err(`${pc.dim(error.message)}\n`);
  } finally {
    await closeServed(served, context);
  }
}

/** Imports the repository one stands in; undefined when there is none. */
async function importHere(
  { universe }: ServedUniverse,
  { output, signal }: CommandContext,
): Promise<ImportResult | undefined> {
  const repository = await tryOpenRepository(process.cwd(), signal);
  if (repository === undefined) {
    output.out(`There is no git repository in ${process.cwd()}: the universe starts without an import.`);
    return undefined;
  }
  output.out(`Importing the git history of ${pc.bold(repository.path)}`);
  try {
    const result = await runImport(universe, repository, { signal, output });
    output.out(formatResult(result));
    return result;
  } catch (error) {
    // What git or the history will not give is told; what is in the universe is served all the same.
    if (!(error instanceof CliError) || !error.code.startsWith('git/')) throw error;
    output.err(`${pc.red('not imported')} ${pc.dim(error.code)} ${error.message}\n`);
    return undefined;
  }
}

function isInterruption(error: unknown): error is CliError {
  return error instanceof CliError && error.code === 'cli/interrupted';
}

async function tryOpenRepository(path: string, signal: AbortSignal): Promise<GitRepository | undefined> {
  try {
    return await GitRepository.open(path, signal);
  } catch (error) {
    if (error instanceof CliError && error.code === 'git/not-a-repository') return undefined;
    throw error;
  }
}

/** Commands and a program to go on with: each can be pasted as it stands. */
function formatHints(served: ServedUniverse, imported: ImportResult | undefined): string {
  const directory = relative(process.cwd(), served.data) || '.';
  const data = directory === DEFAULT_DATA_DIRECTORY ? '' : ` --data ${quoteForShell(directory)}`;
  const looks =
    imported?.head === undefined
      ? ['status', `events publish hello '{"to":"world"}'`, 'events list', 'events tail']
      : [
          'events list --limit 5',
          `versions log --store ${GIT_STORE} --limit 5`,
          `versions show ${imported.head.slice(0, 12)}`,
          `state show --store ${GIT_STORE} --at ${imported.head.slice(0, 12)}`,
          `graph neighbors ${quoteForShell(`git:${imported.repository}:${imported.head}`)}`,
        ];
  const sample = SAMPLE.replace('ADDRESS', served.address.replace(/^http/, 'ws')).replace('TOKEN_FILE', () =>
    quoteForJavaScript(join(directory, 'credentials', 'owner.token')),
  );
  return [
    '',
    pc.bold('Look at it'),
    ...looks.map((words) => `  npx inner-universe ${words}${data}`),
    '',
    pc.bold('Use it'),
    ...sample.split('\n').map((line) => `  ${line}`),
    '',
  ].join('\n');
}

function quoteForShell(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function quoteForJavaScript(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

const SAMPLE = `import { readFileSync } from 'node:fs';
import { openUniverse } from 'inner-universe';
const token = readFileSync(TOKEN_FILE, 'utf8').trim();
const universe = await openUniverse({ server: 'ADDRESS', token });
universe.events.subscribe('order.*', (event) => console.log(event.type, event.data));
await universe.events.publish('order.placed', { id: 1, total: 12.5 });
const cart = await universe.states.open('cart', { items: [] });
const version = await cart.commit((draft) => { draft.items.push('apple'); }, 'add an apple');
console.log((await cart.at(version)).items);
await universe.close();`;
