import { parseJson } from '../sats-json/parse-json.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import { validateModuleDef } from '../schema/validate.ts';
import { readSchemaV10 } from './schema-json/read-schema-v10.ts';
import { readSchemaV9 } from './schema-json/read-schema-v9.ts';
import { SchemaJson } from './schema-json/schema-json.ts';

/**
 * The definition of a module as a server tells it: the body of `GET /v1/database/NAME/schema?version=10`, or of
 * version 9, which knows neither private functions, event tables nor the names that the module's code uses.
 * @throws {SchemaError} `schema/invalid`, `schema/unsupported`; @throws {SatsJsonError} when it is no JSON.
 */
export function readModuleSchema(text: string, version: 9 | 10): ModuleDef {
  const json = new SchemaJson(parseJson(text));
  return validateModuleDef(version === 10 ? readSchemaV10(json) : readSchemaV9(json));
}
