import {
  applyMigrations,
  migrationStatus,
  planMigrations,
  type ChangeSample,
  type DataMigrationPlan,
  type DataMigrationReport,
  type DataMigrations,
  type DataMigrationStatus,
  type Logger,
  type LogRecord,
  type PartPlan,
  type SchemaMigration,
  type SchemaMigrationReport,
  type SchemaStatus,
} from 'inner-universe';
import pc from 'picocolors';
import { CliError } from '../errors.ts';
import { readMigrationsFile } from '../migrations-file.ts';
import { formatCount, oneLine, toJson, type Output } from '../output.ts';
import { Progress } from '../progress.ts';
import type { CommandContext } from './context.ts';
import { withUniverse, type LookOptions } from './options.ts';

/** What every command about migrations takes. */
export interface MigrateOptions extends LookOptions {
  /** A file that exports migrations of the application's data. */
  readonly file?: string | undefined;
  /** Applies those too that stand before one that is done. */
  readonly outOfOrder?: boolean | undefined;
}

/** For use in scripts. */
export interface MigrateCheckOptions extends MigrateOptions {
  /** Fails with `cli/migrations-pending` when something is still to be applied. */
  readonly check?: boolean | undefined;
}

const SAMPLE_WIDTH = 100;

/** `inner-universe migrate plan`: what would be done, with samples; changes nothing. */
export async function migratePlan(
  options: MigrateCheckOptions & { readonly samples?: number | undefined },
  context: CommandContext,
): Promise<void> {
  const { output, signal } = context;
  const migrations = await tryReadFile(options);
  await withUniverse(
    options,
    context,
    async ({ universe }) => {
      const schema = await planMigrations(universe.client, { signal });
      const progress = new Progress(output, 'rows', () => performance.now());
      const onProgress = ({ id, read }: { readonly id: string; readonly read: number }): void =>
        progress.tell(`${id}: ${formatCount(read)} rows looked at`);
      const data =
        migrations === undefined
          ? undefined
          : await universe.migrations
              .plan(migrations, { samplesMax: options.samples, onProgress, signal, outOfOrder: orderOf(options) })
              .finally(() => progress.end());
      output.out(options.json === true ? toJson({ schema, data }) : formatPlan(schema, data));
      const pending = (data ?? []).filter(({ state }) => state !== 'done').length;
      requireNone(options, schema, pending);
    },
    manually(output),
  );
}

/** `inner-universe migrate apply`: may be interrupted, or killed, and run again. */
export async function migrateApply(options: MigrateOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  const migrations = await tryReadFile(options);
  await withUniverse(
    options,
    context,
    async ({ universe }) => {
      const progress = new Progress(output, 'rows', () => performance.now());
      try {
        const schema = await applyMigrations(universe.client, {
          signal,
          onProgress: ({ to, name, processed, done }) =>
            progress.tell(`schema ${to} (${name}): ${formatCount(processed)} rows${done ? ', done' : ''}`, done),
        });
        const data =
          migrations === undefined
            ? undefined
            : await universe.migrate(migrations, {
                signal,
                outOfOrder: orderOf(options),
                onProgress: ({ id, state, part, read, changed }) =>
                  progress.tell(
                    `${id}: ${part ?? state}, ${formatCount(read)} looked at, ${formatCount(changed)} changed`,
                    state === 'done',
                  ),
              });
        progress.end();
        output.out(options.json === true ? toJson({ schema, data }) : formatApplied(schema, data));
      } catch (error) {
        progress.end();
        if (!signal.aborted) throw error;
        throw new CliError('cli/interrupted', 'Interrupted: what is migrated stays. Run it again to go on.', {
          cause: error,
        });
      }
    },
    manually(output),
  );
}

/** `inner-universe migrate status` */
export async function migrateStatus(options: MigrateCheckOptions, context: CommandContext): Promise<void> {
  const { output, signal } = context;
  const migrations = await tryReadFile(options);
  await withUniverse(
    options,
    context,
    async ({ universe }) => {
      const schema = await migrationStatus(universe.client, { signal });
      const data = await universe.migrations.status(migrations, { signal });
      output.out(options.json === true ? toJson({ schema, data }) : formatStatus(schema, data));
      requireNone(options, schema, data.filter(({ state }) => state !== 'done').length);
    },
    manually(output),
  );
}

