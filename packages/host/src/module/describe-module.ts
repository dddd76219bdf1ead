import type { ModuleDef } from '../schema/module-def.ts';
import { describeProgram } from './describe-program.ts';
import { makeProgramLoader } from './program-loader.ts';

/**
 * The validated definition of a bundle: its tables, functions and types. Evaluates the bundle, touches no data.
 * @throws {HostError} `module/load-failed`, `module/unsupported`; @throws {SchemaError} with all that is wrong.
 */
export async function describeModule(bundle: string): Promise<ModuleDef> {
  return describeProgram(await makeProgramLoader().load(bundle)).def;
}
