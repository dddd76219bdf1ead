import type { SchemaFacts } from '../connection/schema-check.ts';
import { makeSchemaNotice } from '../migrations/schema-notice.ts';
import type { ClientParts } from './client.ts';

/** Tells what the schema that was found asks for, once, and again when it changes. */
export function tellSchema(found: SchemaFacts, before: SchemaFacts | undefined, parts: ClientParts): void {
  const { codeVersion, dataVersion } = found;
  if (before?.codeVersion === codeVersion && before.dataVersion === dataVersion) return;
  if (parts.migrates === true && dataVersion < codeVersion) return;
  const notice = makeSchemaNotice(found, parts.database);
  if (notice !== undefined) parts.telemetry?.log(notice.level, notice.text, { ...found, database: parts.database });
}
