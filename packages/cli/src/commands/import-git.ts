import type { Universe } from 'inner-universe';
import pc from 'picocolors';
import { importGit, type ImportResult } from '../git/importer.ts';
import { GitRepository } from '../git/repository.ts';
import { StatisticsFollower } from '../git/statistics.ts';
import { formatCount, toJson, type Output } from '../output.ts';
import { Progress } from '../progress.ts';
import type { CommandContext } from './context.ts';
import { CliError } from '../errors.ts';
import { openTarget } from '../target.ts';
import type { LookOptions } from './options.ts';
import { readStatus } from './status.ts';

/** What an import may be told. */
export interface ImportCommandOptions extends LookOptions {
  readonly ref?: string | undefined;
  readonly limit?: number | undefined;
  readonly name?: string | undefined;
  /** A directory that keeps what is on its way while the server is away. */
  readonly outbox?: string | undefined;
}

/** `inner-universe import git PATH` */
export async function importGitCommand(
  path: string,
  options: ImportCommandOptions,
  context: CommandContext,
): Promise<void> {
  // The repository first: a path that is none must not leave an empty universe behind.
  const repository = await GitRepository.open(path, context.signal);
  const { signal } = context;
  const { outbox } = options;
  const { universe, description } = await openTarget(options, { signal, create: true, outbox });
  try {
    const result = await runImport(universe, repository, {
      ...options,
      signal,
      output: context.output,
    });
    const statistics = await countImported(universe, signal);
    await statistics?.close();
    const { counts } = await readStatus(universe, description);
    context.output.out(options.json === true ? toJson({ ...result, counts }) : formatResult(result));
  } finally {
    await universe.close();
  }
}

/**
 * Counts what was imported and is not counted yet; gives the consumer, which goes on counting until it is closed.
 * Undefined where that is for somebody else to do.
 * @throws {CliError} `cli/interrupted`
 */
export async function countImported(universe: Universe, signal: AbortSignal): Promise<StatisticsFollower | undefined> {
  const statistics = await StatisticsFollower.start(universe);
  try {
    await statistics?.caughtUp(signal);
    return statistics;
  } catch (error) {
    await statistics?.close();
    if (!signal.aborted) throw error;
    throw new CliError(
      'cli/interrupted',
      'Interrupted: all is imported, and not all of it is counted yet. Run it again to go on.',
      { cause: error },
    );
  }
}

/** Imports with progress shown; what an outbox kept of an earlier run goes first. */
export async function runImport(
  universe: Universe,
  repository: GitRepository,
  options: Pick<ImportCommandOptions, 'ref' | 'limit' | 'name' | 'json'> & { signal: AbortSignal; output: Output },
): Promise<ImportResult> {
  const progress = new Progress(options.output, 'commits', () => performance.now());
  progress.begin(`Reading the history of ${repository.path}`);
  try {
    await sendKept(universe, options.signal);
    return await importGit(universe, repository, {
      ref: options.ref,
      limit: options.limit,
      name: options.name,
      signal: options.signal,
      onProgress: (state) => {
        if (state.total > 0) progress.update(state);
      },
    });
  } finally {
    progress.end();
  }
}

/** What is there is read only when what an earlier run left in the outbox is there, too. */
async function sendKept({ client }: Universe, signal: AbortSignal): Promise<void> {
  if (client.unconfirmed().length === 0) return;
  await new Promise<void>((resolve, reject) => {
    const stop = client.work.onOutcome(() => {
      if (client.unconfirmed().length === 0) end(resolve);
    });
    const onAbort = (): void => end(() => reject(new CliError('cli/interrupted', KEPT)));
    const end = (settle: () => void): void => {
      stop();
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

const KEPT = 'Interrupted: what the outbox holds was not sent yet. Run it again to go on.';

/** One sentence on what an import did. */
export function formatResult(result: ImportResult): string {
  if (result.head === undefined) return `${pc.bold(result.repository)} has no commits yet; nothing to import.`;
  const commit = result.head.slice(0, 12);
  const at = result.ref === result.head ? commit : `${result.ref.replace(/^refs\/(heads\/)?/, '')} (${commit})`;
  if (result.imported === 0) return `${pc.bold(result.repository)}: ${at} was imported before; nothing is new.`;
  const imported = `${formatCount(result.imported)} commit${result.imported === 1 ? '' : 's'}`;
  if (result.incomplete)
    return `${pc.bold(result.repository)}: imported ${imported} on the way to ${at}. Run it again for more.`;
  return `${pc.bold(result.repository)}: imported ${imported} up to ${at}.`;
}