/** Opens data as they are. That they are older is what is told anyway; what else is logged goes on. */
function manually(output: Output): { readonly migrate: 'manual'; readonly logger: Logger } {
  const log = ({ level, message }: LogRecord): void => {
    if (level === 'error') output.err(`${pc.red('error')} ${message}\n`);
  };
  return { migrate: 'manual', logger: { log } };
}

function tryReadFile({ file }: MigrateOptions): Promise<DataMigrations | undefined> {
  return file === undefined ? Promise.resolve(undefined) : readMigrationsFile(file);
}

function requireNone({ check }: MigrateCheckOptions, schema: SchemaStatus, pendingData: number): void {
  if (check !== true || (schema.state === 'current' && pendingData === 0)) return;
  const pending = schema.migrations.filter(({ state }) => state !== 'done').length;
  throw new CliError(
    'cli/migrations-pending',
    schema.state === 'data-newer'
      ? `The data have schema ${schema.dataVersion}, and the module ${schema.codeVersion}: publish the newer module again.`
      : `${formatCount(pending)} of the schema and ${formatCount(pendingData)} of the data are still to be applied: inner-universe migrate apply.`,
    { details: { schema: pending, data: pendingData } },
  );
}

function formatPlan(schema: SchemaStatus, data: readonly DataMigrationPlan[] | undefined): string {
  const lines = formatSchema(schema);
  if (data !== undefined) lines.push('', ...data.flatMap(formatDataPlan));
  return lines.join('\n');
}

function formatStatus(schema: SchemaStatus, data: readonly DataMigrationStatus[]): string {
  const lines = [
    ...formatSchema(schema),
    '',
    `${pc.bold('Data')}  ${data.length === 0 ? 'no migrations' : ''}`.trimEnd(),
  ];
  return [...lines, ...data.map((one) => `  ${formatDataStatus(one)}`)].join('\n');
}

function formatApplied(schema: SchemaMigrationReport, data: DataMigrationReport | undefined): string {
  const { from, to, applied, steps } = schema;
  const lines = [
    applied.length === 0
      ? `Schema ${to}: nothing to migrate.`
      : `Schema ${from} to ${to}: ${applied.join(', ')}, in ${formatCount(steps)} steps.`,
  ];
  for (const one of data?.migrations ?? []) {
    lines.push(data?.applied.includes(one.id) === true ? formatDataStatus(one) : `${one.id}  was done before`);
  }
  return lines.join('\n');
}

function formatSchema({ codeVersion, dataVersion, state, migrations }: SchemaStatus): string[] {
  const what =
    state === 'current'
      ? 'nothing to migrate'
      : state === 'data-older'
        ? 'the data are older'
        : 'the module is older: publish the newer one again';
  return [
    `${pc.bold('Schema')}  data ${dataVersion}, module ${codeVersion}: ${what}`,
    ...migrations.map((one) => `  ${formatMigration(one)}`),
  ];
}

function formatMigration({ to, name, description, blocks, state, processed }: SchemaMigration): string {
  const refused = state === 'done' || blocks.length === 0 ? '' : `  refuses until then: ${blocks.join(', ')}`;
  const rows = state === 'pending' ? '' : `  ${formatCount(processed)} rows`;
  return `${to}  ${name}  ${state}${rows}  ${pc.dim(description)}${refused}`;
}

function formatDataPlan({ id, state, parts }: DataMigrationPlan): string[] {
  return [`${pc.bold(id)}  ${state}`, ...parts.flatMap(formatPart)];
}

function formatPart({ part, read, changed, samples }: PartPlan): string[] {
  const name = part.kind === 'state' ? `state ${part.store}/${part.branch}` : `${part.kind} ${part.type}`;
  return [`  ${name}  ${formatCount(changed)} of ${formatCount(read)} would change`, ...samples.map(formatSample)];
}

function formatSample(sample: ChangeSample): string {
  const id = sample.type === 'row' ? sample.before.id : sample.head;
  return `    ${pc.dim(id)}  ${oneLine(toJson(sample.patch), SAMPLE_WIDTH)}`;
}

function formatDataStatus({ id, state, part, read, changed, finishedAt }: DataMigrationStatus): string {
  const at = part === undefined ? '' : `, at ${part}`;
  const since = finishedAt === undefined ? '' : `  ${finishedAt.toISOString()}`;
  if (state === 'pending') return `${id}  pending`;
  return `${id}  ${state}${at}  ${formatCount(read)} looked at, ${formatCount(changed)} changed${since}`;
}

function orderOf({ outOfOrder }: MigrateOptions): 'apply' | 'refuse' {
  return outOfOrder === true ? 'apply' : 'refuse';
}
