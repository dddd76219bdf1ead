export { connectionTo, makeConnectionType } from './connection-to.ts';
export type { ModuleConnection, ModuleConnectionType, ModuleExports, ModuleTables, RowOf } from './module-types.ts';
