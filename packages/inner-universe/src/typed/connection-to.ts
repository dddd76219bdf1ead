import type { ModuleSource } from '@inner-universe/host';
import type { ClientModule } from '@inner-universe/host/codegen';
import { DbConnectionBuilder, type DbConnectionConfig, DbConnectionImpl, makeQueryBuilder } from 'spacetimedb';
import type { ModuleConnection, ModuleConnectionType, ModuleExports, ModuleTables } from './module-types.ts';
import { makeRemoteModule, type UntypedRemoteModule } from './remote-module.ts';

/**
 * A connection for the official SDK to databases that run a module, typed by the module's own source, with nothing
 * generated: `connectionTo<typeof import('./module.ts')>({ path: 'module.ts' })`. It stands where the `DbConnection` of
 * generated bindings stands, for `createTestHost` too. Names are those of the module's code. The host, which is loaded
 * for it, bundles the source where it is no bundle yet and asks it what it is.
 * @throws {HostError} `module/*`; @throws {SchemaError}
 */
export async function connectionTo<Module extends ModuleExports>(
  module: string | ModuleSource,
): Promise<ModuleConnectionType<Module>> {
  const { describeClientModule, readModule } = await import('./host-parts.ts');
  const bundle = typeof module === 'string' ? module : await readModule(module);
  return makeConnectionType<Module>(await describeClientModule(bundle));
}

/**
 * As `connectionTo`, of a description that `describeClientModule` of `@inner-universe/host/codegen` made earlier: for
 * browsers, and wherever the host is not.
 * @throws {TypeError} where it is no such description.
 */
export function makeConnectionType<Module extends ModuleExports>(
  description: ClientModule,
): ModuleConnectionType<Module> {
  const remote = makeRemoteModule(description);
  const build = (): DbConnectionBuilder<DbConnectionImpl<UntypedRemoteModule>> =>
    new DbConnectionBuilder(
      remote,
      (config: DbConnectionConfig<UntypedRemoteModule>) => new DbConnectionImpl<UntypedRemoteModule>(config),
    );
  return {
    // The description is of the module whose type the caller names; only the names and types above tell them apart.
    builder: () => build() as unknown as DbConnectionBuilder<ModuleConnection<Module>>,
    tables: makeQueryBuilder(remote) as unknown as ModuleTables<Module>,
  };
}
