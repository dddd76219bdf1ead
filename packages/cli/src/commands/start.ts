import { relative } from 'node:path';
import pc from 'picocolors';
import { CliError } from '../errors.ts';
import { GIT_STORE } from '../git/commit-ops.ts';
import { GitRepository } from '../git/repository.ts';
import type { CommandContext } from '../program.ts';
import { DEFAULT_DATA_DIRECTORY } from '../target.ts';
import { formatResult, runImport } from './import-git.ts';
import { closeServed, formatServed, interrupted, openServed, type ServedUniverse, type ServeOptions } from './serve.ts';
import { formatStatus, readStatus } from './status.ts';

/** `inner-universe start`: serves, imports the repository one stands in, tells what is there, and keeps serving. */
export async function start(options: ServeOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  const served = await openServed(options, signal);
  try {
    output.out(formatServed(served));
    const repository = await tryOpenRepository(process.cwd(), signal);
    if (repository === undefined) {
      output.out(`There is no git repository in ${process.cwd()}: the universe starts without an import.`);
    } else {
      output.out(`Importing the git history of ${pc.bold(repository.path)}`);
      output.out(formatResult(await runImport(served.universe, repository, { signal, output })));
    }
    output.out(`\n${formatStatus(await readStatus(served.universe, served.data))}`);
    output.out(formatHints(served, repository !== undefined));
    await interrupted(signal);
  } catch (error) {
    // Ctrl-C during the import is a clean stop: what is acknowledged is there, the next start goes on.
    if (!signal.aborted) throw error;
  } finally {
    await closeServed(served, context);
  }
}

async function tryOpenRepository(path: string, signal: AbortSignal): Promise<GitRepository | undefined> {
  try {
    return await GitRepository.open(path, signal);
  } catch (error) {
    if (error instanceof CliError && error.code === 'git/not-a-repository') return undefined;
    throw error;
  }
}

function formatHints(served: ServedUniverse, imported: boolean): string {
  const directory = relative(process.cwd(), served.data) || '.';
  const data = directory === DEFAULT_DATA_DIRECTORY ? '' : ` --data ${directory}`;
  const command = (words: string): string => `  npx inner-universe ${words}${data}`;
  const looks = imported
    ? [
        command('events list'),
        command('versions log'),
        command(`state show --store ${GIT_STORE}`),
        command(`graph neighbors git:${'<repository>'}:<commit>`),
      ]
    : [command('status'), command(`events publish hello '{"to":"world"}'`), command('events tail')];
  return [
    '',
    pc.bold('Look at it'),
    ...looks,
    '',
    pc.bold('Use it'),
    ...SAMPLE.replace('ADDRESS', served.address.replace(/^http/, 'ws'))
      .replace('DIRECTORY', directory)
      .split('\n')
      .map((line) => `  ${line}`),
    '',
  ].join('\n');
}

const SAMPLE = `import { readFileSync } from 'node:fs';
import { openUniverse } from 'inner-universe';
const token = readFileSync('DIRECTORY/credentials/owner.token', 'utf8').trim();
const universe = await openUniverse({ server: 'ADDRESS', token });
universe.events.subscribe('order.*', (event) => console.log(event.type, event.data));
await universe.events.publish('order.placed', { id: 1, total: 12.5 });
const cart = await universe.states.open('cart', { items: [] });
const version = await cart.commit((draft) => { draft.items.push('apple'); }, 'add an apple');
console.log((await cart.at(version)).items);
await universe.close();`;
