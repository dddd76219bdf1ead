import { createWriteStream } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { salvageDatabase, type SalvagedDatabase, type SalvagedTable } from '@inner-universe/host';
import { readStorageKey } from 'inner-universe';
import pc from 'picocolors';
import { CliError } from '../errors.ts';
import { storageKeyOf, type StorageKeyFiles } from '../key-files.ts';
import { readModuleOption } from '../module-option.ts';
import { formatCount, formatTable, toJson } from '../output.ts';
import type { CommandContext } from './context.ts';

/** What to read out, and where to. */
export interface SalvageCommandOptions extends StorageKeyFiles {
  readonly data: string;
  readonly database: string;
  readonly out: string;
  /** Stands for the stored program where that is lost. */
  readonly module?: string | undefined;
  readonly json?: boolean | undefined;
}

/** What was read out, as `salvage --json` prints it and `report.json` keeps it. */
interface SalvageReport {
  readonly database: string;
  readonly tables: readonly { readonly name: string; readonly rows: number; readonly file: string }[];
  readonly damage: SalvagedDatabase['damage'];
  readonly unreadable: number;
}

/** `inner-universe salvage`: what is sound of a damaged database, as files. Changes nothing in the data directory. */
export async function salvage(options: SalvageCommandOptions, { output, signal }: CommandContext): Promise<void> {
  const out = resolve(options.out);
  const storageKey = await readStorageKey(storageKeyOf(options));
  await makeEmpty(out);
  const bundle = options.module === undefined ? undefined : await readModuleOption(options.module);
  const salvaged = await salvageDatabase({ data: options.data, database: options.database, bundle, storageKey });
  const tables: SalvageReport['tables'][number][] = [];
  for (const table of salvaged.tables) {
    const file = `${encodeURIComponent(table.name)}.jsonl`;
    await pipeline(Readable.from(linesOf(table)), createWriteStream(join(out, file), { flags: 'wx' }), { signal });
    tables.push({ name: table.name, rows: table.rowCount, file });
  }
  if (salvaged.bundle !== undefined) await writeFile(join(out, 'bundle.js'), salvaged.bundle);
  const { damage, unreadable } = salvaged;
  const report: SalvageReport = { database: options.database, tables, damage, unreadable };
  await writeFile(join(out, 'report.json'), `${toJson(report)}\n`);
  output.out(options.json === true ? toJson(report) : formatReport(report, out));
}

/** What was salvaged before is not mixed with what is salvaged now. */
async function makeEmpty(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length === 0) return;
  throw new CliError('cli/usage', `${folder} is not empty. Give a new folder for what is read out: --out DIR.`);
}

function* linesOf(table: SalvagedTable): Generator<string, void> {
  for (const row of table.rows()) yield `${row}\n`;
}

function formatReport({ tables, damage, unreadable }: SalvageReport, out: string): string {
  const found = tables.filter(({ rows }) => rows > 0).map(({ name, rows }) => [name, rows]);
  const lost = damage.map(({ file, from, to, reason }) => `  ${file}, bytes ${from} to ${to}: ${reason}`);
  return [
    formatTable(['table', 'rows'], found),
    damage.length === 0 ? 'No damage was found.' : pc.yellow(`Damaged or missing:\n${lost.join('\n')}`),
    ...(unreadable === 0
      ? []
      : [pc.yellow(`${formatCount(unreadable)} parts cannot be understood without what is missing.`)]),
    `Written to ${pc.bold(out)}`,
  ].join('\n');
}
