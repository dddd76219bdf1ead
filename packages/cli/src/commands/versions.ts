import { microsOf, type VersionEntry } from '@inner-universe/module/wire';
import { ALL_VERSIONS, pages } from 'inner-universe';
import pc from 'picocolors';
import { formatMicros, oneLine, toJson } from '../output.ts';
import type { CommandContext } from './context.ts';
import { chooseBranch, chooseStore, locateVersion } from './locate-version.ts';
import { withUniverse, type LookOptions } from './options.ts';

/** `inner-universe versions log` */
export async function versionsLog(
  options: LookOptions & {
    readonly store?: string | undefined;
    readonly branch?: string | undefined;
    readonly limit: number;
  },
  context: CommandContext,
): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const store = await chooseStore(universe, options.store);
    const branch = options.branch === undefined ? '' : (await chooseBranch(universe, store, options.branch)).name;
    const entries: VersionEntry[] = [];
    const read = (cursor: string) =>
      universe.client.read('readVersions', {
        ...ALL_VERSIONS,
        store,
        branch,
        descending: true,
        cursor,
        limit: Math.min(options.limit, 1_000),
      });
    for await (const page of pages(read)) {
      entries.push(...page.versions);
      if (entries.length >= options.limit) break;
    }
    const shown = entries.slice(0, options.limit);
    if (options.json === true) context.output.out(toJson(shown.map(describe)));
    else for (const entry of shown) context.output.out(formatLine(entry));
  });
}

/** `inner-universe versions show` */
export async function versionsShow(reference: string, options: LookOptions, context: CommandContext): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const entry = await locateVersion(universe, reference);
    const first = entry.parents[0];
    const changes = await universe.states.diff(first, entry.version.versionId);
    if (options.json === true) context.output.out(toJson({ ...describe(entry), changes }));
    else context.output.out([formatVersion(entry), '', ...changes.map((change) => formatChange(change))].join('\n'));
  });
}

/** `inner-universe versions diff` */
export async function versionsDiff(
  between: { readonly from: string; readonly to: string },
  options: LookOptions,
  context: CommandContext,
): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const from = await locateVersion(universe, between.from);
    const to = await locateVersion(universe, between.to);
    const patch = await universe.states.diff(from.version.versionId, to.version.versionId);
    if (options.json === true) {
      context.output.out(toJson({ from: from.version.versionId, to: to.version.versionId, patch }));
    } else {
      for (const change of patch) context.output.out(formatChange(change));
      context.output.err(pc.dim(`${patch.length} change(s)\n`));
    }
  });
}

function describe({ version, parents }: VersionEntry): object {
  return {
    id: version.versionId,
    store: version.store,
    parents,
    author: version.author,
    authoredAt: formatMicros(microsOf(version.authoredAt)),
    recordedAt: formatMicros(microsOf(version.recordedAt)),
    description: version.description,
    dataHash: version.dataHash,
    chainHash: version.chainHash,
    seq: version.seq,
  };
}

function formatLine({ version, parents }: VersionEntry): string {
  const merge = parents.length > 1 ? pc.dim(` (merge of ${parents.length})`) : '';
  const time = formatMicros(microsOf(version.authoredAt)).slice(0, 10);
  return `${pc.yellow(version.versionId)}  ${time}  ${oneLine(version.author, 24)}  ${oneLine(version.description, 72)}${merge}`;
}

function formatVersion({ version, parents }: VersionEntry): string {
  return [
    `${pc.yellow(version.versionId)}  in ${version.store}`,
    `parents   ${parents.length === 0 ? 'none' : parents.join('\n          ')}`,
    `author    ${version.author}`,
    `authored  ${formatMicros(microsOf(version.authoredAt))}`,
    `recorded  ${formatMicros(microsOf(version.recordedAt))}`,
    `state     ${version.dataHash}`,
    `chain     ${version.chainHash}`,
    '',
    ...version.description.split('\n').map((line) => `    ${oneLine(line, 200)}`),
  ].join('\n');
}

function formatChange(change: { readonly op: string; readonly path: string; readonly value?: unknown }): string {
  const mark = change.op === 'add' ? pc.green('+') : change.op === 'remove' ? pc.red('-') : pc.cyan('~');
  const value = 'value' in change ? `  ${pc.dim(oneLine(toJson(change.value), 100))}` : '';
  return `${mark} ${oneLine(formatPointer(change.path), 200)}${value}`;
}

/** A JSON Pointer for people: keys as they are, a file's path with its slashes. */
function formatPointer(pointer: string): string {
  const keys = pointer.split('/').slice(1);
  return keys.length === 0 ? '(all)' : keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~')).join(' › ');
}
