import { identityHex, type StatusResult } from '@inner-universe/module/wire';
import { ALL_REFERENCES, pages, type Universe } from 'inner-universe';
import pc from 'picocolors';
import { readStatistics, type RepositoryStatistics } from '../git/statistics.ts';
import { formatTable, toJson } from '../output.ts';
import type { CommandContext } from './context.ts';
import { withUniverse, type LookOptions } from './options.ts';

/** What a universe holds, as `status --json` prints it. */
export interface StatusReport {
  readonly target: string;
  readonly database: string;
  readonly counts: {
    /** Application events. */
    readonly events: number;
    /** The module's own records of what changed. */
    readonly changes: number;
    readonly entities: number;
    readonly relations: number;
    readonly versions: number;
  };
  readonly seq: number;
  readonly trimmedSeq: number;
  /** From when on the past of the graph is kept; null for all of it. */
  readonly historyKeptFrom: string | null;
  readonly owner: string;
  readonly schema: { readonly code: number; readonly data: number; readonly release: string };
  readonly stores: readonly { readonly name: string; readonly scope: string }[];
  readonly branches: readonly { readonly store: string; readonly name: string; readonly head: string }[];
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  /** What was counted of the git histories that were imported. */
  readonly git: readonly RepositoryStatistics[];
}

/** `inner-universe status` */
export async function status(options: LookOptions, context: CommandContext): Promise<void> {
  await withUniverse(options, context, async ({ universe, description }) => {
    const report = await readStatus(universe, description);
    context.output.out(options.json === true ? toJson(report) : formatStatus(report));
  });
}

/** Reads what there is, by pages. */
export async function readStatus(universe: Universe, target: string): Promise<StatusReport> {
  const { client } = universe;
  const result = await client.read('readStatus', {});
  const stores: StatusReport['stores'][number][] = [];
  for await (const page of pages((cursor) => client.read('readStores', { scope: '', cursor, limit: 0 }))) {
    for (const row of page.stores) stores.push({ name: row.store, scope: row.scope });
  }
  const branches: StatusReport['branches'][number][] = [];
  for await (const page of pages((cursor) => client.read('readBranches', { ...ALL_REFERENCES, cursor }))) {
    for (const row of page.branches) branches.push({ store: row.store, name: row.name, head: row.head });
  }
  return {
    target,
    database: client.database,
    counts: countsOf(result),
    seq: Number(result.seq),
    trimmedSeq: Number(result.trimmedSeq),
    historyKeptFrom: (await universe.graph.historyBound()).keptFrom?.toISOString() ?? null,
    owner: identityHex(result.owner),
    schema: { code: result.codeVersion, data: result.dataVersion, release: result.release },
    stores,
    branches,
    tables: result.tables.map((table) => ({ name: table.name, rows: Number(table.rows) })),
    git: await readStatistics(universe),
  };
}

function countsOf(result: StatusResult): StatusReport['counts'] {
  return {
    events: Number(result.events),
    changes: Number(result.changes),
    entities: Number(result.entities),
    relations: Number(result.relations),
    versions: Number(result.versions),
  };
}

/** The report for people. */
export function formatStatus(report: StatusReport): string {
  const { counts } = report;
  const lines = [
    `${pc.bold(report.target)}  database ${report.database}, module ${report.schema.release}`,
    '',
    formatTable(
      ['events', 'changes', 'entities', 'relations', 'versions'],
      [[counts.events, counts.changes, counts.entities, counts.relations, counts.versions]],
    ),
  ];
  if (report.historyKeptFrom !== null)
    lines.push('', `The past of the graph is kept from ${report.historyKeptFrom} on.`);
  if (report.branches.length > 0) {
    const rows = report.branches.map((branch) => [branch.store, branch.name, branch.head]);
    lines.push('', formatTable(['store', 'branch', 'head'], rows));
  } else if (report.stores.length > 0) {
    lines.push(
      '',
      formatTable(
        ['store'],
        report.stores.map((entry) => [entry.name]),
      ),
    );
  }
  if (report.git.length > 0) {
    const rows = report.git.map((of) => [of.repository, of.commits, of.authors, of.lastAuthoredAt]);
    lines.push('', formatTable(['repository', 'commits', 'authors', 'last authored'], rows));
  }
  return lines.join('\n');
}
