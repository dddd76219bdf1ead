import type { Entity, Relation } from '@inner-universe/nerv';
import pc from 'picocolors';
import { CliError } from '../errors.ts';
import { formatCount, oneLine, toJson } from '../output.ts';
import type { CommandContext } from './context.ts';
import { withUniverse, type LookOptions } from './options.ts';

const RELATIONS_SHOWN = 20;

/** `inner-universe graph show` */
export async function graphShow(id: string, options: LookOptions, context: CommandContext): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const entity = await universe.graph.getEntity(id);
    if (entity === undefined) throw noEntity(id);
    const relations = await universe.graph.relationsOf(entity);
    context.output.out(options.json === true ? toJson({ entity, relations }) : formatEntity(entity, relations));
  });
}

/** `inner-universe graph neighbors` */
export async function graphNeighbors(
  id: string,
  options: LookOptions & { readonly depth: number; readonly limit: number; readonly type?: string | undefined },
  context: CommandContext,
): Promise<void> {
  await withUniverse(options, context, async ({ universe }) => {
    const entity = await universe.graph.getEntity(id);
    if (entity === undefined) throw noEntity(id);
    const neighbors = await universe.graph.neighbors(entity, {
      depth: options.depth,
      limit: options.limit,
      relationType: options.type,
      direction: 'both',
    });
    if (options.json === true) context.output.out(toJson({ entity: entity.id, neighbors }));
    else for (const neighbor of neighbors) context.output.out(formatName(neighbor));
  });
}

/** `inner-universe graph prune`: removes the past of the graph before a time. May be interrupted, and run again. */
export async function graphPrune(
  options: LookOptions & { readonly before: Date },
  { output, signal }: CommandContext,
): Promise<void> {
  await withUniverse(options, { output, signal }, async ({ universe }) => {
    const { removed: removedBefore } = await universe.graph.historyBound();
    try {
      const { keptFrom, removed } = await universe.graph.pruneHistory({ before: options.before, signal });
      const result = { keptFrom: keptFrom?.toISOString() ?? null, removed: removed - removedBefore };
      output.out(options.json === true ? toJson(result) : formatPruned(result));
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new CliError('cli/interrupted', 'Interrupted: what is pruned is gone. Run it again to go on.', {
        cause: error,
      });
    }
  });
}

function formatPruned({ keptFrom, removed }: { readonly keptFrom: string | null; readonly removed: number }): string {
  if (keptFrom === null) return 'There is nothing to prune: the graph has no past that far back.';
  return `Removed ${formatCount(removed)} rows. The past of the graph is kept from ${keptFrom} on.`;
}

function noEntity(id: string): CliError {
  return new CliError(
    'cli/not-found',
    `There is no entity '${id}'. Ids are exact; imported ones look like git:<repository>:<object id>.`,
    {
      details: { entity: id },
    },
  );
}

function formatEntity(entity: Entity, relations: readonly Relation[]): string {
  const lines = [formatName(entity)];
  if (entity.description !== '' && entity.description !== entity.name)
    lines.push(`  ${oneLine(entity.description, 120)}`);
  if (entity.tags.length > 0) lines.push(`  tags ${entity.tags.join(', ')}`);
  for (const [key, value] of Object.entries(entity.properties))
    lines.push(`  ${key} ${pc.dim(oneLine(toJson(value), 100))}`);
  for (const relation of relations.slice(0, RELATIONS_SHOWN)) {
    const outward = relation.from === entity.id;
    lines.push(`  ${outward ? '→' : '←'} ${relation.type}  ${outward ? relation.to : relation.from}`);
  }
  if (relations.length > RELATIONS_SHOWN)
    lines.push(pc.dim(`  and ${relations.length - RELATIONS_SHOWN} more relations`));
  return lines.join('\n');
}

function formatName(entity: Entity): string {
  return `${pc.yellow(entity.id)}  ${pc.dim(entity.type)}  ${pc.bold(oneLine(entity.name, 80))}`;
}
