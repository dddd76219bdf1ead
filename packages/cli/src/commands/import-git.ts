import type { Universe } from 'inner-universe';
import pc from 'picocolors';
import { importGit, type ImportResult } from '../git/importer.ts';
import { GitRepository } from '../git/repository.ts';
import { formatCount, toJson, type Output } from '../output.ts';
import { Progress } from '../progress.ts';
import type { CommandContext } from './context.ts';
import { openTarget } from '../target.ts';
import type { LookOptions } from './options.ts';
import { readStatus } from './status.ts';

/** What an import may be told. */
export interface ImportCommandOptions extends LookOptions {
  readonly ref?: string | undefined;
  readonly limit?: number | undefined;
  readonly name?: string | undefined;
}

/** `inner-universe import git PATH` */
export async function importGitCommand(
  path: string,
  options: ImportCommandOptions,
  context: CommandContext,
): Promise<void> {
  // The repository first: a path that is none must not leave an empty universe behind.
  const repository = await GitRepository.open(path, context.signal);
  const { universe, description } = await openTarget(options, { signal: context.signal, create: true });
  try {
    const result = await runImport(universe, repository, {
      ...options,
      signal: context.signal,
      output: context.output,
    });
    const { counts } = await readStatus(universe, description);
    context.output.out(options.json === true ? toJson({ ...result, counts }) : formatResult(result));
  } finally {
    await universe.close();
  }
}

/** Imports with progress shown. */
export async function runImport(
  universe: Universe,
  repository: GitRepository,
  options: Pick<ImportCommandOptions, 'ref' | 'limit' | 'name' | 'json'> & { signal: AbortSignal; output: Output },
): Promise<ImportResult> {
  const progress = new Progress(options.output, 'commits', () => performance.now());
  progress.begin(`Reading the history of ${repository.path}`);
  try {
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
