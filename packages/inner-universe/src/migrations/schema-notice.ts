import { CODE_VERSION } from '@inner-universe/module/wire';
import type { SchemaFacts } from '../connection/schema-check.ts';
import type { LogLevel } from '../observability/telemetry.ts';

/** What is worth telling somebody who connected: which side is older, and the command that mends it. */
export interface SchemaNotice {
  readonly level: LogLevel;
  readonly text: string;
}

/** What to tell of a schema that is usable, and not the same everywhere; undefined where it is. */
export function makeSchemaNotice(
  { codeVersion, dataVersion, release }: SchemaFacts,
  database: string,
): SchemaNotice | undefined {
  const module = `the module (release ${release})`;
  if (dataVersion > codeVersion) {
    const text =
      `The data of '${database}' have schema ${dataVersion} and ${module} only ${codeVersion}: it is older, and every ` +
      'write is refused. Publish the newer module again: inner-universe publish.';
    return { level: 'error', text };
  }
  if (dataVersion < codeVersion) {
    const text =
      `The data of '${database}' have schema ${dataVersion} and ${module} ${codeVersion}: they are older, and what ` +
      'their migrations block is refused. Let the owner run: inner-universe migrate apply.';
    return { level: 'warn', text };
  }
  if (codeVersion > CODE_VERSION) {
    const text = `This client has schema ${CODE_VERSION} and ${module} of '${database}' ${codeVersion}: it is older, and goes on. Update the package 'inner-universe'.`;
    return { level: 'info', text };
  }
  if (codeVersion < CODE_VERSION) {
    const text =
      `This client has schema ${CODE_VERSION} and ${module} of '${database}' ${codeVersion}: that is older, and goes on. ` +
      'Let the owner publish the current one: inner-universe publish.';
    return { level: 'info', text };
  }
  return undefined;
}
