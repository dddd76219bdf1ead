import type { ModuleDef, ModuleSource } from '@inner-universe/host';
import { NervPersistenceError } from '../../errors.ts';
import { findModule } from '../module-bundle.ts';

/** A module that can be published. */
export interface BuiltModule {
  readonly bundle: string;
  /** Keccak-256 of the bundle, as servers name programs. */
  readonly hash: string;
  readonly def: ModuleDef;
}

/** Tables that make a module an Inner Universe: the one that is read at connect, and the one that orders its log. */
const TABLES = ['schema_version', 'log_head'];

/**
 * Makes the bundle of a module, from its entry file where there is none, and evaluates it to see what it is.
 * @throws {NervPersistenceError} `deployment/not-a-universe`; the host's errors for a module that cannot be built
 */
export async function buildModule(module: string | ModuleSource | undefined): Promise<BuiltModule> {
  const { describeModule, hashProgram, readModule } = await import('@inner-universe/host');
  const source = typeof module === 'string' ? { path: module } : (module ?? findModule());
  const bundle = await readModule(source);
  const def = await describeModule(bundle);
  const missing = TABLES.filter((name) => !def.tables.some((table) => table.name === name));
  if (missing.length > 0) {
    throw new NervPersistenceError(
      'deployment/not-a-universe',
      `The module is no Inner Universe: it has no table ${missing.map((name) => `'${name}'`).join(' and no ')}. Nothing was published. ` +
        'Give the module of this package, or one made from it; any other is published by: inner-universe publish.',
      { details: { missing } },
    );
  }
  return { bundle, hash: hashProgram(bundle), def };
}
