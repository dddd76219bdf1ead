import { CliError } from '../errors.ts';
import { toJson } from '../output.ts';
import type { CommandContext } from './context.ts';
import { chooseStore, locateNewest, locateVersion, locateVersionAt } from './locate-version.ts';
import { withUniverse, type LookOptions } from './options.ts';

/** `inner-universe state show` */
export async function stateShow(
  options: LookOptions & {
    readonly store?: string | undefined;
    readonly at?: string | undefined;
    readonly branch?: string | undefined;
  },
  context: CommandContext,
): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const store = await chooseStore(universe, options.store);
    const timeMs = options.at === undefined ? undefined : tryParseTime(options.at);
    const entry =
      options.at === undefined
        ? await locateNewest(universe, store, options.branch)
        : timeMs === undefined
          ? await locateVersion(universe, options.at)
          : await locateVersionAt(universe, { store, branch: options.branch, timeMs });
    if (entry.version.store !== store) {
      throw new CliError(
        'cli/not-found',
        `Version '${entry.version.versionId}' is of store '${entry.version.store}', not '${store}'.`,
        {
          details: { version: entry.version.versionId, store: entry.version.store },
        },
      );
    }
    const { tree } = await universe.states.load(entry.version.versionId);
    const state = tree.toValue();
    const text = options.json === true ? toJson({ store, version: entry.version.versionId, state }) : toJson(state, 2);
    context.output.out(text);
  });
}

/** A time in ISO 8601: a date, or a date and time; undefined for anything else. */
function tryParseTime(text: string): number | undefined {
  if (!/^\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}.*)?)?$/.test(text)) return undefined;
  const timeMs = Date.parse(text.replace(' ', 'T'));
  if (Number.isNaN(timeMs))
    throw new CliError('cli/usage', `'${text}' is no time. Write it as 2026-11-22 or 2026-11-22T10:30:00Z.`);
  return timeMs;
}
