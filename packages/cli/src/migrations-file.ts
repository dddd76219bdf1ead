import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleScript } from '@inner-universe/host';
import { defineMigrations, type DataMigrations } from 'inner-universe';
import { CliError } from './errors.ts';

/**
 * The migrations that a file exports, as its default or as `migrations`: TypeScript or JavaScript. It runs with all rights
 * of this process.
 * @throws {CliError} `cli/not-found`, `cli/usage`; `migration/invalid`; what the file throws
 */
export async function readMigrationsFile(path: string): Promise<DataMigrations> {
  const source = resolve(path);
  if (!existsSync(source)) {
    throw new CliError('cli/not-found', `There is no file '${path}'. Give a file that exports migrations.`, {
      details: { path: source },
    });
  }
  const exported = await runScript(source);
  const migrations = exported['default'] ?? exported['migrations'];
  if (migrations === undefined) {
    throw new CliError('cli/usage', `'${path}' exports no migrations. Write: export default defineMigrations([…]).`, {
      details: { path: source },
    });
  }
  // Checked by `defineMigrations` whatever it is.
  return defineMigrations(migrations as DataMigrations);
}

/** Runs a file as one that lies beside it, so that it finds the packages it imports. */
async function runScript(source: string): Promise<Readonly<Record<string, unknown>>> {
  const script = await bundleScript(source);
  const beside = join(dirname(source), `.migrations-${randomBytes(6).toString('hex')}.mjs`);
  await writeFile(beside, script, { flag: 'wx', mode: 0o600 });
  try {
    return (await import(pathToFileURL(beside).href)) as Readonly<Record<string, unknown>>; // a module's exports
  } finally {
    await rm(beside, { force: true });
  }
}
