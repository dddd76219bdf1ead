import type { ModuleDef } from '../schema/module-def.ts';
import { SchemaError } from '../schema/schema-error.ts';

/**
 * Refuses a module that asks for something which, left out, would do harm: without its row-level security everybody
 * would see every row. @throws {SchemaError} `schema/unsupported`
 */
export function assertSupported({ rowLevelSecurity }: ModuleDef): void {
  if (rowLevelSecurity.length === 0) return;
  throw new SchemaError(
    rowLevelSecurity.map((rule) => ({
      rule: 'RowLevelSecurityUnsupported',
      message: `row-level security is not supported by the embedded host: \`${rule}\` would not be kept. Make the table private and let a procedure read it, or publish the module to SpacetimeDB.`,
    })),
    'schema/unsupported',
  );
}

/** What of a module this host leaves out, one sentence each, for the log. Whoever asks for it is told so too. */
export function describeLeftOut({ httpRoutes }: ModuleDef): readonly string[] {
  const sentences: string[] = [];
  if (httpRoutes.length > 0) {
    const paths = httpRoutes.map(({ method, path }) => `${method ?? 'any method'} ${path}`).join(', ');
    sentences.push(`HTTP routes of modules are not supported by the embedded host: ${paths} is answered with 501`);
  }
  return sentences;
}
