import { resolve } from 'node:path';
import {
  archiveEvents,
  ArchiveSchedule,
  NodeArchiveFiles,
  openArchive,
  type ArchiveContents,
  type ArchiveResult,
  type RetentionLimits,
  type Universe,
} from 'inner-universe';
import pc from 'picocolors';
import { CliError } from '../errors.ts';
import { formatCount, toJson } from '../output.ts';
import { Progress } from '../progress.ts';
import type { CommandContext } from './context.ts';
import { withUniverse, type LookOptions } from './options.ts';

/** What the log keeps; without any of it the setting `retention` says it. */
export interface LimitOptions {
  /** In milliseconds. */
  readonly olderThan?: number | undefined;
  readonly keep?: number | undefined;
}

/** Where to, and how much. */
export interface ArchiveCommandOptions extends LookOptions, LimitOptions {
  readonly to: string;
  /** Reads and checks what is there, and archives nothing. */
  readonly verify?: boolean | undefined;
}

/** How a server archives. */
export interface ServedArchiveOptions extends LimitOptions {
  /** The archive's directory. */
  readonly archive?: string | undefined;
  /** From one run to the next, in milliseconds. */
  readonly archiveEvery?: number | undefined;
}

/** `inner-universe archive`: moves the oldest events into an archive. May be interrupted, and run again. */
export async function archive(options: ArchiveCommandOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  const to = resolve(options.to);
  if (options.verify === true) {
    const contents = await openArchive(to).verify();
    output.out(options.json === true ? toJson(contents ?? null) : formatContents(contents, to));
    return;
  }
  await withUniverse(options, context, async ({ universe }) => {
    const progress = new Progress(output, 'events', () => performance.now());
    try {
      const start = (await openArchive(to).contents())?.lastSeq ?? 0n;
      const result = await archiveEvents(universe.client, new NodeArchiveFiles(to), {
        limits: limitsOf(options),
        signal,
        onProgress: ({ archivedSeq, targetSeq }) =>
          progress.update({ done: Number(archivedSeq - start), total: Number(targetSeq - start) }),
      });
      progress.end();
      output.out(options.json === true ? toJson(result) : formatResult(result, to));
    } catch (error) {
      progress.end();
      if (!signal.aborted) throw error;
      throw new CliError('cli/interrupted', 'Interrupted: what is archived stays. Run it again to go on.', {
        cause: error,
      });
    }
  });
}

/** Does some work, and archives the universe meanwhile if that is asked for. */
export async function whileArchiving(
  universe: Universe,
  options: ServedArchiveOptions,
  context: Pick<CommandContext, 'output'>,
  work: () => Promise<void>,
): Promise<void> {
  const schedule = startArchiving(universe, options, context);
  try {
    await work();
  } finally {
    await schedule?.close();
  }
}

function startArchiving(
  universe: Universe,
  options: ServedArchiveOptions,
  { output }: Pick<CommandContext, 'output'>,
): ArchiveSchedule | undefined {
  const { archive: directory, archiveEvery: everyMs } = options;
  const limits = limitsOf(options);
  if (directory === undefined) {
    if (limits === undefined && everyMs === undefined) return undefined;
    throw new CliError('cli/usage', 'Say where to archive: --archive DIR.');
  }
  const to = resolve(directory);
  return new ArchiveSchedule(universe.client, to, {
    limits,
    everyMs,
    onDone: (result) => {
      if (result.archived > 0 || result.trimmed > 0) output.err(`${pc.dim(formatResult(result, to))}\n`);
    },
    onError: (error) => output.err(`${pc.red('not archived')} ${describe(error)} It is tried again.\n`),
  });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? `${pc.dim(code)} ${error.message}` : error.message;
}

function limitsOf({ olderThan, keep }: LimitOptions): RetentionLimits | undefined {
  return olderThan === undefined && keep === undefined ? undefined : { maxAgeMs: olderThan, maxEvents: keep };
}

function formatResult({ archived, trimmed, archivedSeq, trimmedSeq, heldBy }: ArchiveResult, to: string): string {
  const held = heldBy === undefined ? '' : ` The consumer '${heldBy}' holds what follows.`;
  return (
    `Archived ${formatCount(archived)} events to ${to}, which now ends with ${formatCount(archivedSeq)}. ` +
    `Trimmed ${formatCount(trimmed)}: the log begins after ${formatCount(trimmedSeq)}.${held}`
  );
}

function formatContents(contents: ArchiveContents | undefined, to: string): string {
  if (contents === undefined) return `There is nothing archived in ${to}.`;
  const { firstSeq, lastSeq, segments, digest, unfinishedBytes } = contents;
  const rest =
    unfinishedBytes === 0
      ? ''
      : `\n${formatCount(unfinishedBytes)} bytes behind them were never finished; the next run removes them.`;
  return (
    `All ${formatCount(lastSeq - firstSeq + 1n)} events in ${to} are sound: ${formatCount(firstSeq)} to ${formatCount(lastSeq)}, ` +
    `in ${formatCount(segments)} segments. Digest of the last: ${digest}${rest}`
  );
}
