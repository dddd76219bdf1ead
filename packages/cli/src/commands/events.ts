import type { NervEvent } from '@inner-universe/nerv';
import pc from 'picocolors';
import { CliError } from '../errors.ts';
import { COMMIT_EVENT_TYPE } from '../git/commit-ops.ts';
import { oneLine, toJson } from '../output.ts';
import type { CommandContext } from './context.ts';
import { interrupted } from './interrupted.ts';
import { withUniverse, type LookOptions } from './options.ts';

interface EventFilter {
  readonly type?: string | undefined;
  readonly kind: string;
}

/** `inner-universe events list` */
export async function eventsList(
  options: LookOptions & EventFilter & { readonly limit: number; readonly oldestFirst?: boolean | undefined },
  context: CommandContext,
): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const order = options.oldestFirst === true ? 'ascending' : 'descending';
    const lists = await Promise.all(
      kindsOf(options.kind).map((kind) =>
        universe.events.query({ kind, pattern: options.type, limit: options.limit, order }),
      ),
    );
    const sign = order === 'ascending' ? 1 : -1;
    const events = lists.flat().sort((a, b) => sign * ((a.seq ?? 0) - (b.seq ?? 0)));
    const shown = events.slice(0, options.limit);
    if (options.json === true) context.output.out(toJson(shown));
    else for (const event of shown) context.output.out(formatEvent(event));
  });
}

/** `inner-universe events tail`: until interrupted. */
export async function eventsTail(options: LookOptions & EventFilter, context: CommandContext): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    for (const kind of kindsOf(options.kind)) {
      universe.events.subscribe({ pattern: options.type ?? '**', kind }, (event) =>
        context.output.out(options.json === true ? toJson(event) : formatEvent(event)),
      );
    }
    if (options.json !== true) context.output.err(pc.dim('Waiting for events; Ctrl-C ends.\n'));
    await interrupted(context.signal);
  });
}

/** `inner-universe events publish` */
export async function eventsPublish(
  event: { readonly type: string; readonly data: string },
  options: LookOptions & { readonly source?: string | undefined },
  context: CommandContext,
): Promise<void> {
  const data = parseData(event.data);
  await withUniverse(options, context, async ({ universe }) => {
    const id = await universe.events.publish(event.type, data, { source: options.source });
    context.output.out(options.json === true ? toJson({ id, type: event.type }) : `published ${event.type} as ${id}`);
  });
}

function parseData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError('cli/usage', `The data of the event is not JSON: ${text}`, { cause });
  }
}

function kindsOf(kind: string): readonly ('application' | 'system')[] {
  if (kind === 'all') return ['application', 'system'];
  if (kind === 'application' || kind === 'system') return [kind];
  throw new CliError('cli/usage', `There is no kind '${kind}': give application, system or all.`);
}

function formatEvent(event: NervEvent): string {
  const seq = event.seq === undefined ? '' : String(event.seq);
  const time = new Date(event.timestamp).toISOString();
  return `${pc.dim(seq.padStart(8))}  ${time}  ${pc.bold(event.type)}  ${oneLine(summarise(event), 100)}`;
}

/** What fits on a line: of a commit its id and subject, of anything else the beginning of its data. */
function summarise({ type, data }: NervEvent): string {
  if (type === COMMIT_EVENT_TYPE && typeof data === 'object' && data !== null) {
    const { id, message } = data as { id?: unknown; message?: unknown };
    if (typeof id === 'string' && typeof message === 'string') return `${id.slice(0, 12)}  ${message}`;
  }
  return toJson(data) ?? '';
}
